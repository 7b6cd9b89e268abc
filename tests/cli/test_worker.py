import io
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from idp.accounts.post import Post
from idp.accounts.recovery import Asked, Identity
from idp.cli import worker
from idp.cli.installation import Installation, World
from idp.cli.worker import Task
from idp.db import Database, outbox, trace
from idp.db.outbox import State
from idp.db.trace import Trace
from idp.policy.recovery import Kind
from idp.services import logs
from idp.services.clock import SystemClock
from idp.services.letters import Letter
from tests.builders import add_account, an_account
from tests.cli import running
from tests.cli.conftest import Operator
from tests.smtp import SmtpSink

pytestmark = pytest.mark.usefixtures("_logging_as_before")

DAY = timedelta(days=1)
SENDER = "no-reply@esr.example.nhs.uk"
IDENTITY = Identity(
    kind=Kind.FORGOTTEN,
    email="sian.odowd@wales.example",
    date_of_birth=date(1984, 2, 29),
    username=None,
    request=None,
)


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def with_mailbox(idp: Operator, mailbox: Path) -> Operator:
    """Its mail goes into a folder."""
    idp.settings |= {
        "IDP_ISSUER": "http://localhost:8000",
        "IDP_OUTBOX_DIR": str(mailbox),
        "IDP_MAIL_FROM": SENDER,
    }
    return idp


def stages(idp: Operator, alg: str) -> list[str]:
    return sorted(key["stage"] for key in idp.json("key", "list") if key["alg"] == alg)


def test_expired_rows_are_deleted(idp: Operator, database: Database, now: datetime) -> None:
    kept = Trace("7F3K-2Q", now, "GET /authorize", "client_unknown", None, {})
    with database.write() as connection:
        trace.add(connection, kept)
        trace.add(connection, replace(kept, reference="7F3K-2R", at=now - 8 * DAY))

    assert idp.json("worker", "--once") == {
        "results": {
            "recovery": 0,
            "report_misses": 0,
            "mail": {},
            "fetch_crls": {},
            "sweep": {"traces": 1},
            "retire_keys": [],
            "rotate_keys": [],
        },
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
    tasks = {"broken": _fail, **worker.every_task()}
    monkeypatch.setattr(worker, "every_task", lambda: tasks)

    result = idp("worker", "--once")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "broken: failed; the log says why"
    assert result.stdout.splitlines()[-1] == "rotate_keys: nothing to do"
    assert "the disk is full" in result.stderr


def test_what_one_task_queues_the_next_one_sends(
    with_mailbox: Operator, mailbox: Path, database: Database, now: datetime
) -> None:
    ask(with_mailbox, database, now)

    results = with_mailbox.json("worker", "--once")["results"]

    assert (results["recovery"], results["mail"]) == (1, {"sent": 1})
    [letter] = mailbox.glob("*.eml")
    assert "To: sian.odowd@wales.example\n" in letter.read_text().replace("\r\n", "\n")
    assert with_mailbox.json("worker", "--once")["results"]["mail"] == {}


def test_a_mail_server_that_is_away_is_no_failure_of_the_worker(idp: Operator) -> None:
    with SmtpSink() as sink:
        idp.settings |= {"IDP_SMTP_URL": sink.url, "IDP_MAIL_FROM": SENDER}
        queue(idp)

        sink.mode = "down"
        assert idp.json("worker", "--once")["results"]["mail"] == {"put_off": 1}
        sink.mode = "ok"
        idp.clock.advance(timedelta(seconds=5))
        assert idp.json("worker", "--once")["results"]["mail"] == {"sent": 1}
        assert len(sink.received) == 1


def test_without_a_mail_server_mails_wait_and_requests_are_answered(
    idp: Operator, database: Database, now: datetime
) -> None:
    ask(idp, database, now)

    result = idp("worker", "--once")

    assert result.exit_code == 0
    assert "recovery: 1" in result.stdout
    assert '"mail_not_set_up"' in result.stderr
    assert "IDP_SMTP_URL" in result.stderr
    with database.read() as connection:
        assert outbox.counts(connection).waiting == 1


def test_the_missing_mail_server_is_told_once_an_hour(idp: Operator) -> None:
    stream = io.StringIO()
    logs.configure(stream)
    queue(idp)
    tasks = {"mail": worker.every_task()["mail"]}

    with opened(idp) as installation:
        for minutes, told in ((0, 1), (59, 1), (1, 2), (1, 2)):
            idp.clock.advance(timedelta(minutes=minutes))
            assert worker.work(installation, tasks, threading.Event()) == {"mail": {}}
            assert stream.getvalue().count('"mail_not_set_up"') == told
    assert '"waiting": 1' in stream.getvalue()


def test_a_task_that_always_fails_holds_up_no_other(idp: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure(io.StringIO())
    stop = threading.Event()
    runs: Counter[str] = Counter()

    def count(_installation: Installation, _stop: threading.Event) -> None:
        runs["mail"] += 1
        if runs["mail"] == 2:
            stop.set()

    tasks: dict[str, Task] = {"recovery": _fail, "mail": count, "sweep": _fail}
    monkeypatch.setattr(worker, "every_task", lambda: tasks)

    with opened(idp) as installation:
        worker._work_until(stop, installation)  # noqa: SLF001 - without a process and its signals

    assert runs["mail"] == 2


def test_without_keys_the_worker_does_not_start(idp: Operator) -> None:
    idp.settings["IDP_KEYS_DIR"] += "-elsewhere"

    assert "run `idp key init`" in idp.refused("worker")


def test_a_pending_migration_is_told_at_once(idp_of_nothing: Operator) -> None:
    idp_of_nothing("key", "init")

    assert "Run: idp db upgrade" in idp_of_nothing.refused("worker", "--once")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_works_until_it_is_told_to_stop(
    idp: Operator, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "worker.log"
    with working(idp, log) as process:
        running.wait_until(lambda: '"worker_started"' in log.read_text(), log)
        process.send_signal(number)

        assert process.wait(running.PATIENCE) == 0
    assert '"worker_stopped"' in log.read_text()


def test_a_mail_is_sent_within_seconds_of_its_cause(idp: Operator, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with SmtpSink() as sink:
        idp.settings |= {"IDP_SMTP_URL": sink.url, "IDP_MAIL_FROM": SENDER}
        with working(idp, log):
            running.wait_until(lambda: '"worker_started"' in log.read_text(), log)
            queued = queue(idp, SystemClock().now())
            running.wait_until(lambda: '"mail_sent"' in log.read_text(), log)

    assert [mail.id for mail in sink.received] == [queued]


def test_a_mail_server_that_takes_its_time_does_not_keep_a_worker_from_stopping(
    idp: Operator, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with SmtpSink(delay=30) as sink:
        sink.mode = "slow"
        idp.settings |= {"IDP_SMTP_URL": sink.url, "IDP_MAIL_FROM": SENDER}
        queued = queue(idp, SystemClock().now())
        with working(idp, log) as process:
            running.wait_until(lambda: sink.received, log)
            told_at = time.monotonic()
            process.terminate()

            assert process.wait(running.PATIENCE) == 0
            assert time.monotonic() - told_at < 9
    # As after a crash: the next worker sends it when the lease is over.
    with opened(idp) as installation, installation.database.read() as connection:
        mail = outbox.find(connection, queued)
    assert mail is not None
    assert mail.state is State.WAITING


def test_a_worker_that_starts_before_its_database_waits_for_it(
    idp_of_nothing: Operator, tmp_path: Path
) -> None:
    log, mailbox = tmp_path / "worker.log", tmp_path / "outbox"
    idp_of_nothing.settings |= {"IDP_ISSUER": "http://localhost:8000", "IDP_OUTBOX_DIR": str(mailbox)}
    idp_of_nothing("key", "init")
    with working(idp_of_nothing, log):
        running.wait_until(lambda: '"worker_waits_for_database"' in log.read_text(), log)
        idp_of_nothing.does("db", "upgrade")
        queue(idp_of_nothing, SystemClock().now())
        running.wait_until(lambda: list(mailbox.glob("*.eml")), log)


def _fail(_installation: Installation, _stop: threading.Event) -> None:
    raise RuntimeError("the disk is full")


@contextmanager
def opened(idp: Operator) -> Iterator[Installation]:
    """The operator's installation, as the servers would have it."""
    installation = Installation(idp.settings, None, World(idp.clock, idp.randomness))
    yield installation
    installation.close()


@contextmanager
def working(idp: Operator, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own."""
    process = running.start(log, "worker", environ=idp.settings)
    try:
        yield process
    finally:
        running.stop(process)


def ask(idp: Operator, database: Database, now: datetime) -> None:
    """Someone on record asks for login details."""
    with database.write() as connection:
        add_account(connection, an_account(now))
    with opened(idp) as installation:
        asked = installation.recovery.ask(IDENTITY, address="192.0.2.1", is_shared=False, known_device=None)
    assert isinstance(asked, Asked)


def queue(idp: Operator, now: datetime | None = None) -> UUID:
    """A letter that waits to be sent."""
    with opened(idp) as installation, installation.database.write() as connection:
        return Post(installation.masters, installation.randomness, "https://id.example.nhs.uk").queue(
            connection,
            Letter.PASSWORD_CHANGED,
            to="jane.smith@example.nhs.uk",
            language="en",
            values={
                "name": "Jane Smith",
                "username": "918JSMITH01",
                "employer": "NHS Blood and Transplant",
                "at": "2026-11-23T07:00:00+00:00",
                "how": "reset",
                "forgotten": "https://id.example.nhs.uk/forgotten",
                "service_desk": None,
            },
            person_id=None,
            reference=None,
            now=now or installation.now(),
        )
