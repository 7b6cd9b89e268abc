"""The installation that a command works on: its settings, database and master keys, each opened when asked.

A command that needs no database works without one; whatever is missing says how to make it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from idp import settings
from idp.accounts.attempt import Attempts
from idp.db import Connection, Database, Unavailable, migrate
from idp.policy.lifetime import Lifetimes
from idp.policy.lockout import LockoutRule
from idp.services.clock import Clock, SystemClock
from idp.services.hashing import Hasher, HashParameters
from idp.services.keys import MasterKeys
from idp.services.randomness import Randomness, SystemRandomness
from idp.settings import Settings


@dataclass(frozen=True, slots=True)
class World:
    """Where time and chance come from; tests bring their own."""

    clock: Clock = field(default_factory=SystemClock)
    randomness: Randomness = field(default_factory=SystemRandomness)


class _Undone(Exception):
    """Ends a dry run: its transaction is rolled back."""


class Installation:
    """One installation, as the environment and `--data` name it."""

    def __init__(self, environ: Mapping[str, str], folder: Path | None, world: World) -> None:
        self._environ = environ
        self._folder = folder
        self._world = world

    @property
    def randomness(self) -> Randomness:
        """Where tokens and ids come from."""
        return self._world.randomness

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        return self._world.clock

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return self.clock.now()

    @cached_property
    def settings(self) -> Settings:
        """The settings. Raises `SettingsWrong`."""
        return settings.load(self._environ, self._folder)

    @cached_property
    def masters(self) -> MasterKeys:
        """The master keys. Raises `KeysUnusable`."""
        return MasterKeys.load(self.settings.keys_dir)

    @cached_property
    def database(self) -> Database:
        """The database at this release's schema. Raises `Unavailable` with the remedy otherwise."""
        url = self.settings.database_url
        if migrate.is_missing(url):
            raise Unavailable("There is no database yet. Run: idp db upgrade")
        pending = migrate.pending(url)
        if pending:
            raise Unavailable(f"The database lacks the migration {pending[0]}. Run: idp db upgrade")
        return Database(url, pool_size=1)

    @property
    def lifetimes(self) -> Lifetimes:
        """How long keys live; those of sessions and tokens, which are settings, are not asked here."""
        return Lifetimes()

    def attempts(self) -> Attempts:
        """Names the throttle buckets of a person."""
        return Attempts(self.masters.derive("attempts"), LockoutRule())

    def hasher(self) -> Hasher:
        """Hashes passwords as the servers do."""
        parameters = HashParameters(self.settings.hash_memory_kib, self.settings.hash_passes)
        return Hasher(self.masters.pepper, parameters)

    @contextmanager
    def change(self, *, dry_run: bool = False) -> Iterator[Connection]:
        """One transaction. A dry run does everything and is then undone."""
        with suppress(_Undone), self.database.write() as connection:
            yield connection
            if dry_run:
                raise _Undone

    def close(self) -> None:
        """Close what was opened."""
        opened: Database | None = self.__dict__.get("database")
        if opened is not None:
            opened.close()
