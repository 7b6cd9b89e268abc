"""The audit log and the traces."""

import uuid
from datetime import datetime, timedelta

import pytest

from idp.db import Conflict, Database, audit, trace
from idp.db.audit import AuditEvent
from idp.db.trace import Trace
from tests.builders import ACCOUNT_ID, GRANT_ID, SID


def _full(now: datetime) -> AuditEvent:
    return AuditEvent(
        at=now,
        event="sign_in.password",
        outcome="wrong_password",
        account_id=ACCOUNT_ID,
        client_id="rota",
        sid=SID,
        grant_id=GRANT_ID,
        address="192.0.2.1",
        reference="7F3K-2Q",
        detail={"factor": "password", "name": "Siân\n"},
    )


def test_what_happened_is_read_as_it_was_recorded(database: Database, now: datetime) -> None:
    bare = AuditEvent(at=now, event="sign_out", reference="7F3K-2Q")
    with database.write() as connection:
        audit.record(connection, _full(now))
        audit.record(connection, bare)

        assert audit.by_reference(connection, "7F3K-2Q") == [_full(now), bare]
        assert audit.by_reference(connection, "0000-00") == []


def test_what_happened_to_an_account_is_told_newest_first(database: Database, now: datetime) -> None:
    with database.write() as connection:
        for n, name in enumerate(["sign_in.passkey", "sign_out", "sign_in.password"]):
            at = now + timedelta(minutes=n)
            audit.record(connection, AuditEvent(at=at, event=name, account_id=ACCOUNT_ID))
        audit.record(connection, AuditEvent(at=now, event="factor.added", account_id=uuid.UUID(int=1)))

        events = [event.event for event in audit.of_account(connection, ACCOUNT_ID, 2)]
    assert events == ["sign_in.password", "sign_out"]


def test_what_is_not_in_the_list_of_events_is_not_recorded(database: Database, now: datetime) -> None:
    with pytest.raises(ValueError, match=r"moon\.landed"), database.write() as connection:
        audit.record(connection, AuditEvent(at=now, event="moon.landed"))


def test_what_another_release_recorded_can_still_be_read(database: Database, now: datetime) -> None:
    with database.write() as connection:
        audit.record(connection, AuditEvent(at=now, event="sign_out", reference="7F3K-2Q"))
        connection.execute("UPDATE audit SET event = 'moon.landed'", (), lambda cursor: cursor.rowcount)

        (event,) = audit.by_reference(connection, "7F3K-2Q")
    assert event.event == "moon.landed"


def test_a_trace_is_found_by_its_reference(database: Database, now: datetime) -> None:
    refused = Trace("7F3K-2Q", now, "GET /authorize", "redirect_uri", None, {"asked": "https://evil.example"})
    with database.write() as connection:
        trace.add(connection, refused)

        assert trace.find(connection, "7F3K-2Q") == refused
        assert trace.find(connection, "0000-00") is None

    with pytest.raises(Conflict), database.write() as connection:
        trace.add(connection, refused)
