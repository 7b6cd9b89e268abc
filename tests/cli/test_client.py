import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from idp.db import Database, audit, grant
from idp.db import client as rows
from tests.builders import a_client, a_grant, add_signed_in, digest_of
from tests.cli.conftest import Operator

PAY = {"client_name": "Payslips", "redirect_uris": ["https://pay.example/callback"]}
ADD = ("client", "add", "--metadata", "-")


def add(idp: Operator, **members: object) -> dict[str, object]:
    added: dict[str, object] = idp.json(*ADD, stdin=json.dumps({**PAY, **members}))
    return added


def test_a_client_is_registered_with_the_answer_of_rfc_7591(idp: Operator, now: datetime) -> None:
    added = add(idp)

    assert {name: added[name] for name in ("client_name", "redirect_uris", "token_endpoint_auth_method")} == {
        **PAY,
        "token_endpoint_auth_method": "client_secret_basic",
    }
    assert added["client_id_issued_at"] == int(now.timestamp())
    assert added["client_secret_expires_at"] == 0
    assert len(str(added["client_secret"])) == 43


def test_only_a_digest_of_the_secret_is_kept(idp: Operator, database: Database) -> None:
    added = add(idp)

    with database.read() as connection:
        (stored,) = rows.every(connection)
        events = audit.latest(connection, 10)
    assert stored.secret_digest == digest_of(str(added["client_secret"]))
    assert str(added["client_secret"]) not in f"{stored} {events} {idp.json('client', 'list')}"


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_a_client_without_a_secret_gets_none(idp: Operator, method: str) -> None:
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    added = add(idp, token_endpoint_auth_method=method, jwks={"keys": [key]})

    assert not {"client_secret", "client_secret_expires_at"} & set(added)
    assert "has no secret" in idp.refused("client", "rotate-secret", added["client_id"])


def test_metadata_is_read_from_a_file(idp: Operator, tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    file.write_text(json.dumps(PAY), encoding="utf-8")

    printed = json.loads(idp.does("client", "add", "--metadata", file, "--client-id", "pay"))

    assert printed["client_id"] == "pay"
    assert idp.json("client", "show", "pay")["client_name"] == "Payslips"


def test_everything_that_is_wrong_with_metadata_is_told_and_nothing_stored(idp: Operator) -> None:
    wrong = {"redirect_uris": ["http://pay.example/"], "jwks_uri": "https://x", "grant_types": ["implicit"]}

    refused = idp.json(*ADD, stdin=json.dumps(wrong), exit_code=1)

    assert refused["error"] == "The metadata will not do. Nothing was stored."
    assert [problem["field"] for problem in refused["problems"]] == [
        "jwks_uri",
        "redirect_uris",
        "grant_types",
    ]
    assert idp.json("client", "list") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{\x00", "not JSON in UTF-8"),
        (b'{"client_name": "\xff"}', "not JSON in UTF-8"),
        (b"[]", "not a JSON object"),
        (b'"Payslips"', "not a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"scope": "openid", "scope": "email"}', "says scope twice"),
        (b" " * 262_145, "larger than 262144 bytes"),
    ],
    ids=["nothing", "half", "utf-16", "latin-1", "list", "text", "deep", "repeated", "large"],
)
def test_metadata_that_is_no_json_object_is_refused(idp: Operator, text: bytes, said: str) -> None:
    assert said in idp.refused(*ADD, stdin=text)


def test_a_file_that_does_not_exist_is_wrong_usage(idp: Operator, tmp_path: Path) -> None:
    result = idp("client", "add", "--metadata", tmp_path / "missing.json")

    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr


@pytest.mark.parametrize("client_id", ["", "pay slips", "pay\x1b[2J", "x" * 101, "pây", "pay:1"])
def test_an_id_that_will_not_do_is_refused(idp: Operator, client_id: str) -> None:
    said = idp.refused(*ADD, "--client-id", client_id, stdin=json.dumps(PAY))

    assert said.startswith("A client_id has 1 to 100 letters")


def test_an_id_that_is_taken_is_refused(idp: Operator) -> None:
    idp.does(*ADD, "--client-id", "pay", stdin=json.dumps(PAY))

    said = idp.refused(*ADD, "--client-id", "pay", stdin=json.dumps(PAY))

    assert said == "The client_id pay is taken. Choose another, or leave it out.\n"


def test_a_dry_run_registers_nothing_and_shows_no_secret(idp: Operator) -> None:
    said = idp.does(*ADD, "--dry-run", stdin=json.dumps(PAY))

    assert "client_secret" not in said
    assert idp.json("client", "list") == []


def test_the_list_and_the_page_of_a_client_say_what_it_is(idp: Operator) -> None:
    idp.does(*ADD, "--client-id", "pay", stdin=json.dumps(PAY))

    heading, row = idp.does("client", "list").splitlines()
    assert heading.split("  ")[0] == "CLIENT ID"
    assert row.split() == [
        "pay",
        "Payslips",
        "client_secret_basic",
        "no",
        "enabled",
        "2026-11-23",
        "07:00:00",
        "UTC",
    ]
    assert "redirect_uris                     https://pay.example/callback\n" in idp.does(
        "client", "show", "pay"
    )


def test_a_secret_is_replaced(idp: Operator, database: Database) -> None:
    before = add(idp)

    after = idp.json("client", "rotate-secret", before["client_id"])

    assert after["client_secret"] != before["client_secret"]
    with database.read() as connection:
        (stored,) = rows.every(connection)
    assert stored.secret_digest == digest_of(after["client_secret"])


def test_a_dry_run_keeps_the_secret(idp: Operator, database: Database) -> None:
    before = add(idp)

    assert "client_secret" not in idp.json("client", "rotate-secret", before["client_id"], "--dry-run")

    with database.read() as connection:
        (stored,) = rows.every(connection)
    assert stored.secret_digest == digest_of(str(before["client_secret"]))


def test_disabling_a_client_ends_what_it_was_granted(
    idp: Operator, database: Database, now: datetime
) -> None:
    with database.write() as connection:
        add_signed_in(connection, now)
        assert grant.add_if_live(connection, a_grant(now), now)

    disabled = idp.json("client", "disable", "rota")

    assert disabled == {"client_id": "rota", "state": "disabled", "changed": True, "grants_ended": 1}
    idp.does("client", "enable", "rota")
    with database.read() as connection:
        assert grant.find_live(connection, a_grant(now).id, now) is None


def test_disabling_and_enabling_twice_changes_nothing_more(idp: Operator) -> None:
    idp.does(*ADD, "--client-id", "pay", stdin=json.dumps(PAY))

    assert idp.does("client", "enable", "pay") == "pay is enabled already.\n"
    idp.does("client", "disable", "pay")
    disabled_at = idp.json("client", "show", "pay")["disabled_at"]
    idp.clock.advance(timedelta(hours=1))
    assert idp.does("client", "disable", "pay") == "pay is disabled already.\n"
    assert idp.json("client", "show", "pay")["disabled_at"] == disabled_at
    assert idp.does("client", "enable", "pay") == "pay is enabled.\n"


def test_a_client_that_nobody_used_is_removed(idp: Operator) -> None:
    idp.does(*ADD, "--client-id", "pay", stdin=json.dumps(PAY))

    assert "pay is removed." in idp.does("client", "remove", "pay", "--dry-run")
    assert len(idp.json("client", "list")) == 1
    assert idp.does("client", "remove", "pay") == "pay is removed.\n"
    assert idp.json("client", "list") == []


def test_a_client_that_was_used_is_not_removed(idp: Operator, database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_signed_in(connection, now)
        assert grant.add_if_live(connection, a_grant(now), now)

    assert idp.refused("client", "remove", "rota") == (
        "rota was not removed: people's grants or consents refer to it. Run: idp client disable rota\n"
    )
    assert idp.refused("client", "remove", "rota", "--dry-run").startswith("rota was not removed")


@pytest.mark.parametrize("command", ["show", "rotate-secret", "disable", "enable", "remove"])
def test_a_client_that_does_not_exist_is_told(idp: Operator, command: str) -> None:
    assert idp.refused("client", command, "nobody\x1b[2J") == (
        "There is no client nobody\\x1b[2J. Run: idp client list\n"
    )


def test_every_change_leaves_an_audit_row(idp: Operator, database: Database) -> None:
    idp.does(*ADD, "--client-id", "pay", stdin=json.dumps(PAY))
    for command in ("rotate-secret", "disable", "enable", "remove"):
        idp.does("client", command, "pay")

    with database.read() as connection:
        events = audit.latest(connection, 10)
    assert [(event.event, event.client_id) for event in reversed(events)] == [
        ("client.added", "pay"),
        ("client.secret_rotated", "pay"),
        ("client.disabled", "pay"),
        ("client.enabled", "pay"),
        ("client.removed", "pay"),
    ]


def test_a_name_with_control_characters_does_not_steer_the_terminal(
    idp: Operator, database: Database, now: datetime
) -> None:
    row = a_client(now)
    name = {"client_name": "Ro\x1b[2Jta", "token_endpoint_auth_method": "none", "first_party": False}
    with database.write() as connection:
        rows.add(connection, replace(row, metadata={**row.metadata, **name}))

    assert "Ro\\x1b[2Jta" in idp.does("client", "list")


def test_a_client_whose_row_was_damaged_is_listed_and_can_be_removed(
    idp: Operator, database: Database, now: datetime
) -> None:
    with database.write() as connection:
        rows.add(connection, replace(a_client(now), metadata={}))

    assert idp.does("client", "list").splitlines()[1].split()[:4] == ["rota", "?", "?", "?"]
    assert idp.does("client", "remove", "rota") == "rota is removed.\n"
