"""Read the members of a JSON object of client metadata one by one, and collect what is wrong with them.

RFC 7591 §2 and §3.2.2. A member that is null counts as absent. A method returns what could be used of a
member, so that the reading goes on and one answer names every problem.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from idp.policy import public_jwks, redirect_uri
from idp.policy import scope as scopes
from idp.policy.public_jwks import Jwks

_MOST_ITEMS: Final = 50
_LONGEST_ITEM: Final = 256
_LONGEST_MAX_AGE: Final = timedelta(days=365)

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `message` continues a sentence that begins with the `field`."""

    field: str
    message: str


class Reader:
    """Reads one JSON object; `problems` holds what was wrong so far."""

    def __init__(self, json: Mapping[str, object]) -> None:
        self._json = json
        self.problems: list[Problem] = []

    def refuse_members(self, messages: Mapping[str, str]) -> None:
        """Refuse each member that asks for something: that is there and neither empty nor false."""
        self.problems += [Problem(name, text) for name, text in messages.items() if self._json.get(name)]

    def text(self, name: str, longest: int) -> str | None:
        """Read a string of printable characters, trimmed."""
        value = self._json.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _is_text(value):
            self._refuse(name, "must be a string of printable characters")
            return None
        if len(value) > longest:
            self._refuse(name, f"is longer than {longest} characters")
            return None
        return value.strip()

    def flag(self, name: str, *, absent: bool) -> bool:
        """Read true or false."""
        value = self._json.get(name)
        if value is not None and not isinstance(value, bool):
            self._refuse(name, "must be true or false")
        return value if isinstance(value, bool) else absent

    def seconds(self, name: str) -> timedelta | None:
        """Read a whole number of seconds."""
        value = self._json.get(name)
        if value is None:
            return None
        most = int(_LONGEST_MAX_AGE.total_seconds())
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self._refuse(name, f"must be a whole number of seconds from 0 to {most}")
            return None
        return timedelta(seconds=value)

    def choice(self, name: str, choices: type[_Choice]) -> _Choice | None:
        """Read one of the values of `choices`."""
        value = self._json.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in list(choices):
            self._refuse(name, f"must be one of: {', '.join(choices)}")
            return None
        return choices(value)

    def strings(self, name: str, longest: int = _LONGEST_ITEM) -> tuple[str, ...] | None:
        """Read a list of different strings."""
        value = self._json.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) and _is_text(item) for item in value):
            self._refuse(name, "must be a list of strings of printable characters")
            return None
        if len(value) > _MOST_ITEMS or any(len(item) > longest for item in value):
            self._refuse(name, f"holds over {_MOST_ITEMS} items, or one of over {longest} characters")
            return None
        if max(Counter(value).values(), default=1) > 1:
            self._refuse(name, "holds an item twice")
            return None
        return tuple(value)

    def choices(self, name: str, choices: tuple[str, ...]) -> tuple[str, ...] | None:
        """Read a list of some of `choices`, in their order."""
        items = self.strings(name)
        if items is None:
            return None
        if not set(items) <= set(choices):
            self._refuse(name, f"may hold only: {', '.join(choices)}")
        return tuple(choice for choice in choices if choice in items)

    def uris(self, name: str, *, native: bool) -> tuple[str, ...]:
        """Read a list of URIs that people may be sent to (`redirect_uri.problem`)."""
        items = self.strings(name, redirect_uri.LONGEST) or ()
        for number, uri in enumerate(items, start=1):
            self._check_uri(name, uri, native=native, where=f"item {number} " if len(items) > 1 else "")
        return items

    def uri(self, name: str) -> str | None:
        """Read one address on the web."""
        value = self.text(name, redirect_uri.LONGEST)
        if value is not None:
            self._check_uri(name, value, native=False)
        return value

    def scope(self, *, absent: frozenset[str]) -> frozenset[str]:
        """Read scope values as RFC 6749 writes them."""
        value = self._json.get("scope")
        if value is None:
            return absent
        parsed = scopes.parse(value) if isinstance(value, str) else None
        if isinstance(parsed, frozenset):
            return parsed
        self._refuse("scope", parsed.description if parsed else "must be a string of space-separated values")
        return absent

    def jwks(self) -> Jwks | None:
        """Read a set of public keys."""
        value = self._json.get("jwks")
        if value is None:
            return None
        parsed = public_jwks.parse(value)
        if isinstance(parsed, str):
            self._refuse("jwks", parsed)
            return None
        return parsed

    def _check_uri(self, name: str, uri: str, *, native: bool, where: str = "") -> None:
        objection = redirect_uri.problem(uri, native=native)
        if objection:
            self._refuse(name, where + objection)

    def _refuse(self, name: str, message: str) -> None:
        self.problems.append(Problem(name, message))


def _is_text(value: str) -> bool:
    # isprintable also excludes what turns the direction of text on a page, and lone surrogates.
    return bool(value.strip()) and value.isprintable()
