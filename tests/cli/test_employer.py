import pytest

from idp.db import Database, audit
from tests.cli.conftest import Operator

BLOOD = ("employer", "add", "--code", "918", "--name", " NHS Blood  and Transplant ", "--ods-code", "rhm")


def test_an_employer_is_added_and_listed(idp: Operator) -> None:
    assert idp.does(*BLOOD, "--locality", "Bristol") == "918 NHS Blood and Transplant is added.\n"

    assert idp.json("employer", "list") == [
        {
            "code": "918",
            "name": "NHS Blood and Transplant",
            "ods_code": "RHM",
            "locality": "Bristol",
            "service_desk": None,
        }
    ]


def test_adding_leaves_an_audit_row(idp: Operator, database: Database) -> None:
    idp.does(*BLOOD)

    with database.read() as connection:
        (event,) = audit.latest(connection, 10)
    assert (event.event, event.detail) == (
        "employer.added",
        {"employer": "918", "name": "NHS Blood and Transplant"},
    )


def test_a_dry_run_stores_nothing(idp: Operator) -> None:
    assert idp.does(*BLOOD, "--dry-run").startswith("Dry run: nothing is changed.")

    assert idp.json("employer", "list") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--code", "91", "--name", "x"), "three digits"),
        (("--code", "٩١٨", "--name", "x"), "three digits"),
        (("--code", "918", "--name", " "), "needs a name"),
        (("--code", "918", "--name", "x\x1b[2J"), "cannot be printed"),
        (("--code", "918", "--name", "x" * 201), "longer than 200"),
        (("--code", "918", "--name", "x", "--ods-code", "R-1"), "ODS code"),
    ],
)
def test_an_employer_that_will_not_do_is_refused(idp: Operator, options: tuple[str, ...], said: str) -> None:
    assert said in idp.refused("employer", "add", *options)
    assert idp.json("employer", "list") == []


def test_a_code_that_is_taken_is_refused(idp: Operator) -> None:
    idp.does(*BLOOD)

    assert idp.refused(*BLOOD) == "The code 918 is taken. Run: idp employer list\n"
