"""Who is meant by what was typed: an address and a date of birth on record, and nobody else."""

from datetime import datetime
from uuid import UUID

import pytest

from idp.db import person
from idp.db.person import Person
from tests.accounts.desk import BORN, JANE, Desk, jane


@pytest.mark.parametrize(
    "typed",
    ["918JSMITH01@EXAMPLE.NHS.UK", "918jSmith01@Example.nhs.UK", f"  {JANE} "],
)
def test_an_address_matches_in_any_ascii_case_and_mail_goes_to_the_one_on_record(
    desk: Desk, typed: str
) -> None:
    [letter] = desk.answer(email=typed)

    assert letter.to == JANE


MIKE = "mike.iskra@kings.example"
LOOK_ALIKES = {
    "CR LF": f"{MIKE}\r\nBcc: eve@evil.example",
    "LF at the end": f"{MIKE}\n",
    "comma": f"{MIKE},eve@evil.example",
    "comma and space": f"eve@evil.example, {MIKE}",
    "two addresses": f"{MIKE} eve@evil.example",
    "with a name": f"Mike <{MIKE}>",
    "in brackets": f"<{MIKE}>",
    "quoted name": f'"Mike" {MIKE}',
    "Kelvin sign": "mi\u212ae.iskra@kings.example",
    "Kelvin sign in the domain": "mike.iskra@\u212aings.example",
    "dotless i": "m\u0131ke.iskra@kings.example",
    "dotted capital i": "M\u0130KE.ISKRA@KINGS.EXAMPLE",
    "long s": "mike.i\u017fkra@kings.example",
    "full-width letter": "\uff4dike.iskra@kings.example",
    "full-width at": "mike.iskra\uff20kings.example",
    "ideographic full stop": "mike.iskra@kings\u3002example",
    "zero-width space": "mike.iskra@kings.example\u200b",
    "soft hyphen": "mike\u00ad.iskra@kings.example",
    "trailing dot": f"{MIKE}.",
    "plus tag": "mike.iskra+reset@kings.example",
    "without the dot": "mikeiskra@kings.example",
    "wildcard": "%@kings.example",
    "NUL": f"{MIKE}\0",
    "half a character": "\ud800",
    "nothing": "",
}


def test_nothing_else_reaches_anybody(desk: Desk, now: datetime) -> None:
    owner = Person(UUID(int=7), "Mike", "Iskra", MIKE, None, None, BORN, "en", now)
    with desk.site.provider.database.write() as connection:
        person.add(connection, owner)
    desk.site.add_account("918MISKRA01", person_id=owner.id)
    [letter] = desk.answer(email=MIKE.upper())
    assert letter.to == MIKE

    reached = [
        name
        for n, (name, typed) in enumerate(LOOK_ALIKES.items())
        if desk.answer(email=typed, address=f"192.0.2.{n}")
    ]
    assert reached == []


def test_a_look_alike_on_record_gets_nobody_elses_mail(desk: Desk, now: datetime) -> None:
    """However it came there: a database may take the Kelvin sign for the letter k."""
    owner = Person(UUID(int=7), None, "Eve", "mi\u212ae@kings.example", None, None, BORN, "en", now)
    with desk.site.provider.database.write() as connection:
        person.add(connection, owner)
    desk.site.add_account("918MEVE01", person_id=owner.id)

    assert desk.answer(email="mike@kings.example") == []


def test_only_the_address_on_record_counts_and_not_a_second_one(desk: Desk, now: datetime) -> None:
    owner = Person(UUID(int=7), None, "Iskra", MIKE, "second@home.example", now, BORN, "en", now)
    with desk.site.provider.database.write() as connection:
        person.add(connection, owner)
    desk.site.add_account("918IISKRA01", person_id=owner.id)

    assert desk.answer(email="second@home.example") == []


@pytest.mark.parametrize("typed", ["918JSMITH01", " 918jsmith01 "])
def test_a_username_narrows_the_letter_to_one_account(desk: Desk, typed: str) -> None:
    desk.site.add_account("432JSMITH01", person_id=jane(desk).person_id)

    [letter] = desk.answer(username=typed)

    assert [line["username"] for line in letter.values["accounts"]] == ["918JSMITH01"]


@pytest.mark.parametrize("handle", ["a&b", "x" * 65, "a\r\nb"])
def test_what_cannot_be_a_handle_stays_out_of_the_link(desk: Desk, handle: str) -> None:
    [letter] = desk.answer(request=handle)

    assert "request" not in letter.values["accounts"][0]["link"]
