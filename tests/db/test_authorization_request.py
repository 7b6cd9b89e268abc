from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from idp.db import Connection, Database, authorization_request
from idp.db.authorization_request import AuthorizationRequest
from tests.builders import CLIENT_ID, SID, add_signed_in, digest_of

HANDLE = digest_of("handle")


@pytest.fixture
def parked(database: Database, now: datetime) -> AuthorizationRequest:
    request = AuthorizationRequest(
        digest=HANDLE,
        binding_digest=digest_of("browser"),
        client_id=CLIENT_ID,
        parameters={"state": "Gŵyl & co", "scope": "openid email", "max_age": 0, "ui_locales": None},
        created_at=now,
        expires_at=now + timedelta(minutes=30),
        signed_in_sid=None,
        selected_sid=None,
        consented_sid=None,
        completed_at=None,
    )
    with database.write() as connection:
        add_signed_in(connection, now)
        authorization_request.add(connection, request)
    return request


def test_a_parked_request_is_found_as_it_was(database: Database, parked: AuthorizationRequest) -> None:
    with database.read() as connection:
        assert authorization_request.find(connection, HANDLE) == parked
        assert authorization_request.find(connection, digest_of("guess")) is None


@pytest.mark.parametrize(
    ("mark", "column"),
    [
        (authorization_request.signed_in, "signed_in_sid"),
        (authorization_request.selected, "selected_sid"),
        (authorization_request.consented, "consented_sid"),
    ],
)
def test_a_step_is_remembered_with_its_session_until_the_answer(
    database: Database,
    parked: AuthorizationRequest,
    now: datetime,
    mark: Callable[[Connection, bytes, UUID], bool],
    column: str,
) -> None:
    with database.write() as connection:
        assert mark(connection, HANDLE, SID)
        stepped = authorization_request.find(connection, HANDLE)
        assert stepped is not None
        assert getattr(stepped, column) == SID
        assert stepped == replace(
            parked,
            signed_in_sid=stepped.signed_in_sid,
            selected_sid=stepped.selected_sid,
            consented_sid=stepped.consented_sid,
        )

        assert authorization_request.complete(connection, HANDLE, now)
        assert not mark(connection, HANDLE, SID)


@pytest.mark.usefixtures("parked")
def test_a_request_is_answered_once(database: Database, now: datetime) -> None:
    with database.write() as connection:
        assert authorization_request.complete(connection, HANDLE, now)
        assert not authorization_request.complete(connection, HANDLE, now)

        answered = authorization_request.find(connection, HANDLE)
    assert answered is not None
    assert answered.completed_at == now
