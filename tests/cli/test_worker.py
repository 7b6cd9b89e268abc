import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from idp.cli import worker
from idp.db import Database, trace
from idp.db.trace import Trace
from tests.cli.conftest import Operator

pytestmark = pytest.mark.usefixtures("_logging_as_before")

DAY = timedelta(days=1)


def stages(idp: Operator, alg: str) -> list[str]:
    return sorted(key["stage"] for key in idp.json("key", "list") if key["alg"] == alg)


def test_expired_rows_are_deleted(idp: Operator, database: Database, now: datetime) -> None:
    kept = Trace("7F3K-2Q", now, "GET /authorize", "client_unknown", None, {})
    with database.write() as connection:
        trace.add(connection, kept)
        trace.add(connection, replace(kept, reference="7F3K-2R", at=now - 8 * DAY))

    assert idp.json("worker", "--once") == {
        "results": {"sweep": {"traces": 1}, "retire_keys": [], "rotate_keys": []},
        "failed": [],
    }
    with database.read() as connection:
        assert trace.find(connection, "7F3K-2Q") == kept


def test_a_key_is_followed_after_ninety_days_and_retired_a_day_later(idp: Operator) -> None:
    idp.does("key", "init")

    idp.clock.advance(89 * DAY)
    assert idp.json("worker", "--once")["results"]["rotate_keys"] == []
    idp.clock.advance(DAY)
    assert sorted(idp.json("worker", "--once")["results"]["rotate_keys"]) == ["ES256", "EdDSA", "RS256"]
    assert stages(idp, "RS256") == ["active", "announced", "retiring"]
    assert idp.json("worker", "--once")["results"]["rotate_keys"] == []

    idp.clock.advance(DAY)
    assert len(idp.json("worker", "--once")["results"]["retire_keys"]) == 3
    assert stages(idp, "RS256") == ["active", "announced", "retired"]


def test_an_algorithm_that_cannot_rotate_is_told_each_time(idp: Operator, database: Database) -> None:
    idp.does("key", "init")
    with database.write() as connection:
        connection.execute(
            "DELETE FROM signing_keys WHERE alg = 'ES256' AND stage = 'announced'", (), lambda _: None
        )

    result = idp("worker", "--once")

    assert result.exit_code == 0
    assert result.stderr.count('"no_key_announced"') == 1
    assert '"alg":"ES256"' in result.stderr.replace(" ", "")
    assert "idp key init" in result.stderr


def test_a_task_that_fails_is_logged_and_does_not_stop_the_others(
    idp: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_installation: object) -> object:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(worker, "TASKS", {"broken": fail, **worker.TASKS})

    result = idp("worker", "--once")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "broken: failed; the log says why"
    assert result.stdout.splitlines()[-1] == "rotate_keys: nothing to do"
    assert "the disk is full" in result.stderr


def test_without_keys_the_worker_does_not_start(idp: Operator) -> None:
    idp.settings["IDP_KEYS_DIR"] += "-elsewhere"

    assert "run `idp key init`" in idp.refused("worker")


def test_a_pending_migration_is_told_at_once(idp_of_nothing: Operator) -> None:
    idp_of_nothing("key", "init")

    assert "Run: idp db upgrade" in idp_of_nothing.refused("worker", "--once")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_works_until_it_is_told_to_stop(idp: Operator, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "idp", "worker"],
        env={**os.environ, **idp.settings},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert '"worker_started"' in process.stderr.readline()
        process.send_signal(number)
        rest = process.stderr.read()

    assert (process.returncode, '"worker_stopped"' in rest) == (0, True)
