from datetime import UTC, datetime

import pytest

from idp.accounts.care_identity import CareIdentityProblem
from idp.accounts.smartcard import CardProblem
from idp.accounts.webauthn import Cause
from idp.cli import explain_event
from idp.db import Database, audit, client, trace
from idp.db.audit import AuditEvent
from idp.db.trace import Trace
from idp.policy.event_name import EventName
from idp.services.authenticator import Flaw
from tests.builders import a_client
from tests.cli.conftest import Operator

REFERENCE = "7F3K-2Q"
# Of these nobody was vouched for: they are traces, and no events.
TRACED = {
    CareIdentityProblem.UNREACHABLE,
    CareIdentityProblem.LOST,
    CareIdentityProblem.DECLINED,
    CareIdentityProblem.NOT_BELIEVED,
}
CORRECT = (
    "Correct the redirect_uri that the application sends, or register this one: it must be the same character"
    " for character."
)


def an_event(event: str, outcome: str = "success", *, cause: str | None = None) -> AuditEvent:
    at = datetime(2026, 11, 23, 7, tzinfo=UTC)
    return AuditEvent(at=at, event=event, outcome=outcome, detail=None if cause is None else {"cause": cause})


def keep(database: Database, now: datetime, problem: str, **detail: object) -> None:
    with database.write() as connection:
        trace.add(connection, Trace(REFERENCE, now, "GET /authorize", problem, "rota", detail))


def test_a_redirect_uri_is_compared_with_the_closest_one(
    idp: Operator, database: Database, now: datetime
) -> None:
    keep(
        database,
        now,
        "redirect_uri_unregistered",
        received="https://rota.example/Callback/",
        registered=["https://other.example/", "https://rota.example/callback"],
    )

    assert idp.does("explain", REFERENCE).splitlines() == [
        "The redirect_uri is not registered for this client.",
        "",
        "When        2026-11-23 07:00:00 UTC",
        "Request     GET /authorize",
        "Problem     redirect_uri_unregistered",
        "Client      rota",
        "Registered  https://other.example/ https://rota.example/callback",
        "",
        "Received    https://rota.example/Callback/",
        "                                 ^       ^",
        "Registered  https://rota.example/callback",
        "                                 ^",
        "",
        f"What to do: {CORRECT}",
    ]


def test_an_unknown_client_is_compared_with_those_there_are(
    idp: Operator, database: Database, now: datetime
) -> None:
    with database.write() as connection:
        client.add(connection, a_client(now))
    keep(database, now, "client_unknown", received="rotas")

    assert idp.json("explain", REFERENCE)["closest"] == [
        {"received": "rotas", "received_marks": "    ^", "registered": "rota", "registered_marks": ""}
    ]


def test_a_cause_is_told(idp: Operator, database: Database, now: datetime) -> None:
    keep(database, now, "invalid_scope", cause="the client may not ask for esr")

    said = idp.does("explain", REFERENCE)

    assert "Cause    the client may not ask for esr\n" in said
    assert "What to do: Correct the scope it asks for" in said


def test_a_problem_of_a_later_release_is_told_all_the_same(
    idp: Operator, database: Database, now: datetime
) -> None:
    keep(database, now, "something_new", cause="because")

    assert idp.does("explain", REFERENCE).startswith("The request was refused.\n")


@pytest.mark.parametrize(
    "problem",
    [
        "smartcard_of_another_browser",
        "smartcard_report_too_old",
        "smartcard_proof_unusable",
        "care_identity_unreachable",
        "care_identity_lost",
        "care_identity_declined",
        "care_identity_not_believed",
    ],
)
def test_a_problem_on_the_way_with_a_card_has_its_words(
    idp: Operator, database: Database, now: datetime, problem: str
) -> None:
    keep(database, now, problem, cause="because")

    said = idp.does("explain", REFERENCE)

    assert not said.startswith("The request was refused.\n")
    assert "Cause    because\n" in said


def test_what_the_audit_log_has_under_the_reference_is_told(
    idp: Operator, database: Database, now: datetime
) -> None:
    event = AuditEvent(
        at=now, event="sign_in.password", outcome="failed", reference=REFERENCE, address="192.0.2.7"
    )
    with database.write() as connection:
        audit.record(connection, event)

    assert idp.json("explain", REFERENCE)["events"][0]["outcome"] == "failed"
    assert "192.0.2.7" in idp.does("explain", REFERENCE)


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("unknown_username", "nobody has the username that was typed"),
        ("wrong_password", "the password was wrong"),
        ("throttled", "too many wrong guesses"),
        ("employment_ended", "the employment has ended"),
        ("pending", "never activated"),
        ("inactive", "the account is inactive"),
        ("leaver", "the person has left"),
        ("disabled", "an administrator has disabled the account"),
        ("changed_meanwhile", "the account changed"),
    ],
)
def test_a_failed_sign_in_is_told_in_plain_words(
    idp: Operator, database: Database, now: datetime, cause: str, sentence: str
) -> None:
    event = AuditEvent(
        at=now, event="sign_in.password", outcome="failed", reference=REFERENCE, detail={"cause": cause}
    )
    with database.write() as connection:
        audit.record(connection, event)

    said = idp.does("explain", REFERENCE)
    assert sentence in said
    assert "What to do: " in said


def test_every_event_of_the_list_is_told_in_a_sentence_of_its_own() -> None:
    said = {name: explain_event.meaning(an_event(name)) for name in EventName}

    sentences = {each.sentence for each in said.values() if each is not None}
    assert len(sentences) == len(EventName)
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("event", ["sign_in.passkey", "second_factor.passkey", "factor.added"])
@pytest.mark.parametrize("cause", [*Cause, *Flaw])
def test_every_refusal_of_a_passkey_has_its_remedy(event: str, cause: str) -> None:
    said = explain_event.meaning(an_event(event, "failed", cause=str(cause)))

    assert said is not None
    assert said.sentence.startswith("A passkey was ")
    assert said.remedy is not None


# Of these nobody was vouched for: they are traces, and no events.
@pytest.mark.parametrize("problem", [each for each in CareIdentityProblem if each not in TRACED])
def test_every_refusal_of_a_care_identity_has_its_remedy(problem: CareIdentityProblem) -> None:
    said = explain_event.meaning(an_event("care_identity.refused", problem.value))

    assert said is not None
    assert said.sentence.startswith("A sign-in at NHS Care Identity was refused: ")
    assert said.remedy is not None


@pytest.mark.parametrize("problem", CardProblem)
def test_every_refusal_of_a_card_has_its_remedy(problem: CardProblem) -> None:
    said = explain_event.meaning(an_event("smartcard.refused", problem.value))

    assert said is not None
    assert said.sentence.endswith(".")
    assert said.remedy is not None


@pytest.mark.parametrize(
    ("event", "outcome", "cause", "sentence"),
    [
        (
            "sign_in.passkey",
            "failed",
            "counter_did_not_advance",
            "A passkey was refused: its counter of uses went back, as that of a copy would.",
        ),
        ("smartcard.refused", "revoked", None, "A smartcard was refused: its authority has revoked it."),
        (
            "sign_in.password",
            "second_factor_due",
            None,
            "Somebody signed in with a password. A second factor was due, and nothing was open before that.",
        ),
        (
            "sign_in.smartcard",
            "password_change_due",
            None,
            (
                "Somebody signed in with a smartcard. The password had to be changed, and nothing was open "
                "before that."
            ),
        ),
        (
            "second_factor.totp",
            "failed",
            "clock_off",
            "A code of an authenticator app was right for another time.",
        ),
        ("second_factor.recovery_code", "failed", "used_code", "A recovery code had been used before."),
        (
            "password.changed",
            "failed",
            "wrong_password",
            "The password was not changed: the current one was wrong.",
        ),
        (
            "code.redeemed",
            "refused",
            "the code has expired",
            "An authorization code was refused, and is spent.",
        ),
        ("sign_in.passkey", "failed", "of a later release", "A sign-in with a passkey failed."),
        ("factor.added", "failed", "of a later release", "A passkey was not added."),
    ],
)
def test_what_became_of_it_is_told(event: str, outcome: str, cause: str | None, sentence: str) -> None:
    said = explain_event.meaning(an_event(event, outcome, cause=cause))

    assert said is not None
    assert said.sentence == sentence


def test_an_event_of_another_release_is_told_without_a_sentence() -> None:
    assert explain_event.meaning(an_event("moon.landed")) is None


def test_a_refused_card_is_told_with_its_remedy(idp: Operator, database: Database, now: datetime) -> None:
    event = AuditEvent(at=now, event="smartcard.refused", outcome="unknown_card", reference=REFERENCE)
    with database.write() as connection:
        audit.record(connection, event)

    said = idp.does("explain", REFERENCE).splitlines()

    assert said[:3] == ["", "A smartcard was refused: it is in order, and linked to nobody.", ""]
    assert [line.split() for line in said[3:6]] == [
        ["at", "2026-11-23", "07:00:00", "UTC"],
        ["event", "smartcard.refused"],
        ["outcome", "unknown_card"],
    ]
    assert said[-2:] == [
        "",
        "What to do: Once you know whose it is: idp card link --account USERNAME --card-number NUMBER",
    ]
    assert idp.json("explain", REFERENCE)["events"][0]["remedy"] == (
        "Once you know whose it is: idp card link --account USERNAME --card-number NUMBER"
    )


def test_what_a_stranger_sent_does_not_steer_the_terminal(
    idp: Operator, database: Database, now: datetime
) -> None:
    keep(
        database,
        now,
        "redirect_uri_repeated",
        received=["https://a.example/\x1b[2J", "https://\u202e"],
        registered=["https://rota.example/callback"],
        cause="x\x9b2J",
    )

    said = idp.does("explain", REFERENCE)

    assert "https://a.example/\\x1b[2J" in said
    assert "https://\\u202e" in said
    assert said.replace("\n", "").isprintable()


def test_a_reference_of_nothing_says_so(idp: Operator) -> None:
    assert idp.refused("explain", "7f3k2r").startswith("Nothing is kept under 7F3K-2R.")


@pytest.mark.parametrize("typed", ["", "7F3K-2Q1", "7F3K-2\x00"])
def test_what_cannot_be_a_reference_is_told(idp: Operator, typed: str) -> None:
    assert "is not a reference" in idp.refused("explain", typed)
