"""Write down why a request was refused, so that `idp explain REF` can tell.

In a transaction of its own, after everything else was undone. A flood of bad requests must not fill the
database: a process writes so many a minute, each of them bounded, and the rest is only logged. So is what
scanners ask for and nobody wonders about: pages that do not exist.
"""

import json
import threading
from collections.abc import Mapping

from idp.db import Conflict, Database, Unavailable, trace
from idp.db.trace import Trace
from idp.provider import Provider
from idp.services import logs

_MOST_A_MINUTE = 300
_LONGEST = 2048
_MOST_LISTED = 20
_LARGEST = 8 * 1024
_NEVER_KEPT = frozenset({"not_found", "method_not_allowed"})

_log = logs.get()
_lock = threading.Lock()
_window: tuple[Database | None, int, int] = (None, 0, 0)


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
    if problem not in _NEVER_KEPT and _may_write(provider.database, int(now.timestamp()) // 60):
        client = None if client_id is None else _cut(client_id)
        kept = Trace(reference, now, _cut(request), problem, client, _bounded(detail or {}))
        try:
            with provider.database.write_once() as connection:
                trace.add(connection, kept)
        except (Conflict, Unavailable):
            # The person still gets the reference, and the log has it.
            _log.warning("trace_not_stored", reference=reference)
    return reference


def _may_write(database: Database, minute: int) -> bool:
    global _window  # noqa: PLW0603 - one counter for the process and its database
    with _lock:
        written = _window[2] if _window[:2] == (database, minute) else 0
        _window = (database, minute, written + 1)
        return written < _MOST_A_MINUTE


def _bounded(detail: Mapping[str, object]) -> dict[str, object]:
    """As much of the detail, from its beginning, as there is room for."""
    bounded: dict[str, object] = {}
    room = _LARGEST
    for name, value in detail.items():
        items = value[:_MOST_LISTED] if isinstance(value, list) else [value]
        kept = []
        for item in (_cut(item) if isinstance(item, str) else item for item in items):
            room -= len(json.dumps(item))
            if room < 0:
                break
            kept.append(item)
        if kept:
            bounded[name] = kept if isinstance(value, list) else kept[0]
    return bounded


def _cut(text: str) -> str:
    # PostgreSQL's text has no NUL, UTF-8 no half of a surrogate pair, which JSON may escape.
    return text[:_LONGEST].replace("\0", "\ufffd").encode(errors="replace").decode()
