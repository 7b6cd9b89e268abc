from pathlib import Path
from typing import Any

import pytest

from idp.db import Database, account, audit, person
from idp.services.letters import Letter
from tests.cli.conftest import Operator

HEADING = "employer,given_name,family_name,email,date_of_birth,username,job_title,locality,language"
SIAN = "918,Siân,O'Dowd,sian@nhsbt.example,1984-02-29,,Staff Nurse,Bristol,cy"
RHYS = "918,Rhys,Evans,rhys@nhsbt.example,1990-01-31,,,,"
NOBODY = "918,,,nobody,1990-02-31,,,,"


@pytest.fixture
def idp(idp: Operator) -> Operator:
    for code, name in (("918", "NHS Blood and Transplant"), ("432", "ESNEFT")):
        idp.does("employer", "add", "--code", code, "--name", name)
    return idp


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "joiners.csv"


def write(file: Path, *rows: str) -> Path:
    file.write_text("\n".join([HEADING, *rows]) + "\n", encoding="utf-8")
    return file


def stored(idp: Operator) -> list[str]:
    return [row["username"] for row in idp.json("user", "list")]


def problems(idp: Operator, file: Path, *options: str) -> list[tuple[Any, Any]]:
    document = idp.json("user", "import", file, *options, exit_code=1)
    assert document["stored"] is False
    return [(problem["row"], problem["field"]) for problem in document["problems"]]


def test_everyone_in_the_file_is_added(idp: Operator, file: Path, database: Database) -> None:
    said = idp.does("user", "import", write(file, SIAN, RHYS))

    assert said.splitlines() == [
        "Row 2: 918SODOWD01",
        "Row 3: 918REVANS01",
        "Stored: 2 accounts, 2 new people, 0 bad rows. Welcome emails queued: 2.",
    ]
    with database.read() as connection:
        found = account.find(connection, "918SODOWD01")
        assert found is not None
        owner = person.find(connection, found.person_id)
        (event,) = audit.of_account(connection, found.id, 10)
    assert (found.state, found.job_title, found.locality) == ("pending", "Staff Nurse", "Bristol")
    assert owner is not None
    assert (owner.name, owner.language) == ("Siân O'Dowd", "cy")
    assert event.event == "account.added"


def test_everyone_gets_a_welcome_in_their_language_with_a_link_of_their_own(
    idp: Operator, file: Path
) -> None:
    assert idp.json("user", "import", write(file, SIAN, RHYS))["mails_queued"] == 2

    letters = {letter.to: letter for letter in idp.mailbox()}
    assert {letter.letter for letter in letters.values()} == {Letter.WELCOME}
    sian, rhys = letters["sian@nhsbt.example"], letters["rhys@nhsbt.example"]
    assert (sian.language, rhys.language) == ("cy", "en")
    assert (sian.values["username"], rhys.values["username"]) == ("918SODOWD01", "918REVANS01")
    assert sian.values["link"] != rhys.values["link"]
    assert sian.values["link"].startswith("https://id.example.nhs.uk/update-password?link=")


def test_one_person_at_two_employers_gets_a_welcome_to_each(idp: Operator, file: Path) -> None:
    idp.does("user", "import", write(file, SIAN, SIAN.replace("918,", "432,")))

    assert sorted(letter.values["username"] for letter in idp.mailbox()) == ["432SODOWD01", "918SODOWD01"]


@pytest.mark.parametrize("option", ["--no-mail", "--dry-run"])
def test_nobody_is_written_to_when_not_asked(idp: Operator, file: Path, option: str) -> None:
    assert idp.json("user", "import", write(file, SIAN, RHYS), option)["mails_queued"] == 0
    assert idp.mailbox() == []


def test_bad_rows_that_are_skipped_get_no_mail(idp: Operator, file: Path) -> None:
    idp.does("user", "import", write(file, SIAN, NOBODY), "--skip-bad-rows")

    assert [letter.to for letter in idp.mailbox()] == ["sian@nhsbt.example"]


def test_a_dry_run_says_row_by_row_what_would_be_and_stores_nothing(idp: Operator, file: Path) -> None:
    document = idp.json("user", "import", write(file, SIAN, RHYS), "--dry-run")

    assert document["accounts"] == [
        {"row": 2, "username": "918SODOWD01", "new_person": True},
        {"row": 3, "username": "918REVANS01", "new_person": True},
    ]
    assert (document["stored"], document["dry_run"], stored(idp)) == (False, True, [])


def test_one_bad_row_stores_nothing_at_all(idp: Operator, file: Path) -> None:
    write(file, SIAN, NOBODY, RHYS)

    assert problems(idp, file) == [(3, "family_name"), (3, "email"), (3, "date_of_birth")]
    assert stored(idp) == []

    said = idp("user", "import", file).stdout.splitlines()
    assert said[-1] == (
        "Nothing was stored: 2 accounts, 2 new people, 1 bad rows. Correct the rows, or say --skip-bad-rows."
    )
    assert "Row 3: email nobody is not an email address; write it like first.last@domain.com" in said


def test_bad_rows_are_skipped_when_asked(idp: Operator, file: Path) -> None:
    document = idp.json("user", "import", write(file, SIAN, NOBODY, RHYS), "--skip-bad-rows")

    assert (document["stored"], document["accounts_added"], document["bad_rows"]) == (True, 2, 1)
    assert stored(idp) == ["918REVANS01", "918SODOWD01"]


def test_a_file_of_bad_rows_only_stores_nothing(idp: Operator, file: Path) -> None:
    write(file, NOBODY)

    assert len(problems(idp, file, "--skip-bad-rows")) == 3


def test_a_dry_run_of_bad_rows_ends_with_one(idp: Operator, file: Path) -> None:
    assert idp("user", "import", write(file, NOBODY), "--dry-run").exit_code == 1


@pytest.mark.parametrize(
    ("again", "field"),
    [
        (SIAN, "email"),
        (SIAN.replace("sian@", "SIAN@"), "email"),
        (SIAN.replace("Siân", "Rhys").replace("918,", "432,"), "email"),
        (RHYS.replace(",,,,", ",918SODOWD01,,,"), "username"),
    ],
    ids=["same row", "other case", "other name", "same username"],
)
def test_duplicates_are_refused_whether_in_the_file_or_in_the_database(
    idp: Operator, file: Path, again: str, field: str
) -> None:
    assert problems(idp, write(file, SIAN, again)) == [(3, field)]

    idp.does("user", "import", write(file, SIAN))

    assert problems(idp, write(file, again)) == [(2, field)]


def test_one_person_may_come_twice_for_two_employers(idp: Operator, file: Path, database: Database) -> None:
    document = idp.json("user", "import", write(file, SIAN, SIAN.replace("918,", "432,")))

    assert [row["new_person"] for row in document["accounts"]] == [True, False]
    assert document["people_added"] == 1
    with database.read() as connection:
        accounts = [account.find(connection, name) for name in ("918SODOWD01", "432SODOWD01")]
    assert len({found.person_id for found in accounts if found is not None}) == 1


def test_namesakes_are_numbered_in_the_order_of_the_file(idp: Operator, file: Path) -> None:
    idp.does("user", "import", write(file, SIAN))
    namesakes = [SIAN.replace("sian@", f"sian{number}@") for number in range(2, 102)]

    document = idp.json("user", "import", write(file, *namesakes))

    usernames = [row["username"] for row in document["accounts"]]
    assert (usernames[0], usernames[97], usernames[98], usernames[99]) == (
        "918SODOWD02",
        "918SODOWD99",
        "918SODOWD100",
        "918SODOWD101",
    )


def test_an_employer_that_is_not_on_record_is_refused(idp: Operator, file: Path) -> None:
    assert problems(idp, write(file, SIAN.replace("918,", "999,"))) == [(2, "employer")]


def test_long_answers_are_cut_for_people(idp: Operator, file: Path) -> None:
    rows = [SIAN.replace("sian@", f"sian{number}@") for number in range(60)]

    said = idp.does("user", "import", write(file, *rows), "--dry-run").splitlines()

    assert said[-2:] == [
        "… and 10 more accounts; --json lists them all.",
        "A dry run: nothing was stored. 60 accounts, 60 new people, 0 bad rows.",
    ]


def test_a_file_as_a_spreadsheet_saves_it_is_read(idp: Operator, file: Path) -> None:
    text = f"{HEADING}\r\n\r\n{SIAN}\r\n,,,,,,,,\r\n{RHYS}"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())

    document = idp.json("user", "import", file)

    assert [row["row"] for row in document["accounts"]] == [3, 5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty. Its first row names the columns: employer,"),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"\xff\xfee\x00", "The file is in UTF-16. Save it as CSV UTF-8."),
        (b"employer;family_name\n918;x\n", "The columns are not separated by commas."),
        (b"employer,surname,email\n", "the column surname is not known"),
        (b"employer,family_nam,email,date_of_birth\n", "family_nam is not known (perhaps family_name)"),
        (b"employer,email,email,family_name,date_of_birth\n", "the column email is there twice"),
        (b"employer,email\n", "family_name is missing; the column date_of_birth is missing"),
        (b"employer,family_name,email,date_of_birth,\n", "the column without a name is not known"),
        (f'{HEADING}\n918,"Si'.encode(), "Row 2 or the end of it is not CSV"),
        (f'{HEADING}\n918,"Si"ân,x'.encode(), "Row 2 or the end of it is not CSV"),
        (f'{HEADING}\n918,"{"x" * 140_000}'.encode(), "Row 2 or the end of it is not CSV"),
    ],
    ids=[
        "empty",
        "mark only",
        "utf-16",
        "semicolons",
        "unknown",
        "misspelt",
        "twice",
        "missing",
        "unnamed",
        "open quote",
        "text after quote",
        "endless",
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(
    idp: Operator, file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)

    refused = idp.refused("user", "import", file, "--skip-bad-rows")

    assert said in refused
    assert refused.endswith("Nothing was stored.\n")


def test_a_file_that_turns_unreadable_stores_nothing(idp: Operator, file: Path) -> None:
    file.write_bytes(f'{HEADING}\n{SIAN}\n918,"Rh'.encode())

    assert "Row 3 or the end of it is not CSV" in idp.refused("user", "import", file, "--skip-bad-rows")
    assert stored(idp) == []


def test_a_row_that_is_not_utf_8_is_named(idp: Operator, file: Path) -> None:
    file.write_bytes(f"{HEADING}\n{RHYS}\n".encode() + f"{SIAN}\n".encode("latin-1"))

    document = idp.json("user", "import", file, exit_code=1)

    assert document["problems"] == [
        {"row": 3, "field": "given_name", "message": "is not in UTF-8; save the file as CSV UTF-8"}
    ]


@pytest.mark.parametrize("row", ["918,x", f"{SIAN},more"])
def test_a_row_with_too_few_or_too_many_cells_is_named(idp: Operator, file: Path, row: str) -> None:
    assert problems(idp, write(file, row)) == [(2, "row")]


def test_a_heading_without_rows_adds_nobody(idp: Operator, file: Path) -> None:
    document = idp.json("user", "import", write(file))

    assert (document["accounts"], document["problems"]) == ([], [])


def test_a_file_that_does_not_exist_is_wrong_usage(idp: Operator, file: Path) -> None:
    assert idp("user", "import", file).exit_code == 2


def test_thousands_of_rows_are_added(idp: Operator, file: Path) -> None:
    rows = [f"918,Al,Fam{chr(97 + n % 26)},p{n}@x.example,1990-01-01,,,," for n in range(3000)]

    document = idp.json("user", "import", write(file, *rows))

    assert document["accounts_added"] == 3000
    assert document["accounts"][-1] == {"row": 3001, "username": "918AFAMJ116", "new_person": True}
