"""`idp explain`: tell what happened under a reference that a page or an error description showed.

Values that came from outside are compared with what is registered, and the differing characters marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import click

from idp.cli import explain_event, explain_recovery
from idp.cli.command import Answer, Refusal, operates
from idp.cli.installation import Installation
from idp.cli.table import pairs, shown
from idp.db import audit, client, trace
from idp.db.audit import AuditEvent
from idp.db.trace import Trace
from idp.policy import difference
from idp.policy import reference as references
from idp.policy.difference import Difference


@dataclass(frozen=True, slots=True)
class _Meaning:
    sentence: str
    remedy: str


_CORRECT_URI: Final = (
    "Correct the redirect_uri that the application sends, or register this one: it must be the same "
    "character for character."
)
_ONE_EACH: Final = "Let the application send each parameter once."
_START_AGAIN: Final = "Nothing is wrong with the application. The person starts again from it."
_TRY_CARD: Final = "The person starts again with the card from the login page."
_CORRECT_LOGOUT: Final = "Correct what the application sends to /logout, or what it is registered with."

_NEW_LINK: Final = (
    "The person asks for a new email on the Forgotten or Unlock Account page; idp user invite sends one, too."
)

_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "client_missing": _Meaning("The request named no client_id.", "Let the application send its client_id."),
    "client_repeated": _Meaning("The request named more than one client_id.", _ONE_EACH),
    "client_unknown": _Meaning(
        "No client with that client_id is registered.",
        "Correct the client_id in the application's settings, or register it: idp client add",
    ),
    "client_disabled": _Meaning(
        "An administrator has disabled this client.", "If it may be used again: idp client enable CLIENT_ID"
    ),
    "redirect_uri_missing": _Meaning("The request named no redirect_uri.", _CORRECT_URI),
    "redirect_uri_repeated": _Meaning("The request named more than one redirect_uri.", _ONE_EACH),
    "redirect_uri_unregistered": _Meaning(
        "The redirect_uri is not registered for this client.", _CORRECT_URI
    ),
    "malformed": _Meaning(
        "The request could not be read.",
        "See the cause below; the address or the form was damaged on its way.",
    ),
    "request_missing": _Meaning("A page of a sign-in was opened without a sign-in.", _START_AGAIN),
    "request_unknown": _Meaning("The sign-in is not known: too old, or an incomplete address.", _START_AGAIN),
    "request_expired": _Meaning("The sign-in page had been open for too long.", _START_AGAIN),
    "request_answered": _Meaning("The sign-in had been completed before.", _START_AGAIN),
    "request_of_another_browser": _Meaning(
        "The sign-in was begun in another browser, or this browser keeps no cookies.",
        "The person allows cookies for this site and starts again from the application.",
    ),
    "link_used": _Meaning("The link of an email had been used before.", _NEW_LINK),
    "link_superseded": _Meaning("A newer email had made the link of an older one useless.", _NEW_LINK),
    "link_expired": _Meaning("The link of an email had expired.", _NEW_LINK),
    "link_unknown": _Meaning(
        "The link of an email is not ours, is not complete, or its account was closed since.", _NEW_LINK
    ),
    "forged": _Meaning(
        "The form did not come from our own page, or its page was too old.",
        "The person reloads the page. If it happens often, look for another site that posts to ours.",
    ),
    "logout_repeated": _Meaning("The logout request said one thing twice.", _ONE_EACH),
    "logout_too_long": _Meaning("The logout request was too long.", _CORRECT_LOGOUT),
    "logout_hint": _Meaning(
        "The id_token_hint was issued to another client than the one client_id names.", _CORRECT_LOGOUT
    ),
    "logout_return": _Meaning("The post_logout_redirect_uri is not registered.", _CORRECT_LOGOUT),
    "smartcard_of_another_browser": _Meaning(
        "A smartcard was proved in another browser or window.", _TRY_CARD
    ),
    "smartcard_report_too_old": _Meaning("The page about a smartcard had been open for too long.", _TRY_CARD),
    "smartcard_proof_unusable": _Meaning(
        "The proof that a smartcard was there was used, was a minute old, or the account was closed since.",
        _TRY_CARD,
    ),
    "care_identity_unreachable": _Meaning(
        "NHS Care Identity could not be reached, or said that it cannot serve now.",
        "See the cause below, and try: idp care-identity check",
    ),
    "care_identity_lost": _Meaning(
        "An answer of NHS Care Identity came to another browser, a second time, or too late.",
        "The person starts again from the login page.",
    ),
    "care_identity_declined": _Meaning(
        "NHS Care Identity signed nobody in: the person cancelled, or was refused there.",
        "See the cause below, which is theirs. Who was refused asks the Registration Authority.",
    ),
    "care_identity_not_believed": _Meaning(
        "What came from NHS Care Identity was not as it must be, and nobody was signed in.",
        "See the cause below. Compare IDP_CARE_IDENTITY_ISSUER, the client_id and the clock of this machine; "
        "if all are right, somebody may have tried to forge an answer.",
    ),
    "address_throttled": _Meaning(
        "Too many sign-ins or codes were tried from this network address.",
        "Wait. If a whole hospital shares the address, list its network in IDP_TRUSTED_NETWORKS, or raise "
        "IDP_SIGN_INS_PER_MINUTE, IDP_FAILED_NAMES_PER_TEN_MINUTES or IDP_CODES_PER_TEN_MINUTES.",
    ),
    "account_throttled": _Meaning(
        "Thirty new passwords had been tried for one account within ten minutes.",
        "The person waits for ten minutes. idp policy check says what is wrong with a password, and why.",
    ),
    "recovery_throttled": _Meaning(
        "Login details were asked for too often from this network address.",
        "Wait. If a whole hospital shares the address, raise IDP_RECOVERY_PER_TEN_MINUTES or list its "
        "network in IDP_TRUSTED_NETWORKS.",
    ),
    "recovery_busy": _Meaning(
        "Login details were asked for more often in this hour than the whole system answers.",
        "Look in the audit log for who asks so much. If it is an honest rush, raise IDP_RECOVERY_PER_HOUR.",
    ),
    "too_large": _Meaning("The request was larger than we accept.", "Let the application send less."),
    "failed": _Meaning(
        "A fault on our side. The request was undone.",
        "Search the log for this reference: it has the whole cause. Then report it.",
    ),
    "invalid_client": _Meaning(
        "The client did not prove who it is.",
        "Compare client_id and authentication method with: idp client show CLIENT_ID. A lost secret is "
        "replaced with: idp client rotate-secret CLIENT_ID",
    ),
    "invalid_grant": _Meaning(
        "The code or refresh token is unknown, expired, used, revoked or another client's.",
        "Let the application use each one once and in time, with the redirect_uri and code_verifier that "
        "belong to it.",
    ),
    "invalid_scope": _Meaning(
        "The client asked for a scope it is not registered for, or for none.",
        "Correct the scope it asks for, or register the client again with it.",
    ),
    "unauthorized_client": _Meaning(
        "The client is not registered for this way of getting tokens.",
        "Register the client again with the grant_types and response_types it uses.",
    ),
}

_UNKNOWN_MEANING: Final = _Meaning(
    "The request was refused.", "Correct what the cause below names in the application, and try again."
)


@click.command()
@click.argument("reference")
@operates
def explain(installation: Installation, reference: str) -> Answer:
    """Tell what happened under REFERENCE (such as 7F3K-2Q), and what to do about it."""
    ref = references.normalise(reference)
    if ref is None:
        raise Refusal(f"{reference} is not a reference. It has six letters and digits, such as 7F3K-2Q.")
    with installation.database.read() as connection:
        found = trace.find(connection, ref)
        events = audit.by_reference(connection, ref)
        ids = [row.client_id for row in client.every(connection)] if _is_unknown_client(found) else []
        recovery = explain_recovery.find(connection, ref, events)
    if found is None and not events and recovery is None:
        raise Refusal(
            f"Nothing is kept under {ref}. Traces are kept for a week; the log may have more of it."
        )
    document: dict[str, object] = {"reference": ref}
    lines: list[str] = []
    if found is not None:
        differences = list(_differences(found.detail, ids))
        document |= _document(found, differences)
        lines += _lines(found, differences)
    if recovery is not None:
        document["recovery"] = recovery.document
        lines += [*recovery.sentences, *(f"What to do: {remedy}" for remedy in recovery.remedies)]
    document["events"] = [_event(event) for event in events]
    for event in events:
        lines += ["", *_event_lines(event)]
    return Answer(document, lines)


def _is_unknown_client(found: Trace | None) -> bool:
    return found is not None and found.problem == "client_unknown"


def _differences(detail: Mapping[str, object], client_ids: Sequence[str]) -> Iterator[Difference]:
    registered = _texts(detail.get("registered")) or client_ids
    for received in _texts(detail.get("received")):
        found = difference.closest(received, registered)
        if found is not None:
            yield found


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [item for item in value if isinstance(item, str)]
        case _:
            return []


def _document(found: Trace, differences: list[Difference]) -> dict[str, object]:
    meaning = _MEANINGS.get(found.problem, _UNKNOWN_MEANING)
    return {
        "at": found.at,
        "request": found.request,
        "problem": found.problem,
        "sentence": meaning.sentence,
        "remedy": meaning.remedy,
        "client_id": found.client_id,
        "detail": found.detail,
        "closest": [asdict(each) for each in differences],
    }


def _lines(found: Trace, differences: list[Difference]) -> Iterator[str]:
    meaning = _MEANINGS.get(found.problem, _UNKNOWN_MEANING)
    yield meaning.sentence
    yield ""
    yield from pairs(
        [
            ("When", found.at),
            ("Request", found.request),
            ("Problem", found.problem),
            ("Client", found.client_id),
            *((name.capitalize(), _text(value)) for name, value in _told(found, differences)),
        ]
    )
    for each in differences:
        yield ""
        yield from _marked("Received", each.received, each.received_marks)
        yield from _marked("Registered", each.registered, each.registered_marks)
    yield ""
    yield f"What to do: {meaning.remedy}"


def _told(found: Trace, differences: list[Difference]) -> Iterator[tuple[str, object]]:
    """The detail, without what the marked lines show."""
    for name, value in found.detail.items():
        if name == "registered" and len(_texts(value)) == 1 and differences:
            continue
        if name != "received" or not differences:
            yield name, value


def _marked(name: str, text: str, marks: str) -> Iterator[str]:
    yield f"{name:<12}{text}"
    if marks:
        yield " " * 12 + marks


def _text(value: object) -> str:
    return " ".join(map(difference.visible, _texts(value))) or shown(value)


def _event_lines(event: AuditEvent) -> Iterator[str]:
    meaning = explain_event.meaning(event)
    if meaning is not None:
        yield meaning.sentence
        yield ""
    yield from pairs(_facts(event).items())
    if meaning is not None and meaning.remedy is not None:
        yield ""
        yield f"What to do: {meaning.remedy}"


def _event(event: AuditEvent) -> dict[str, object]:
    meaning = explain_event.meaning(event)
    return {
        **_facts(event),
        "sentence": None if meaning is None else meaning.sentence,
        "remedy": None if meaning is None else meaning.remedy,
    }


def _facts(event: AuditEvent) -> dict[str, object]:
    return {
        "at": event.at,
        "event": event.event,
        "outcome": event.outcome,
        "account_id": event.account_id,
        "client_id": event.client_id,
        "address": event.address,
        "detail": event.detail,
    }
