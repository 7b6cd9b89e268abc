"""Write what happens as JSON lines: one event, one line, whoever speaks and whatever it carries.

Our own events come through structlog, those of libraries through the standard library's `logging`, from
WARNING up only (Authlib prints tokens below it). Both take the same road: values whose name says they are
secret are replaced, long ones are cut, and only printable ASCII leaves, so a name with line breaks,
terminal escapes or right-to-left overrides stays inside its string. Bind a request's reference with
`structlog.contextvars`.

What surprises: an object that is not plain data is named by its type only, because its `repr` may hold a
secret; and a line that cannot be written (disk full) is lost rather than stopping the request: what must
not be lost is in the audit table.
"""

import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Final, TextIO, cast
from uuid import UUID

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_MAX_CHARACTERS: Final = 4096
_MAX_TRACE_ENTRY: Final = 1024
_MAX_ITEMS: Final = 100
_MAX_DEPTH: Final = 6
_HANDLER: Final = "idp"
_REDACTED: Final = "[redacted]"
_SECRET: Final = re.compile(
    r"pass(word|wd|phrase|code)|secret|token|cookie|credential|pepper|verifier|assertion|api_?key"
    r"|private_?key|authorization$|(^|_)(codes?|otp|totp|pin|session|sid|csrf)($|_)"
)
_NOT_SECRET: Final = frozenset(
    {
        "status_code",
        "error_code",
        "employer_code",
        "token_type",
        "token_type_hint",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "code_challenge_method",
    }
)


def configure(stream: TextIO | None = None, level: str = "INFO") -> None:
    """Send every event of `level` and above to `stream`, by default standard error. May be called again.

    Raises `KeyError` for a level that `logging` does not know.
    """
    threshold = logging.getLevelNamesMapping()[level]
    output = cast("TextIO", _Unfailing(stream or sys.stderr))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    _take_over_libraries(output, max(threshold, logging.WARNING))


def get() -> FilteringBoundLogger:
    """Return a logger: `get().info("event_name", client_id=…)`. It follows a later `configure`."""
    return cast("FilteringBoundLogger", structlog.get_logger())


def _take_over_libraries(output: TextIO, threshold: int) -> None:
    handler = logging.StreamHandler(output)
    handler.name = _HANDLER
    handler.setFormatter(_JsonLine())
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if known.name == _HANDLER]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(threshold)
    # By name too: nobody who turns on a library's debugging at the root gets tokens printed.
    logging.getLogger("authlib").setLevel(threshold)
    logging.captureWarnings(capture=True)


class _Unfailing:
    """A stream whose failures stop nobody."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # disk full, reader gone; closed
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _JsonLine(logging.Formatter):
    """A library's record as one of our lines."""

    def format(self, record: logging.LogRecord) -> str:
        event: EventDict = {"event": record.getMessage(), "logger": record.name, "exc_info": record.exc_info}
        structlog.processors.add_log_level(None, record.levelname.lower(), event)
        structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", event)
        return _render(None, "", event)


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Turn one event into one line of printable ASCII, its surest fields first."""
    trace = _trace(event.pop("exc_info", None))
    first = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    clean = _clean_mapping({**first, **event}, 0)
    if trace:
        clean["exception"] = trace
    # json leaves DEL, the one control character of ASCII above the space, as it is.
    return json.dumps(clean, ensure_ascii=True).replace("\x7f", "\\u007f")


def _trace(exc_info: object) -> str:
    """Return the traceback as text, without variables; its end, where the cause stands, survives the cut."""
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if not isinstance(error, BaseException):
        return ""
    entries = (_cut(entry.rstrip("\n"), _MAX_TRACE_ENTRY) for entry in traceback.format_exception(error))
    return "\n".join(entries)[-_MAX_CHARACTERS:]


def _clean(value: object, depth: int = 0) -> object:
    """Reduce `value` to JSON of bounded size without secrets."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return _cut(value, _MAX_CHARACTERS)
        case Mapping() | list() | tuple() if depth == _MAX_DEPTH:
            return "[too deep]"
        case Mapping():
            return _clean_mapping(value, depth)
        case list() | tuple():
            return [_clean(item, depth + 1) for item in value[:_MAX_ITEMS]]
        case _:
            return _spelled(value)


def _spelled(value: object) -> object:
    """Return how JSON shows a value that it has no form for."""
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case date():
            return value.isoformat()
        case Enum() | PurePath() | UUID() | timedelta():
            return _cut(str(value), _MAX_CHARACTERS)
        case set() | frozenset():
            return _clean(sorted(map(str, value)), _MAX_DEPTH - 1)
        case _:
            return f"[{type(value).__qualname__}]"


def _clean_mapping(values: Mapping[str, object], depth: int) -> dict[str, object]:
    clean: dict[str, object] = {}
    for key, value in list(values.items())[:_MAX_ITEMS]:
        name = _cut(str(key), _MAX_CHARACTERS)
        clean[name] = _REDACTED if _is_secret(name) and _may_reveal(value) else _clean(value, depth + 1)
    return clean


@lru_cache(maxsize=256)
def _is_secret(name: str) -> bool:
    """Say whether a value of this name is a secret: `access_token`, `Set-Cookie` and `clientSecret` are."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower()
    return snake not in _NOT_SECRET and _SECRET.search(snake) is not None


def _may_reveal(value: object) -> bool:
    return not (value is None or isinstance(value, bool))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
