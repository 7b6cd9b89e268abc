import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from idp.db import Database, account, password_history
from idp.services.hashing import Hasher, HashParameters
from idp.services.keys import MasterKeys
from tests.cli import running
from tests.cli.conftest import Operator
from tests.fakes import FakeRandomness

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "password_policy_esr.json").read_text(encoding="utf-8")
)
CONTEXT = ("--role-word", "nurse", "--locality-word", "bristol")
ACCEPTED = {"accepted": True, "failures": []}


@pytest.fixture
def anywhere(idp_of_nothing: Operator) -> Operator:
    """Where nothing is installed and nothing is set."""
    for name in list(idp_of_nothing.settings):
        del idp_of_nothing.settings[name]
    return idp_of_nothing


def verdicts(operator: Operator, *arguments: str, stdin: str) -> list[dict[str, Any]]:
    """A JSON object for each line."""
    said = operator.does("policy", "check", *arguments, stdin=stdin)
    return [json.loads(line) for line in said.splitlines()]


def rules(verdict: dict[str, Any]) -> list[str]:
    return [failure["rule"] for failure in verdict["failures"]]


def test_every_vector_is_judged_as_it_says(anywhere: Operator) -> None:
    passwords = [*VECTORS["accept"], *(vector["password"] for vector in VECTORS["reject"])]
    said = verdicts(anywhere, "--profile", "esr", *CONTEXT, stdin="".join(f"{each}\n" for each in passwords))

    count = len(VECTORS["accept"])
    assert said[:count] == [ACCEPTED] * count
    for vector, verdict in zip(VECTORS["reject"], said[count:], strict=True):
        assert verdict["accepted"] is False
        (failure,) = verdict["failures"]
        assert failure["rule"] == vector["rule"]
        assert vector["fragment"] in {None, failure["fragment"]}


def test_everything_that_is_wrong_is_printed_on_one_line(anywhere: Operator) -> None:
    assert anywhere.does("policy", "check", stdin="Pass-ESR-1234\n") == (
        '{"accepted": false, "failures": [{"rule": "repeat", "fragment": "ss"}, '
        '{"rule": "sequence", "fragment": "1234"}, {"rule": "word", "fragment": "ESR"}]}\n'
    )


def test_json_prints_the_same_lines(anywhere: Operator) -> None:
    typed = "tin-horse-lamp\ntin-horse-22\n"
    assert anywhere.does("policy", "check", "--json", stdin=typed) == anywhere.does(
        "policy", "check", stdin=typed
    )


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("\n", [["length"]], id="an empty line is an empty password"),
        pytest.param("tin-horse-la", [[]], id="a last line without its end"),
        pytest.param("tin-horse-l\r\ntin-horse-la\r\n", [["length"], []], id="lines of Windows"),
        pytest.param(" tin-horse \n", [["length"]], id="nothing else is trimmed"),
        pytest.param("tin-horse-l\u2028\n", [[]], id="only a line feed ends a line"),
    ],
)
def test_a_line_is_a_password(anywhere: Operator, stdin: str, expected: list[list[str]]) -> None:
    assert [rules(verdict) for verdict in verdicts(anywhere, stdin=stdin)] == expected


@pytest.mark.parametrize(
    ("stdin", "problem"),
    [
        (b"tin-horse-lamp\ntin\xff\nmore\n", "Line 2 is not in UTF-8. It and what follows was not judged.\n"),
        (b"tin-horse-lamp\ntin\x00\nmore\n", "Line 2 holds a NUL. It and what follows was not judged.\n"),
    ],
)
def test_a_line_that_is_no_text_is_told(anywhere: Operator, stdin: bytes, problem: str) -> None:
    result = anywhere("policy", "check", stdin=stdin)
    assert (result.exit_code, result.stderr) == (1, problem)
    assert json.loads(result.stdout) == ACCEPTED


@pytest.mark.parametrize(
    ("profile", "failed"),
    [
        ("esr", ["repeat", "sequence", "common"]),
        ("esr-2021", ["common"]),
        ("nist-800-63b-4", ["length", "common"]),
    ],
)
def test_a_profile_is_named(anywhere: Operator, profile: str, failed: list[str]) -> None:
    (verdict,) = verdicts(anywhere, "--profile", profile, stdin="qwwerty12345\n")
    assert rules(verdict) == [rule for rule in failed if rule != "common"]
    (verdict,) = verdicts(anywhere, "--profile", profile, stdin="aaaaaa123456\n")
    assert rules(verdict) == failed


def test_with_a_second_factor_less_is_asked(anywhere: Operator) -> None:
    nist = ("--profile", "nist-800-63b-4")
    assert rules(verdicts(anywhere, *nist, stdin="xk3fqp9z\n")[0]) == ["length"]
    assert verdicts(anywhere, *nist, "--second-factor", stdin="xk3fqp9z\n") == [ACCEPTED]


def test_an_unknown_profile_is_wrong_usage(anywhere: Operator) -> None:
    assert anywhere("policy", "check", "--profile", "nist").exit_code == 2


@pytest.mark.parametrize(
    ("settings", "failed"),
    [
        ({}, ["length", "sequence"]),
        ({"IDP_PASSWORD_PROFILE": "nist-800-63b-4"}, ["length"]),
        ({"IDP_PASSWORD_LENGTH": "11"}, ["sequence"]),
        ({"IDP_PASSWORD_SEQUENCE": "0"}, ["length"]),
        ({"IDP_PASSWORD_WORDS": "horse, cart"}, ["length", "sequence", "word"]),
    ],
)
def test_the_settings_decide_where_there_is_nothing_but_settings(
    anywhere: Operator, settings: dict[str, str], failed: list[str]
) -> None:
    anywhere.settings.update(settings)
    (verdict,) = verdicts(anywhere, stdin="horse1234.T\n")
    assert rules(verdict) == failed


def test_a_named_profile_is_taken_as_it_is(anywhere: Operator) -> None:
    anywhere.settings["IDP_PASSWORD_LENGTH"] = "20"
    assert verdicts(anywhere, "--profile", "esr", stdin="tin-horse-la\n") == [ACCEPTED]


def test_wrong_settings_are_told(anywhere: Operator) -> None:
    anywhere.settings["IDP_PASSWORD_SEQUENCE"] = "two"
    assert anywhere("policy", "check").exit_code == 2


def test_nothing_is_touched_without_an_account(idp_of_nothing: Operator, tmp_path: Path) -> None:
    assert verdicts(idp_of_nothing, stdin="tin-horse-lamp\n") == [ACCEPTED]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def nurse(idp: Operator) -> Operator:
    """Siân O'Dowd, 918SODOWD01, staff nurse at NHS Blood and Transplant."""
    idp.does(
        *("employer", "add", "--code", "918", "--name", "NHS Blood and Transplant", "--locality", "Bristol"),
    )
    idp.does(
        *("user", "add", "--employer", "918", "--given-name", "Siân", "--family-name", "O'Dowd"),
        *("--email", "sian.odowd@nhsbt.example", "--date-of-birth", "1984-02-29"),
        *("--job-title", "Staff Nurse", "--locality", "Filton"),
    )
    return idp


@pytest.mark.parametrize(
    ("password", "fragment"),
    [
        ("Tin-Nurse-lamp-9", "Nurse"),
        ("Tin-Filton-lamp-9", "Filton"),
        ("Tin-Bristol-lamp-9", "Bristol"),
        ("Tin-Transplant-9", "Transplant"),
        ("Tin-Sian-lamp-9", "Sian"),
        ("Tin-Siân-lamp-9", "Siân"),
        ("Tin-ODowd-lamp-9", "ODowd"),
        ("918sodowd01-Tin", "918sodowd01"),
        ("Tin-Lorenzo-19", "Lorenzo"),
        ("Tin-Ward9-lamp", "Ward"),
    ],
)
def test_an_account_brings_its_words(nurse: Operator, password: str, fragment: str) -> None:
    nurse.settings["IDP_PASSWORD_WORDS"] = "Lorenzo"
    found = verdicts(nurse, "--account", "918sodowd01", "--locality-word", "Ward 9", stdin=f"{password}\n")
    assert found == [{"accepted": False, "failures": [{"rule": "word", "fragment": fragment}]}]


def test_the_four_most_recent_passwords_are_refused_and_the_fifth_allowed(
    nurse: Operator, database: Database, tmp_path: Path, now: datetime
) -> None:
    hasher = Hasher(MasterKeys.load(tmp_path / "keys").pepper, HashParameters(12_288, 3))
    passwords = [f"tin-horse-lamp-{n}" for n in range(1, 6)]
    randomness = FakeRandomness("history")
    with database.write() as connection:
        found = account.find(connection, "918SODOWD01")
        assert found is not None
        for day, password in enumerate(passwords):
            at = now + timedelta(days=day)
            password_history.add(connection, randomness.uuid(), found.id, hasher.hash(password), at)

    typed = "".join(f"{password}\n" for password in passwords)
    first, *others = verdicts(nurse, "--account", "918SODOWD01", stdin=typed)
    assert first == ACCEPTED
    assert others == [{"accepted": False, "failures": [{"rule": "history", "fragment": None}]}] * 4
    # A profile without a history does not look.
    said = verdicts(nurse, "--account", "918SODOWD01", "--profile", "nist-800-63b-4", stdin=typed)
    assert said == [ACCEPTED] * 5


@pytest.mark.parametrize("username", ["918JSMITH01", "x"])
def test_an_unknown_account_is_told(nurse: Operator, username: str) -> None:
    assert nurse.refused("policy", "check", "--account", username, stdin="") == (
        f"There is no account {username}. Find the right one with idp user list --search NAME.\n"
    )


def test_the_rules_are_explained(anywhere: Operator) -> None:
    said = anywhere.does("policy", "explain")
    assert said.startswith(
        "The profile esr asks of a new password:\n- length: 12 characters or more, 256 at most. Any character"
    )
    assert "- history: not one of the 4 most recent passwords, the current one included.\n" in said
    assert "ASVS 6.2.5" in said


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("esr", ["length", "repeat", "sequence", "word", "common", "history"]),
        ("esr-2021", ["length", "common", "history"]),
        ("nist-800-63b-4", ["length", "length", "common"]),
    ],
)
def test_only_what_a_profile_asks_is_explained(anywhere: Operator, profile: str, told: list[str]) -> None:
    document = anywhere.json("policy", "explain", "--profile", profile)
    assert [rule.partition(":")[0] for rule in document["rules"]] == told
    assert document["profile"] == profile


def test_settings_change_what_is_explained(anywhere: Operator) -> None:
    anywhere.settings.update(IDP_PASSWORD_LENGTH="16", IDP_PASSWORD_SEQUENCE="3", IDP_PASSWORD_HISTORY="0")
    document = anywhere.json("policy", "explain")
    assert (document["shortest"], document["sequence"], document["history"]) == (16, 3, 0)
    assert document["differences"][0].startswith("More: rules about which characters")


def test_it_runs_as_a_process_of_its_own() -> None:
    result = running.idp("policy", "explain", "--profile", "esr-2021")
    assert (result.returncode, result.stderr) == (0, "")
