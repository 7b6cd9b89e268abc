"""The installation that a command works on: its settings, database and master keys, each opened when asked.

A command that needs no database works without one; whatever is missing says how to make it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from idp import assembly, settings
from idp.accounts.attempt import Attempts
from idp.accounts.delivery import Delivery
from idp.accounts.recovery import Recovery
from idp.accounts.smartcard import Smartcards
from idp.db import Connection, Database, Unavailable, migrate
from idp.policy.lifetime import Lifetimes
from idp.services.clock import Clock, SystemClock
from idp.services.hashing import Hasher
from idp.services.keys import MasterKeys
from idp.services.randomness import Randomness, SystemRandomness
from idp.settings import Settings

_NOWHERE = {"IDP_ISSUER": "http://localhost", "IDP_DATABASE_URL": "sqlite:///", "IDP_KEYS_DIR": "."}


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
    def settings_so_far(self) -> Settings:
        """The settings of what may not be made yet, with stand-ins for issuer, database and keys.

        For what needs none of these. Raises `SettingsWrong`.
        """
        return settings.load({**_NOWHERE, **self._environ}, self._folder)

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
        return Database(url, pool_size=2)

    @property
    def lifetimes(self) -> Lifetimes:
        """How long everything lives."""
        return assembly.lifetimes(self.settings)

    def attempts(self) -> Attempts:
        """Names the throttle buckets of a person."""
        return assembly.attempts(self.masters)

    @cached_property
    def recovery(self) -> Recovery:
        """Answers requests for login details, and invites joiners."""
        return assembly.recovery(self.settings, self.database, self.masters, self.clock, self.randomness)

    @cached_property
    def delivery(self) -> Delivery | None:
        """Sends mail; None while no setting says where to."""
        return assembly.delivery(self.settings, self.database, self.masters, self.clock)

    @cached_property
    def smartcards(self) -> Smartcards:
        """Examines cards, and fetches the revocation lists they are examined by."""
        return assembly.smartcards(self.settings, self.database, self.clock, self.randomness)

    def hasher(self) -> Hasher:
        """Hashes passwords as the servers do."""
        return Hasher(self.masters.pepper, assembly.hash_parameters(self.settings))

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
