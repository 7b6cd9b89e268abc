from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from idp.accounts.attempt import Attempts
from idp.db import (
    Database,
    account,
    attempt,
    audit,
    browser_session,
    grant,
    link,
    person,
    recovery_code,
    totp_device,
)
from idp.db.account import AccountState
from idp.db.attempt import Bucket
from idp.db.totp_device import TotpDevice
from idp.policy.lockout import LockoutRule
from idp.services.digest import digest
from idp.services.hashing import Hasher, HashParameters
from idp.services.keys import MasterKeys
from idp.services.letters import Letter
from tests.builders import ACCOUNT_ID, PERSON_ID, a_grant, add_signed_in, digest_of
from tests.cli.conftest import Operator

SIAN = {
    "--employer": "918",
    "--given-name": "Siân",
    "--family-name": "O'Dowd",
    "--email": "sian.odowd@nhsbt.example",
    "--date-of-birth": "1984-02-29",
}


@pytest.fixture
def idp(idp: Operator) -> Operator:
    for code, name in (("918", "NHS Blood and Transplant"), ("432", "ESNEFT")):
        idp.does("employer", "add", "--code", code, "--name", name)
    return idp


def options(**changed: str | None) -> list[str]:
    """`user add` for Siân, with some options changed or left out."""
    given: dict[str, str | None] = {
        **SIAN,
        **{f"--{name.replace('_', '-')}": value for name, value in changed.items()},
    }
    chosen = [(name, value) for name, value in given.items() if value is not None]
    return ["user", "add", *(part for pair in chosen for part in pair)]


def signed_in(database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_signed_in(connection, now)
        assert grant.add_if_live(connection, a_grant(now), now)


def events(database: Database) -> list[tuple[str, Any]]:
    with database.read() as connection:
        return [(event.event, event.detail) for event in audit.of_account(connection, ACCOUNT_ID, 10)]


def test_a_person_is_added_with_a_pending_account_and_a_username(idp: Operator) -> None:
    added = idp.json(*options())

    assert (added["username"], added["state"], added["new_person"]) == ("918SODOWD01", "pending", True)
    assert added["person"] == {
        "given_name": "Siân",
        "family_name": "O'Dowd",
        "email": "sian.odowd@nhsbt.example",
        "date_of_birth": "1984-02-29",
        "language": "en",
    }


def test_a_namesake_gets_the_next_number(idp: Operator) -> None:
    idp.does(*options())

    assert idp.does(*options(email="s.odowd@nhsbt.example")).splitlines() == [
        "918SODOWD02 is pending, for Siân O'Dowd.",
        "A welcome email is queued to s.odowd@nhsbt.example.",
    ]


def test_the_first_free_number_is_taken(idp: Operator) -> None:
    idp.does(*options(username="918sodowd02"))
    idp.does(*options(email="second@nhsbt.example"))

    assert idp.json(*options(email="third@nhsbt.example"))["username"] == "918SODOWD03"


def test_one_person_has_an_account_at_each_employer(idp: Operator, database: Database) -> None:
    idp.does(*options())

    added = idp.json(*options(employer="432", email="Sian.ODowd@NHSBT.example"))

    assert (added["username"], added["new_person"]) == ("432SODOWD01", False)
    with database.read() as connection:
        accounts = [account.find(connection, name) for name in ("918SODOWD01", "432SODOWD01")]
    assert len({found.person_id for found in accounts if found is not None}) == 1
    assert idp.json("user", "show", "918SODOWD01")["other_accounts"] == ["432SODOWD01"]


def test_one_person_has_one_account_at_an_employer(idp: Operator) -> None:
    idp.does(*options())

    assert "has the account 918SODOWD01 at employer 918 already" in idp.refused(*options())


def test_someone_elses_address_and_date_of_birth_are_refused(idp: Operator) -> None:
    idp.does(*options())

    said = idp.refused(*options(employer="432", given_name="Rhys"))

    assert "those of Siân O'Dowd, not of Rhys O'Dowd" in said


@pytest.mark.parametrize(
    ("changed", "username"),
    [
        ({"given_name": None, "family_name": "Suryani"}, "918SSURYANI01"),
        ({"given_name": "Mair", "family_name": "Pengŵern"}, "918MPENGWERN01"),
        ({"given_name": "Anna-Lena", "family_name": "van der Berg-Ødegård"}, "918AVANDERBERGODEGARD01"),
        ({"username": " 918chosen77 "}, "918CHOSEN77"),
    ],
    ids=["mononym", "circumflex", "hyphen", "chosen"],
)
def test_every_name_has_a_username(idp: Operator, changed: dict[str, str | None], username: str) -> None:
    assert idp.json(*options(**changed))["username"] == username


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"employer": "999"}, "employer 999 is not on record; run idp employer list"),
        ({"employer": "NHS"}, "employer NHS is not an employer's code"),
        ({"family_name": " "}, "family_name is missing"),
        ({"family_name": "1234"}, "family_name 1234 has no letter"),
        ({"family_name": "x" * 201}, "family_name is longer than 200"),
        ({"family_name": "ab\x07c"}, "family_name holds a line break or another character"),
        ({"email": "sian"}, "email sian is not an email address"),
        ({"email": "siân@nhsbt.example"}, "email siân@nhsbt.example is not"),
        ({"email": "a@b.example, c@d.example"}, "is not an email address"),
        ({"date_of_birth": "29/02/1984"}, "date_of_birth 29/02/1984 is not a date; write year, month"),
        ({"date_of_birth": "1985-02-29"}, "date_of_birth 1985-02-29 is not in the calendar"),
        ({"date_of_birth": "19840229"}, "is not a date"),
        ({"date_of_birth": "2026-11-23"}, "is not a day on which someone on the staff was born"),
        ({"date_of_birth": "1899-12-31"}, "is not a day on which"),
        ({"username": "JSMITH01"}, "username JSMITH01 is not a username"),
        ({"username": "432SODOWD01"}, "username does not begin with the employer's code 918"),
        ({"language": "fr"}, "language fr is not a language we have"),
        ({"given_name": "李", "family_name": "小龙"}, "cannot be made from a name without letters"),
    ],
)
def test_a_person_who_cannot_be_is_refused(
    idp: Operator, database: Database, changed: dict[str, str | None], said: str
) -> None:
    assert said in idp.refused(*options(**changed))
    assert idp.json("user", "list") == []
    with database.read() as connection:
        assert person.find_same(connection, SIAN["--email"], date(1984, 2, 29)) == []


def test_everything_that_is_wrong_is_told_at_once(idp: Operator) -> None:
    refused = idp.json(*options(email="x", date_of_birth="x", language="x"), exit_code=1)

    assert [problem["field"] for problem in refused["problems"]] == ["email", "date_of_birth", "language"]


def test_a_dry_run_adds_nobody(idp: Operator) -> None:
    assert "918SODOWD01 is pending" in idp.does(*options(), "--dry-run")

    assert idp.json("user", "list") == []


def test_a_password_for_a_set_up_comes_from_standard_input(idp: Operator, database: Database) -> None:
    assert idp.json(*options(), "--password-stdin", stdin="Marble-Tango-58\r\n")["state"] == "active"

    with database.read() as connection:
        found = account.find(connection, "918SODOWD01")
    assert found is not None
    hasher = Hasher(
        MasterKeys.load(Path(idp.settings["IDP_KEYS_DIR"])).pepper, HashParameters(memory=12288, passes=3)
    )
    assert hasher.verify("Marble-Tango-58", found.password_hash).ok
    assert "Marble" not in str(idp.json("user", "show", "918SODOWD01"))


def test_a_password_may_be_for_the_first_sign_in_only(idp: Operator) -> None:
    added = idp.json(*options(), "--password-stdin", "--must-change", stdin="Marble-Tango-58\n")

    assert added["state"] == "must_change_password"


def test_a_password_that_is_not_there_is_asked_for(idp: Operator) -> None:
    assert "Standard input holds no password" in idp.refused(*options(), "--password-stdin", stdin="\n")
    assert "at most 1024 bytes" in idp.refused(*options(), "--password-stdin", stdin="x" * 1025)


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("Short-1", "length"),
        ("Masssive-Lamp-7", "repeat (sss)"),
        ("Cre@tew1234rd", "sequence (1234)"),
        ("O'Dowd-in-Lammas", "repeat (mm), word (Dowd)"),
        ("qwertyuiop12", "common"),
    ],
)
def test_a_password_that_its_owner_could_not_choose_is_refused(
    idp: Operator, password: str, broken: str
) -> None:
    refused = idp.refused(*options(), "--password-stdin", stdin=f"{password}\n")
    assert f"its password breaks the rules {broken}." in refused
    assert idp.json("user", "list") == []


def test_a_password_is_no_argument(idp: Operator) -> None:
    assert idp(*options(), "--password", "Marble-Tango-58").exit_code == 2
    assert idp(*options(), "--must-change").exit_code == 2


def test_accounts_are_found_by_name_address_and_username(idp: Operator) -> None:
    idp.does(*options())
    idp.does(*options(given_name="Rhys", family_name="Evans", email="rhys_e@nhsbt.example"))

    def found(text: str) -> list[str]:
        return [row["username"] for row in idp.json("user", "list", "--search", text)]

    assert found("") == ["918REVANS01", "918SODOWD01"]
    assert found("o'dowd") == ["918SODOWD01"]
    assert found("rhys_E@") == ["918REVANS01"]
    assert found("918rev") == ["918REVANS01"]
    assert found("%") == []


def test_a_list_that_is_cut_says_so(idp: Operator) -> None:
    idp.does(*options())
    idp.does(*options(email="other@nhsbt.example"))

    listed = idp.does("user", "list", "--limit", 1).splitlines()

    assert listed[1].split()[:2] == ["918SODOWD01", "pending"]
    assert listed[2] == "There are more than 1. Narrow it with --search, or raise --limit."


def test_an_account_is_shown_with_its_throttle_and_what_happened(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)
    key = MasterKeys.load(Path(idp.settings["IDP_KEYS_DIR"]))
    whose = _attempts_key(key)
    with database.write() as connection:
        for _ in range(6):
            attempt.count(connection, LockoutRule(), whose, "password", Bucket.UNKNOWN, now)

    shown = idp.json("user", "show", "123sodowd01")

    assert shown["throttle"] == [
        {
            "factor": "password",
            "devices": "unknown",
            "guesses": 6,
            "state": "waiting",
            "next_heard_at": "2026-11-23T07:00:30+00:00",
        }
    ]
    said = idp.does("user", "show", "123SODOWD01")
    assert "Email                sian.odowd@wales.example\n" in said
    assert "Guesses wait. To forget them: idp user unlock USERNAME\n" in said
    assert "password_hash" not in shown


def test_unlocking_forgets_the_guesses(idp: Operator, database: Database, now: datetime) -> None:
    signed_in(database, now)
    whose = _attempts_key(MasterKeys.load(Path(idp.settings["IDP_KEYS_DIR"])))
    with database.write() as connection:
        attempt.count(connection, LockoutRule(), whose, "password", Bucket.UNKNOWN, now)

    assert "is unlocked." in idp.does("user", "unlock", "123SODOWD01", "--dry-run")
    assert idp.does("user", "unlock", "123SODOWD01") == "123SODOWD01 is unlocked.\n"
    assert idp.does("user", "unlock", "123SODOWD01") == "123SODOWD01 was not throttled.\n"
    with database.read() as connection:
        assert attempt.of_key(connection, whose) == []
    assert events(database) == [("account.unlocked", {"username": "123SODOWD01", "counters": 1})]


def test_a_person_who_lost_the_telephone_gets_rid_of_the_app(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)
    app = TotpDevice(
        UUID("50000000-0000-4000-8000-000000000001"), ACCOUNT_ID, "Phone", b"sealed", 1, now, now, now
    )
    with database.write() as connection:
        totp_device.add(connection, app)
        recovery_code.replace_all(connection, ACCOUNT_ID, ["hash"] * 10, now)

    assert "Removed from 123SODOWD01" in idp.does("user", "reset-factors", "123SODOWD01", "--dry-run")
    assert idp.mailbox() == []
    assert idp.does("user", "reset-factors", "123SODOWD01") == (
        "Removed from 123SODOWD01: apps 1, passkeys 0, recovery codes 10; sessions ended: 1.\n"
    )
    with database.read() as connection:
        assert totp_device.of_account(connection, ACCOUNT_ID) == []
        assert recovery_code.left(connection, ACCOUNT_ID) == 0
        assert browser_session.find_live(connection, digest_of("cookie"), now) is None
    (letter,) = idp.mailbox()
    assert (letter.letter, letter.values["factor"]) == (Letter.FACTOR_REMOVED, "all")
    assert [event for event, _ in events(database)] == ["account.factors_reset", "factor.removed"]


def test_where_there_is_no_factor_nothing_is_removed(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)
    assert idp.does("user", "reset-factors", "123SODOWD01") == "123SODOWD01 has nothing to remove.\n"
    document = idp.json("user", "reset-factors", "123SODOWD01")
    assert document == {"username": "123SODOWD01", "changed": False}
    assert idp.mailbox() == []


def test_disabling_ends_every_session_and_grant_at_once(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)

    assert idp.json("user", "disable", "123sodowd01") == {
        "username": "123SODOWD01",
        "state": "disabled",
        "changed": True,
        "sessions_ended": 1,
    }

    idp.does("user", "enable", "123SODOWD01")
    with database.read() as connection:
        assert browser_session.find_live(connection, digest_of("cookie"), now) is None
        assert grant.find_live(connection, a_grant(now).id, now) is None


def test_a_dry_run_disables_nobody(idp: Operator, database: Database, now: datetime) -> None:
    signed_in(database, now)

    assert "sessions ended: 1" in idp.does("user", "disable", "123SODOWD01", "--dry-run")

    with database.read() as connection:
        assert browser_session.find_live(connection, digest_of("cookie"), now) is not None
    assert events(database) == []


@pytest.mark.parametrize(
    "state",
    [
        AccountState.PENDING,
        AccountState.ACTIVE,
        AccountState.MUST_CHANGE_PASSWORD,
        AccountState.INACTIVE,
        AccountState.LEAVER,
    ],
)
def test_enabling_gives_back_the_state_from_before(
    idp: Operator, database: Database, now: datetime, state: AccountState
) -> None:
    signed_in(database, now)
    with database.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, state)
    idp.does("user", "disable", "123SODOWD01")

    assert idp.does("user", "enable", "123SODOWD01") == f"123SODOWD01 is {state}.\n"
    assert events(database) == [
        ("account.enabled", {"username": "123SODOWD01", "after": state}),
        ("account.disabled", {"username": "123SODOWD01", "before": state, "sessions": 1}),
    ]


def test_without_a_record_an_account_with_a_password_is_active_again(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)
    with database.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, AccountState.DISABLED)

    assert idp.json("user", "enable", "123SODOWD01")["state"] == "active"


def test_disabling_or_enabling_twice_changes_nothing_more(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)

    assert idp.does("user", "enable", "123SODOWD01") == "123SODOWD01 is not disabled; it is active.\n"
    idp.does("user", "disable", "123SODOWD01")
    assert idp.does("user", "disable", "123SODOWD01") == "123SODOWD01 is disabled already.\n"
    assert len(events(database)) == 1


@pytest.mark.parametrize(
    "command", ["show", "disable", "enable", "unlock", "invite", "must-change", "reset-factors"]
)
@pytest.mark.parametrize("username", ["918NOBODY01", "x\x1b[2J"])
def test_an_account_that_does_not_exist_is_told(idp: Operator, command: str, username: str) -> None:
    said = idp.refused("user", command, username)

    assert said.startswith("There is no account ")
    assert "\x1b" not in said


def test_who_is_added_is_welcomed_with_a_link(idp: Operator) -> None:
    assert idp.json(*options(language="cy"))["mails_queued"] == 1

    [letter] = idp.mailbox()
    assert (letter.letter, letter.to, letter.language) == (Letter.WELCOME, "sian.odowd@nhsbt.example", "cy")
    assert letter.values["username"] == "918SODOWD01"
    assert letter.values["link"].startswith("https://id.example.nhs.uk/update-password?link=")


@pytest.mark.parametrize("option", ["--no-mail", "--dry-run", "--password-stdin"])
def test_who_is_added_without_an_account_to_activate_is_not_written_to(idp: Operator, option: str) -> None:
    said = idp.does(*options(), option, stdin="Tin.Horse.Lamp19\n")

    assert idp.mailbox() == []
    assert ("welcome" in said) == (option == "--dry-run")


def test_an_invitation_makes_a_new_link_in_place_of_the_older_one(idp: Operator, database: Database) -> None:
    idp.does(*options())
    idp.clock.advance(timedelta(hours=30))

    assert idp.does("user", "invite", "918sodowd01") == (
        "A welcome email is queued to the address on record.\n"
    )
    idp.does("user", "invite", "918SODOWD01")

    _, second, third = (letter.values["link"] for letter in idp.mailbox())
    now = idp.clock.now()
    with database.read() as connection:
        found = [link.find(connection, digest(url.partition("link=")[2])) for url in (second, third)]
    assert [each is not None and each.superseded_at is not None for each in found] == [True, False]
    assert [each is not None and each.expires_at for each in found] == [now + timedelta(hours=24)] * 2
    shown = idp.json("user", "show", "918SODOWD01")["events"]
    assert [event["event"] for event in shown] == ["account.invited"] * 2 + ["account.added"]


def test_an_active_account_gets_its_login_details(idp: Operator, database: Database, now: datetime) -> None:
    signed_in(database, now)

    said = idp.json("user", "invite", "123SODOWD01")

    [letter] = idp.mailbox()
    assert (letter.letter, letter.to) == (Letter.LOGIN_DETAILS, "sian.odowd@wales.example")
    assert letter.values["reference"] == said["reference"]
    assert [line["offer"] for line in letter.values["accounts"]] == ["reset"]
    assert idp.json("explain", said["reference"])["events"][0]["event"] == "recovery.answered"


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.LEAVER])
def test_a_closed_account_is_not_invited(
    idp: Operator, database: Database, now: datetime, state: AccountState
) -> None:
    signed_in(database, now)
    with database.write() as connection:
        account.set_state(connection, ACCOUNT_ID, AccountState.ACTIVE, state)

    assert idp.refused("user", "invite", "123SODOWD01") == f"123SODOWD01 cannot be invited: it is {state}.\n"
    assert idp.mailbox() == []


def test_an_invitation_in_a_dry_run_mails_nothing(idp: Operator) -> None:
    idp.does(*options(), "--no-mail")
    idp.does("user", "invite", "918SODOWD01", "--dry-run")

    assert idp.mailbox() == []


def test_a_password_that_must_be_changed_ends_what_is_open(
    idp: Operator, database: Database, now: datetime
) -> None:
    signed_in(database, now)

    said = idp.does("user", "must-change", "123SODOWD01")

    assert said == "123SODOWD01 must change the password at the next sign-in.\n"
    assert events(database) == [("account.password_due", {"username": "123SODOWD01"})]
    with database.read() as connection:
        found = account.find(connection, "123SODOWD01")
        assert found is not None
        assert found.state is AccountState.MUST_CHANGE_PASSWORD
        assert browser_session.find_live(connection, digest_of("cookie"), now) is None
    assert idp.json("user", "must-change", "123SODOWD01")["changed"] is False
    assert len(events(database)) == 1


def test_a_password_must_be_in_use_to_be_changed(idp: Operator) -> None:
    idp.does(*options())

    assert idp.refused("user", "must-change", "918SODOWD01") == (
        "918SODOWD01 is pending: only an active account has a password in use.\n"
    )


def test_everything_that_happened_to_an_account_is_shown(idp: Operator) -> None:
    idp.does(*options())
    idp.clock.advance(timedelta(hours=1))
    idp.does("user", "disable", "918SODOWD01")

    shown = idp.json("user", "show", "918SODOWD01")["events"]

    assert [(event["at"], event["event"]) for event in shown] == [
        ("2026-11-23T08:00:00+00:00", "account.disabled"),
        ("2026-11-23T07:00:00+00:00", "account.added"),
    ]


def _attempts_key(masters: MasterKeys) -> bytes:
    return Attempts(masters.derive("attempts"), LockoutRule()).of_person(PERSON_ID)
