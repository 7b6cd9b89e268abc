"""Letters are queued with their cause and sealed until they are sent."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from idp.accounts.post import Enclosed, Post
from idp.db import Database, outbox
from idp.db.outbox import State
from idp.services.keys import MasterKeys, SealBroken
from idp.services.letters import Letter
from tests.builders import PERSON_ID
from tests.fakes import FakeRandomness

ISSUER = "https://id.example.nhs.uk"
LINK = f"{ISSUER}/unlock-account?link=c2VjcmV0LW9mLXRoZS1saW5r"
VALUES = {"name": "Siân O'Dowd", "accounts": [{"username": "123SODOWD01", "link": LINK}]}


@pytest.fixture
def masters() -> MasterKeys:
    return MasterKeys(bytes(range(32)), bytes(32))


@pytest.fixture
def post(masters: MasterKeys) -> Post:
    return Post(masters, FakeRandomness(), ISSUER)


def queue(
    post: Post,
    database: Database,
    now: datetime,
    *,
    letter: Letter = Letter.UNLOCK,
    to: str = "sian@wales.example",
    **values: Any,  # noqa: ANN401 - JSON
) -> uuid.UUID:
    with database.write() as connection:
        return post.queue(
            connection,
            letter,
            to=to,
            language="cy",
            values=values or VALUES,
            person_id=PERSON_ID,
            reference="7F3K-2Q",
            now=now,
        )


def content(database: Database, now: datetime) -> outbox.Claimed:
    with database.write_once() as connection:
        claimed = outbox.claim(connection, now, now - now)
    assert claimed is not None
    return claimed


def test_a_letter_waits_in_the_outbox_under_its_person_and_reference(
    post: Post, database: Database, now: datetime
) -> None:
    mail_id = queue(post, database, now)

    with database.read() as connection:
        [mail] = outbox.newest(connection, 9, person_id=PERSON_ID, reference="7F3K-2Q")
    assert (mail.id, mail.kind, mail.state) == (mail_id, "unlock", State.WAITING)
    assert (mail.created_at, mail.next_attempt_at, mail.attempts) == (now, now, 0)


def test_the_letter_of_who_may_begin_goes_after_that_of_who_has_lost_a_password(
    post: Post, database: Database, now: datetime
) -> None:
    queue(post, database, now - timedelta(hours=1), letter=Letter.WELCOME)
    queue(post, database, now, letter=Letter.LOGIN_DETAILS)

    assert content(database, now).kind == "login_details"


def test_what_is_sealed_is_read_as_it_was_written(
    post: Post, database: Database, masters: MasterKeys, now: datetime
) -> None:
    mail_id = queue(post, database, now)
    sealed = content(database, now).sealed

    assert sealed is not None
    assert Enclosed.open(masters, mail_id, sealed) == Enclosed(
        Letter.UNLOCK, "sian@wales.example", "cy", VALUES
    )


def test_the_database_holds_neither_address_nor_link_readably(
    post: Post, database: Database, now: datetime
) -> None:
    queue(post, database, now)

    with database.read() as connection:
        rows = connection.execute("SELECT * FROM outbox", (), lambda cursor: repr(cursor.fetchall()))
    assert "7F3K-2Q" in rows
    for secret in ("wales.example", "c2VjcmV0", "Dowd", "123SODOWD01"):
        assert secret not in rows


def test_content_that_was_moved_to_another_row_is_not_read(
    post: Post, database: Database, masters: MasterKeys, now: datetime
) -> None:
    queue(post, database, now)
    sealed = content(database, now).sealed

    assert sealed is not None
    with pytest.raises(SealBroken):
        Enclosed.open(masters, uuid.UUID(int=1), sealed)


def test_a_letter_whose_cause_is_undone_is_not_sent(post: Post, database: Database, now: datetime) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:  # noqa: PT012 - the transaction is what is tested
        post.queue(
            connection,
            Letter.UNLOCK,
            to="sian@wales.example",
            language="en",
            values=VALUES,
            person_id=None,
            reference=None,
            now=now,
        )
        raise RuntimeError("the cause fails")

    with database.read() as connection:
        assert outbox.newest(connection, 9) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sian",
        "sian@wales.example, eve@evil.example",
        "sian@wales.example\r\nBcc: eve@evil.example",
        "siân@wales.example",
        "sian@wales.example ",
    ],
)
def test_what_is_no_address_is_a_fault_of_ours(
    post: Post, database: Database, now: datetime, address: str
) -> None:
    with pytest.raises(ValueError, match="no mail address") as refused:
        queue(post, database, now, to=address)

    assert address == "" or address not in str(refused.value)
    with database.read() as connection:
        assert outbox.newest(connection, 9) == []


def test_values_that_are_not_json_are_a_fault_of_ours(post: Post, database: Database, now: datetime) -> None:
    with pytest.raises(TypeError):
        queue(post, database, now, until=now)


def test_welsh_letters_are_sealed_as_they_are(masters: MasterKeys) -> None:
    mail_id = uuid.UUID(int=1)
    sealed = Enclosed(Letter.UNLOCK, "sian@wales.example", "cy", {"name": "Gwŵr"}).seal(masters, mail_id)

    assert json.loads(masters.open(sealed, b"outbox" + mail_id.bytes))["values"] == {"name": "Gwŵr"}


def test_addresses_in_letters_begin_with_the_configured_issuer(post: Post) -> None:
    assert post.address("/forgotten") == "https://id.example.nhs.uk/forgotten"
