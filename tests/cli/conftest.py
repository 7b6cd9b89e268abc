"""An operator at a terminal: runs `idp` commands on an installation of the test's own."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from idp.accounts.post import Enclosed
from idp.cli import main
from idp.cli.installation import World
from idp.services.keys import MasterKeys
from tests import mailbox
from tests.fakes import FakeClock, FakeRandomness


@dataclass
class Operator:
    """Runs commands; a traceback fails the test."""

    settings: dict[str, str]
    clock: FakeClock
    randomness: FakeRandomness = field(default_factory=FakeRandomness)

    def __call__(self, *arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner(env=self.settings).invoke(
            main,
            [str(argument) for argument in arguments],
            input=stdin,
            obj=World(self.clock, self.randomness),
            catch_exceptions=False,
        )

    def does(self, *arguments: object, stdin: str | bytes | None = None) -> str:
        """What a command that succeeds says."""
        result = self(*arguments, stdin=stdin)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    def json(self, *arguments: object, stdin: str | bytes | None = None, exit_code: int = 0) -> Any:  # noqa: ANN401
        """The document of a command."""
        result = self(*arguments, "--json", stdin=stdin)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def mailbox(self) -> list[Enclosed]:
        """Every letter that is queued."""
        masters = MasterKeys.load(Path(self.settings["IDP_KEYS_DIR"]))
        return mailbox.queued(self.settings["IDP_DATABASE_URL"], masters)

    def refused(self, *arguments: object, stdin: str | bytes | None = None) -> str:
        """What a command that is refused says; standard output stays empty."""
        result = self(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (1, "")
        return result.stderr


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDP_DATA", raising=False)


@pytest.fixture
def idp(database_url: str, tmp_path: Path, now: datetime) -> Operator:
    """On a migrated database, with a key folder."""
    MasterKeys.create(tmp_path / "keys")
    return _operator(database_url, tmp_path, now)


@pytest.fixture
def idp_of_nothing(tmp_path: Path, now: datetime) -> Operator:
    """Before anything was made: neither database nor keys."""
    return _operator(f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path, now)


def _operator(database_url: str, tmp_path: Path, now: datetime) -> Operator:
    settings = {
        "IDP_ISSUER": "https://id.example.nhs.uk",
        "IDP_DATABASE_URL": database_url,
        "IDP_KEYS_DIR": str(tmp_path / "keys"),
        # The least work that the settings allow.
        "IDP_HASH_MEMORY_KIB": "12288",
        "IDP_HASH_PASSES": "3",
    }
    return Operator(settings, FakeClock(now))


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.getLogger("authlib").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
