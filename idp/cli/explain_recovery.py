"""Tell the service desk what came of a request for login details, from whom it reached to whether mail left.

What was typed is not told: it is encrypted, and administrators have it in their digest if it reached nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from idp.cli.table import shown
from idp.db import Connection, account, outbox, recovery_request
from idp.db.audit import AuditEvent
from idp.db.outbox import Mail, State
from idp.db.recovery_request import RecoveryRequest
from idp.policy.event_name import EventName

_MOST_MAILS: Final = 20


@dataclass(frozen=True, slots=True)
class _Fact:
    """What happened, and what to do about it if anything."""

    sentence: str
    remedy: str | None = None


_PAGES: Final[Mapping[str, str]] = {
    "forgotten": "Forgotten",
    "request": "Request Username/Password",
    "unlock": "Unlock Account",
}
_OFFERS: Final[Mapping[str, str]] = {
    "username": "the username",
    "reset": "the username, with a link to reset the password",
    "activate": "the username, with a link to activate the account",
    "unlock": "the username, with a link to unlock it",
    "closed": "that it is closed, and whom to call",
}
_MISSES: Final[Mapping[str, _Fact]] = {
    "unknown_identity": _Fact(
        "Nobody on record has the email address and the date of birth that were typed.",
        "Compare both with the record: idp user list --search NAME. The digest to administrators says what "
        "was typed.",
    ),
    "no_account": _Fact(
        "The person is on record, without any account.",
        "Check with the employer, and add the account: idp user add",
    ),
    "unknown_username": _Fact(
        "The email address and the date of birth are right, but nobody has the username that was typed.",
        "Tell the person to leave the username empty: the letter then lists every account.",
    ),
    "username_of_another": _Fact(
        "The email address and the date of birth are right, but the username that was typed is another's.",
        "Tell the person to leave the username empty: the letter then lists every account.",
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it, in order; what to do, if anything; and the same for programs."""

    sentences: tuple[str, ...]
    remedies: tuple[str, ...]
    document: Mapping[str, object]


def find(connection: Connection, reference: str, events: Sequence[AuditEvent]) -> Told | None:
    """What is known of requests under the reference; None when there was none."""
    ours = [(event, _username(connection, event)) for event in events if event.event.startswith("recovery.")]
    requests = recovery_request.of_reference(connection, reference)
    mails = outbox.newest(connection, _MOST_MAILS, reference=reference)
    if not ours and not requests and not mails:
        return None
    told = [
        *(_of_request(request) for request in requests if request.next_attempt_at is not None),
        *(_of_event(event, username) for event, username in ours),
        *(_of_mail(mail) for mail in reversed(mails)),
    ]
    document = {
        "waiting": any(request.next_attempt_at is not None for request in requests),
        "outcomes": [_outcome(event, username) for event, username in ours],
        "mails": [_mail(mail) for mail in mails],
    }
    remedies = dict.fromkeys(fact.remedy for fact in told if fact.remedy is not None)
    return Told(tuple(fact.sentence for fact in told), tuple(remedies), document)


def _of_request(request: RecoveryRequest) -> _Fact:
    asked = f"{_PAGES[request.kind]} was asked at {shown(request.created_at)}, and nobody has answered yet."
    if request.attempts == 0:
        return _Fact(asked, "See that idp worker runs.")
    return _Fact(
        f"{asked} Attempts: {request.attempts}.", "The log of idp worker says why, under this reference."
    )


def _of_event(event: AuditEvent, username: str | None) -> _Fact:
    detail = event.detail or {}
    page = _PAGES.get(str(detail.get("kind")), "A page")
    match event.event:
        case EventName.RECOVERY_ANSWERED:
            offered = _OFFERS.get(str(detail.get("offer")), "something")
            return _Fact(f"{page} found {username}: the letter says {offered}.")
        case EventName.RECOVERY_LIMITED:
            return _Fact(
                f"{page} found {username}, but the person had been sent as many letters as an hour or a day "
                "allows. Nothing was sent.",
                "Let the person look for those letters, or send another one: idp user invite USERNAME",
            )
        case EventName.RECOVERY_MISSED:
            miss = _MISSES.get(str(detail.get("cause")), _Fact("It reached nobody."))
            return _Fact(f"{page} was asked in vain. {miss.sentence} Nothing was sent.", miss.remedy)
        case _:
            return _Fact(
                f"{page} was asked, and could not be answered. Nothing was sent.",
                "Search the log for this reference: it has the whole cause. The person may ask again.",
            )


def _of_mail(mail: Mail) -> _Fact:
    match mail.state:
        case State.SENT:
            return _Fact(
                f"The mail server took the letter at {shown(mail.delivered_at)}.",
                "If it does not arrive, look in the spam folder, and at the address on record.",
            )
        case State.GIVEN_UP:
            return _Fact(
                f"The letter was given up at {shown(mail.failed_at)}: {shown(mail.last_error)}",
                f"Put the cause right, and try again: idp mail retry {mail.id}",
            )
        case State.SUPERSEDED:
            return _Fact(
                "The letter was not sent: a newer one to the same person took its place, and its links.",
                "See what became of that one: idp mail list --user USERNAME",
            )
        case State.WAITING:
            why = "" if mail.last_error is None else f" The last one failed: {shown(mail.last_error)}"
            return _Fact(
                f"The letter waits to be sent. Attempts: {mail.attempts}.{why}",
                "See that idp worker runs and reaches the mail server.",
            )


def _username(connection: Connection, event: AuditEvent) -> str | None:
    if event.account_id is None:
        return None
    profile = account.find_profile(connection, event.account_id)
    return None if profile is None else profile.username


def _outcome(event: AuditEvent, username: str | None) -> dict[str, object]:
    return {
        "outcome": event.event.removeprefix("recovery."),
        "username": username,
        **(event.detail or {}),
    }


def _mail(mail: Mail) -> dict[str, object]:
    return {
        "id": mail.id,
        "kind": mail.kind,
        "state": mail.state,
        "attempts": mail.attempts,
        "delivered_at": mail.delivered_at,
        "last_error": mail.last_error,
    }
