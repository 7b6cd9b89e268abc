"""`idp user`: add people and their accounts, and administer them.

Nobody passes a password as an argument, where other users of the machine could read it; the one way in is
`add --password-stdin`, for the accounts of a set-up. Everyone else activates an account by a mailed link.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from idp import assembly
from idp.accounts import administration, factors, joiner
from idp.accounts.administration import NotDone
from idp.accounts.joiner import Joined, Password
from idp.accounts.password import Rules, judged, words_about
from idp.cli import user_import
from idp.cli.command import Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import pairs, shown, table
from idp.db import Connection, account, attempt, audit, person
from idp.db.account import Account, AccountState
from idp.db.attempt import NEVER
from idp.db.audit import AuditEvent
from idp.db.person import Person
from idp.policy import username as usernames
from idp.policy.metadata_reader import Problem
from idp.services.hashing import PasswordTooLong

_EVENTS = 20
_no_mail = click.option("--no-mail", is_flag=True, help="Invite nobody; do so later with idp user invite.")
_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group()
def user() -> None:
    """Add, import and administer people and their accounts."""


@user.command()
@click.option("--employer", required=True, help="The employer's three digits.")
@click.option("--given-name", help="Leave it out for someone with a single name.")
@click.option("--family-name", required=True)
@click.option("--email", required=True, help="The work address.")
@click.option("--date-of-birth", required=True, help="Like 1984-02-29.")
@click.option("--username", help="Otherwise one is made, like 918JSMITH01.")
@click.option("--job-title")
@click.option("--locality")
@click.option("--language", help="en or cy.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; for a set-up.")
@click.option(
    "--must-change", is_flag=True, help="With --password-stdin: ask for another at the first sign-in."
)
@_no_mail
@dry_run
@operates
def add(
    installation: Installation,
    *,
    password_stdin: bool,
    must_change: bool,
    no_mail: bool,
    dry_run: bool,
    **fields: str | None,
) -> Answer:
    """Add a person with an account at an employer; someone on record gets another account.

    Without a password the account is pending until its owner activates it by the link in the welcome email,
    which is queued to the work address.
    """
    if must_change and not password_stdin:
        raise click.UsageError("--must-change goes with --password-stdin.")
    now = installation.now()
    read = joiner.read(fields, now.date())
    if isinstance(read, tuple):
        raise _refusal(read)
    typed = _typed() if password_stdin else None
    password = None if typed is None else _password(installation, typed, must_change=must_change)
    with installation.change(dry_run=dry_run) as connection:
        invite = None if no_mail else installation.recovery.invite
        joined = joiner.add(connection, read, installation.randomness, now, password=password, invite=invite)
        if isinstance(joined, tuple):
            raise _refusal(joined)
        if typed is not None:
            _refuse_weak(installation, connection, joined.account, typed)
    mails = int(joined.account.state is AccountState.PENDING and not no_mail)
    known = "" if joined.is_new_person else f", who was on record as {joined.person.name}"
    line = f"{joined.account.username} is {joined.account.state}, for {read.name}{known}."
    lines = [line, f"A welcome email is queued to {joined.person.email}."] if mails else [line]
    return done({**_joined(joined), "mails_queued": mails}, *lines, dry_run=dry_run)


@user.command(name="import")
@click.argument("file", type=_FILE)
@click.option("--skip-bad-rows", is_flag=True, help="Store the good rows though others are wrong.")
@_no_mail
@dry_run
@operates
def import_(
    installation: Installation, file: Path, skip_bad_rows: bool, no_mail: bool, dry_run: bool
) -> Answer:
    """Add everyone in a CSV file (UTF-8).

    Its first row names the columns: employer, family_name, email and date_of_birth, and as far as there are
    any given_name, username, job_title, locality and language. Nothing is stored when any row is wrong,
    unless --skip-bad-rows. Accounts are pending until their owners activate them by the links in the welcome
    emails, which are queued together with the accounts.
    """
    return user_import.run(
        installation, file, skip_bad_rows=skip_bad_rows, invites=not no_mail, dry_run=dry_run
    )


@user.command(name="list")
@click.option("--search", default="", help="Part of a username, email address or family name.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@operates
def list_(installation: Installation, search: str, limit: int) -> Answer:
    """List accounts by username."""
    with installation.database.read() as connection:
        found = account.search(connection, search, limit + 1)
    accounts, more = found[:limit], len(found) > limit
    rows = [
        (row.username, row.state, row.job_title, row.locality, row.created_at, row.last_sign_in_at)
        for row in accounts
    ]
    lines = table(("USERNAME", "STATE", "JOB TITLE", "LOCALITY", "ADDED", "LAST SIGN-IN"), rows)
    if more:
        lines.append(f"There are more than {limit}. Narrow it with --search, or raise --limit.")
    return Answer([_account(row) for row in accounts], lines)


@user.command()
@click.argument("username")
@operates
def show(installation: Installation, username: str) -> Answer:
    """Show an account: its person, whether guesses have throttled it, and what happened last."""
    with installation.database.read() as connection:
        found = _get(connection, username)
        owner = person.find(connection, found.person_id)
        others = [
            row.username for row in account.of_person(connection, found.person_id) if row.id != found.id
        ]
        key = installation.attempts().of_person(found.person_id)
        buckets = attempt.of_key(connection, key)
        events = audit.of_account(connection, found.id, _EVENTS)
    people = {} if owner is None else _person(owner)
    document = {
        **_account(found),
        "person": people or None,
        "other_accounts": others,
        "throttle": [_bucket(installation, bucket) for bucket in buckets],
        "events": [_event(event) for event in events],
    }
    facts = {**_account(found), **people, "other_accounts": " ".join(others)}
    lines = [
        *pairs((name.replace("_", " ").capitalize(), value) for name, value in facts.items()),
        "",
        *_throttle_lines(installation, buckets),
        "",
        *_event_lines(events),
    ]
    return Answer(document, lines)


@user.command()
@click.argument("username")
@dry_run
@operates
def disable(installation: Installation, username: str, dry_run: bool) -> Answer:
    """Shut an account at once: its sessions and every token given in its name end."""
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, username)
        outcome = administration.disable(connection, found, installation.now())
        if isinstance(outcome, NotDone):
            raise Refusal(outcome.problem)
    ended = outcome.sessions
    document = {"username": found.username, "state": "disabled", "changed": ended is not None}
    if ended is None:
        return done(document, f"{found.username} is disabled already.", dry_run=dry_run)
    line = f"{found.username} is disabled; sessions ended: {ended}."
    return done({**document, "sessions_ended": ended}, line, dry_run=dry_run)


@user.command()
@click.argument("username")
@dry_run
@operates
def enable(installation: Installation, username: str, dry_run: bool) -> Answer:
    """Open a disabled account again, in the state it was in."""
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, username)
        state = administration.enable(connection, found, installation.now())
        if isinstance(state, NotDone):
            raise Refusal(state.problem)
    is_news = found.state is not state
    document = {"username": found.username, "state": state, "changed": is_news}
    line = f"{found.username} is {state}." if is_news else f"{found.username} is not disabled; it is {state}."
    return done(document, line, dry_run=dry_run)


@user.command()
@click.argument("username")
@dry_run
@operates
def unlock(installation: Installation, username: str, dry_run: bool) -> Answer:
    """Forget the wrong guesses at a person's password, so that the next try is heard. The password stays."""
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, username)
        cleared = administration.unlock(connection, installation.attempts(), found, installation.now())
    line = f"{found.username} is unlocked." if cleared else f"{found.username} was not throttled."
    return done({"username": found.username, "counters_cleared": cleared}, line, dry_run=dry_run)


@user.command()
@click.argument("username")
@dry_run
@operates
def invite(installation: Installation, username: str, dry_run: bool) -> Answer:
    """Mail a link once more: to activate an account, or, once it is active, to reset its password.

    It goes to the address on record, in place of links that were mailed before.
    """
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, username)
        invited = administration.invite(connection, installation.recovery, found, installation.now())
        if isinstance(invited, NotDone):
            raise Refusal(invited.problem)
    letter = "A welcome email" if invited.reference is None else "An email with login details"
    told = "" if invited.reference is None else f" Its reference is {invited.reference}."
    document = {"username": found.username, "reference": invited.reference, "mails_queued": 1}
    return done(document, f"{letter} is queued to the address on record.{told}", dry_run=dry_run)


@user.command(name="reset-factors")
@click.argument("username")
@dry_run
@operates
def reset_factors(installation: Installation, username: str, dry_run: bool) -> Answer:
    """Remove an account's authenticator apps, passkeys and recovery codes, for who has lost them.

    Check first who is asking. Its sessions end, and its owner is told by mail; who logs in next sets up new
    ones with a mailed link. Smartcards stay.
    """
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, username)
        post = assembly.post(installation.settings, installation.masters, installation.randomness)
        reset = factors.reset(connection, post, installation.attempts(), found, installation.now())
    document = {"username": found.username, "changed": reset is not None}
    if reset is None:
        return done(document, f"{found.username} has nothing to remove.", dry_run=dry_run)
    line = (
        f"Removed from {found.username}: apps {reset.apps}, passkeys {reset.passkeys}, "
        f"recovery codes {reset.recovery_codes}; sessions ended: {reset.sessions}."
    )
    return done({**document, **asdict(reset)}, line, dry_run=dry_run)


@user.command(name="must-change")
@click.argument("username")
@dry_run
@operates
def must_change(installation: Installation, username: str, dry_run: bool) -> Answer:
    """Ask for a new password at the next sign-in. What is open in the account's name opens nothing more."""
    with installation.change(dry_run=dry_run) as connection:
        found = _get(connection, username)
        changed = administration.require_change(connection, found, installation.now())
        if isinstance(changed, NotDone):
            raise Refusal(changed.problem)
    document = {"username": found.username, "state": "must_change_password", "changed": changed}
    line = f"{found.username} must change the password{' at the next sign-in' if changed else ' already'}."
    return done(document, line, dry_run=dry_run)


def _typed() -> str:
    if sys.stdin.isatty():
        click.echo("Password, and Enter:", err=True)
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise Refusal("Standard input holds no password. Write it there, on one line.")
    return typed


def _password(installation: Installation, typed: str, *, must_change: bool) -> Password:
    try:
        return Password(installation.hasher().hash(typed), must_change=must_change)
    except PasswordTooLong as too_long:
        raise Refusal(f"{too_long}.") from too_long


def _refuse_weak(installation: Installation, connection: Connection, found: Account, typed: str) -> None:
    """Nobody else may choose such a password, so an operator may not choose it for them."""
    settings = installation.settings
    words = words_about(connection, found, settings.password_words)
    failures = judged(Rules(assembly.password_profile(settings), words), typed)
    if failures:
        broken = ", ".join(
            rule.value if fragment is None else f"{rule.value} ({fragment})"
            for rule, fragment in ((failure.rule, failure.fragment) for failure in failures)
        )
        raise Refusal(
            f"The account was not added: its password breaks the rules {broken}. "
            "What they ask is told by: idp policy explain"
        )


def _get(connection: Connection, typed: str) -> Account:
    name = usernames.normalise(typed)
    found = None if name is None else account.find(connection, name)
    if found is None:
        raise Refusal(f"There is no account {typed}. Run: idp user list --search PART")
    return found


def _refusal(problems: tuple[Problem, ...]) -> Refusal:
    listed = [{"field": problem.field, "message": problem.message} for problem in problems]
    return Refusal("The account was not added.", listed)


def _joined(joined: Joined) -> dict[str, object]:
    return {**_account(joined.account), "person": _person(joined.person), "new_person": joined.is_new_person}


def _account(row: Account) -> dict[str, object]:
    return {
        "username": row.username,
        "account_id": row.id,
        "employer": row.employer_code,
        "state": row.state,
        "job_title": row.job_title,
        "locality": row.locality,
        "ends_on": row.ends_on,
        "created_at": row.created_at,
        "password_changed_at": row.password_changed_at,
        "last_sign_in_at": row.last_sign_in_at,
    }


def _person(row: Person) -> dict[str, object]:
    return {
        "given_name": row.given_name,
        "family_name": row.family_name,
        "email": row.email,
        "date_of_birth": row.date_of_birth,
        "language": row.language,
    }


def _bucket(installation: Installation, bucket: attempt.Attempts) -> dict[str, object]:
    return {
        "factor": bucket.factor,
        "devices": bucket.bucket,
        "guesses": bucket.n,
        "state": _bucket_state(installation, bucket),
        "next_heard_at": None if bucket.not_before == NEVER else bucket.not_before,
    }


def _bucket_state(installation: Installation, bucket: attempt.Attempts) -> str:
    if bucket.not_before == NEVER:
        return "shut"
    return "waiting" if bucket.not_before > installation.now() else "open"


def _throttle_lines(installation: Installation, buckets: list[attempt.Attempts]) -> list[str]:
    if not buckets:
        return ["No guesses are counted."]
    rows = [tuple(_bucket(installation, bucket).values()) for bucket in buckets]
    lines = table(("FACTOR", "DEVICES", "GUESSES", "STATE", "NEXT HEARD"), rows)
    if any(_bucket_state(installation, bucket) != "open" for bucket in buckets):
        lines.append("Guesses wait. To forget them: idp user unlock USERNAME")
    return lines


def _event(event: AuditEvent) -> dict[str, object]:
    return {
        "at": event.at,
        "event": event.event,
        "outcome": event.outcome,
        "client_id": event.client_id,
        "address": event.address,
        "reference": event.reference,
        "detail": event.detail,
    }


def _event_lines(events: list[AuditEvent]) -> list[str]:
    if not events:
        return ["Nothing has happened to this account yet."]
    rows = [(event.at, event.event, event.outcome, event.client_id, event.address) for event in events]
    return table(
        ("WHEN", "WHAT", "OUTCOME", "CLIENT", "FROM"), [[shown(cell) for cell in row] for row in rows]
    )
