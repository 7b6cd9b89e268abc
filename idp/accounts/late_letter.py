"""What is said of a link that expired before its letter could leave: where to ask for another one.

A mail server may be away for longer than a link lives. The letter goes all the same, because the rest of it
still holds, but a link that opens nothing is not in it.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# By the page of the link. A second factor is asked for on its own page, by who is logged in.
_ASK: Final[Mapping[str, str]] = MappingProxyType(
    {"/update-password": "/forgotten", "/unlock-account": "/unlock"}
)


def as_of(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The values of a letter that leaves now: `again`, an address, in place of each `link` that is over.

    Raises ValueError for a time that is none.
    """
    said = {name: _as_of(value, now) for name, value in values.items()}
    link, until = said.get("link"), said.get("until")
    if isinstance(link, str) and isinstance(until, str) and datetime.fromisoformat(until) <= now:
        said |= {"link": None, "again": ask_again(link)}
    return said


def ask_again(link: str) -> str:
    """Where its owner asks for another link, to go on with the same waiting request."""
    scheme, host, path, query, _ = urlsplit(link)
    kept = urlencode([(name, value) for name, value in parse_qsl(query) if name != "link"])
    return urlunsplit((scheme, host, _ASK.get(path, path), kept, ""))


def _as_of(value: Any, now: datetime) -> Any:  # noqa: ANN401 - a letter's values are JSON
    match value:
        case Mapping():
            return as_of(value, now)
        case list():
            return [_as_of(inner, now) for inner in value]
    return value
