"""Remember who is waiting, who is signed in, and which codes are good. A restart forgets it all."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from care_identity_provider.flow import Asked
from care_identity_provider.methods import Method
from care_identity_provider.settings import Person

WAITING_SECONDS = 1800
SESSION_SECONDS = 12 * 3600
CODE_SECONDS = 60
TOKEN_SECONDS = 300

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who is to choose who to be. `browser` is the name of their browser."""

    asked: Asked
    browser: str


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in here. `form_token` is what their forms must carry."""

    person: Person
    method: Method
    auth_time: int
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code stands for."""

    asked: Asked
    session: Session


class Shelf(Generic[Value]):
    """Things under secret names, each for a while."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._all: dict[str, tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def put(self, value: Value) -> str:
        """Keep it, and return its new name."""
        name = secrets.token_urlsafe(32)
        self.put_under(name, value)
        return name

    def put_under(self, name: str, value: Value) -> bool:
        """Keep it under that name, and return whether nothing was there."""
        now = time.monotonic()
        with self._lock:
            for old in [each for each, (ends, _) in self._all.items() if ends <= now]:
                del self._all[old]
            is_new = name not in self._all
            self._all[name] = now + self._seconds, value
        return is_new

    def find(self, name: str | None) -> Value | None:
        """Return what is there."""
        with self._lock:
            ends, value = self._all.get(name or "", (0.0, None))
        return value if time.monotonic() < ends else None

    def take(self, name: str | None) -> Value | None:
        """Return what is there, this once."""
        with self._lock:
            ends, value = self._all.pop(name or "", (0.0, None))
        return value if time.monotonic() < ends else None


class Memory:
    """Everything that is remembered. `assertions` are those by which the application showed who it is."""

    def __init__(self) -> None:
        self.waiting: Shelf[Waiting] = Shelf(WAITING_SECONDS)
        self.sessions: Shelf[Session] = Shelf(SESSION_SECONDS)
        self.codes: Shelf[Granted] = Shelf(CODE_SECONDS)
        self.access_tokens: Shelf[Person] = Shelf(TOKEN_SECONDS)
        self.assertions: Shelf[None] = Shelf(2 * TOKEN_SECONDS)
