"""Write down why a request was refused, so that `idp explain REF` can tell.

In a transaction of its own, after everything else was undone. A flood of bad requests must not fill the
database: a process writes so many a minute, the rest is only logged.
"""

import threading
from collections.abc import Mapping

from idp.db import Conflict, Unavailable, trace
from idp.db.trace import Trace
from idp.provider import Provider
from idp.services import logs

_MOST_A_MINUTE = 300
_LONGEST = 2048

_log = logs.get()
_lock = threading.Lock()
_window: tuple[int, int] = (0, 0)


def record(
    provider: Provider,
    *,
    request: str,
    problem: str,
    client_id: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> str:
    """Keep the refusal and return the reference to show. `request` is method and path, never the query."""
    reference = provider.randomness.reference()
    now = provider.now()
    _log.warning("refused", reference=reference, request=request, problem=problem, client_id=client_id)
    if _may_write(int(now.timestamp()) // 60):
        kept = Trace(reference, now, request[:_LONGEST], problem, client_id, _cut(detail or {}))
        try:
            with provider.database.write_once() as connection:
                trace.add(connection, kept)
        except (Conflict, Unavailable):
            # The person still gets the reference, and the log has it.
            _log.warning("trace_not_stored", reference=reference)
    return reference


def _may_write(minute: int) -> bool:
    global _window  # noqa: PLW0603 - one counter for the process
    with _lock:
        _window = (minute, _window[1] + 1 if _window[0] == minute else 1)
        return _window[1] <= _MOST_A_MINUTE


def _cut(detail: Mapping[str, object]) -> dict[str, object]:
    return {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in detail.items()}
