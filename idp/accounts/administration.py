"""What administrators do to employers and accounts, each with its audit row in the same transaction.

Disabling takes effect at once: it ends every session and grant, and no device is trusted any longer. Nobody
but an administrator undoes it, and the account returns to the state it was in. Administrators never set, see
or know a password.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from idp.accounts import text
from idp.accounts.attempt import Attempts
from idp.accounts.login_details import offer_of
from idp.accounts.recovery import Recovery
from idp.db import Connection, account, attempt, audit, browser_session, employer, trusted_device
from idp.db.account import Account, AccountState
from idp.db.audit import AuditEvent
from idp.db.employer import Employer
from idp.policy.event_name import EventName
from idp.policy.recovery import Kind, Offer

_EMPLOYER_CODE = re.compile(r"[0-9]{3}")
_ODS_CODE = re.compile(r"[A-Z0-9]{2,16}")


@dataclass(frozen=True, slots=True)
class NotDone:
    """Nothing was changed; `problem` says why, with the remedy."""

    problem: str


@dataclass(frozen=True, slots=True)
class Disabled:
    """What disabling ended; `sessions` is None when the account was disabled already."""

    sessions: int | None


@dataclass(frozen=True, slots=True)
class Invited:
    """A letter is queued: a welcome, or login details under a reference that the service desk may quote."""

    reference: str | None


def add_employer(connection: Connection, new: Employer, now: datetime) -> Employer | NotDone:
    """Store an employer, its texts trimmed."""
    tidy = Employer(
        new.code.strip(),
        text.tidy(new.name) or "",
        (text.tidy(new.ods_code) or "").upper() or None,
        text.tidy(new.locality),
        text.tidy(new.service_desk),
    )
    problem = _employer_problem(connection, tidy)
    if problem is not None:
        return NotDone(problem)
    employer.add(connection, tidy)
    detail = {"employer": tidy.code, "name": tidy.name}
    audit.record(connection, AuditEvent(at=now, event=EventName.EMPLOYER_ADDED, detail=detail))
    return tidy


def disable(connection: Connection, found: Account, now: datetime) -> Disabled | NotDone:
    """Shut the account, and end what is open in its name."""
    if found.state is AccountState.DISABLED:
        return Disabled(None)
    if not account.set_state(connection, found.id, found.state, AccountState.DISABLED):
        return _CHANGED_MEANWHILE
    ended = browser_session.end_all(connection, found.id, now)
    trusted_device.revoke_all(connection, found.id, now)
    _record(
        connection, EventName.ACCOUNT_DISABLED, found, now, {"before": found.state.value, "sessions": ended}
    )
    return Disabled(ended)


def enable(connection: Connection, found: Account, now: datetime) -> AccountState | NotDone:
    """Give a disabled account its state back; the state it has now."""
    if found.state is not AccountState.DISABLED:
        return found.state
    after = _state_before(connection, found)
    if not account.set_state(connection, found.id, AccountState.DISABLED, after):
        return _CHANGED_MEANWHILE
    _record(connection, EventName.ACCOUNT_ENABLED, found, now, {"after": after.value})
    return after


def unlock(connection: Connection, attempts: Attempts, found: Account, now: datetime) -> int:
    """Forget the wrong guesses at the account's person, in all accounts; how many counters there were."""
    cleared = attempt.clear(connection, attempts.of_person(found.person_id))
    if cleared:
        _record(connection, EventName.ACCOUNT_UNLOCKED, found, now, {"counters": cleared})
    return cleared


def require_change(connection: Connection, found: Account, now: datetime) -> bool | NotDone:
    """Let the next sign-in lead to a new password and nowhere else; False when it did already.

    Sessions and tokens given so far open nothing from now on.
    """
    if found.state is AccountState.MUST_CHANGE_PASSWORD:
        return False
    if found.state is not AccountState.ACTIVE:
        return NotDone(f"{found.username} is {found.state}: only an active account has a password in use.")
    if not account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD):
        return _CHANGED_MEANWHILE
    _record(connection, EventName.ACCOUNT_PASSWORD_DUE, found, now, {})
    return True


def invite(connection: Connection, recovery: Recovery, found: Account, now: datetime) -> Invited | NotDone:
    """Mail a link once more: to activate the account, or to reset its password; older links end."""
    match offer_of(Kind.FORGOTTEN, found, now):
        case Offer.CLOSED:
            why = "its employment has ended" if found.has_ended(now) else f"it is {found.state}"
            return NotDone(f"{found.username} cannot be invited: {why}.")
        case Offer.ACTIVATE:
            recovery.invite(connection, found.id, now)
            reference = None
        case _:
            reference = recovery.send_details(connection, found, now)
    _record(connection, EventName.ACCOUNT_INVITED, found, now, {"reference": reference})
    return Invited(reference)


_CHANGED_MEANWHILE = NotDone("The account was changed at the same moment. Look at it, and try again.")


def _employer_problem(connection: Connection, new: Employer) -> str | None:
    if not _EMPLOYER_CODE.fullmatch(new.code):
        return f"The code {new.code!r} will not do. Write three digits, such as 918."
    if not new.name:
        return "The employer needs a name."
    for value in (new.name, new.locality, new.service_desk):
        problem = text.problem(value)
        if problem is not None:
            return f"{value!r} {problem}."
    if new.ods_code is not None and not _ODS_CODE.fullmatch(new.ods_code):
        return f"The ODS code {new.ods_code!r} will not do. Write letters and digits, such as RXK."
    if employer.find(connection, new.code) is not None:
        return f"The code {new.code} is taken. Run: idp employer list"
    return None


def _state_before(connection: Connection, found: Account) -> AccountState:
    """What the audit log says the state was; without it, what the password allows."""
    disabled = audit.last_of_account(connection, found.id, EventName.ACCOUNT_DISABLED)
    before = (disabled.detail or {}).get("before") if disabled is not None else None
    if before in set(AccountState) - {AccountState.DISABLED}:
        return AccountState(before)
    return AccountState.PENDING if found.password_hash is None else AccountState.ACTIVE


def _record(
    connection: Connection, event: EventName, found: Account, now: datetime, detail: dict[str, object]
) -> None:
    audit.record(
        connection,
        AuditEvent(at=now, event=event, account_id=found.id, detail={"username": found.username, **detail}),
    )
