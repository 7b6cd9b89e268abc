"""`idp mail`: what became of every mail, and another try for those that were given up.

What a mail says is never shown: it holds links that open accounts, and is erased once the mail is sent.
"""

from collections.abc import Iterable
from uuid import UUID

import click

from idp.cli.command import Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import pairs, table
from idp.db import Connection, account, outbox
from idp.db.outbox import Mail, State
from idp.policy import reference as references
from idp.policy import username as usernames

_NOT_TWICE = "A worker is sending it at this moment. Look again in a few minutes: idp mail show {}"
_OVER = "It was sent, and its content was erased. Let the person ask for another one."
_SUPERSEDED = "A newer mail to the same person took its place: idp mail list --user USERNAME"
_NO_CONTENT = "Its content is missing, so there is nothing to send. Let the person ask for another one."


@click.group()
def mail() -> None:
    """See what became of mail, and try again what was given up."""


@mail.command(name="list")
@click.option(
    "--state", type=click.Choice([state.value for state in State]), help="Only mails in this state."
)
@click.option("--user", "username", help="Only mails to the person with this username.")
@click.option("--reference", help="Only what was promised under a reference, such as 7F3K-2Q.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@operates
def list_(
    installation: Installation, state: str | None, username: str | None, reference: str | None, limit: int
) -> Answer:
    """List mails, newest first: who was written to, why, and with what outcome."""
    ref = None if reference is None else _reference(reference)
    with installation.database.read() as connection:
        person_id = None if username is None else _person(connection, username)
        found = outbox.newest(
            connection,
            limit + 1,
            state=None if state is None else State(state),
            person_id=person_id,
            reference=ref,
        )
        mails, more = found[:limit], len(found) > limit
        whose = _usernames(connection, mails)
    rows = (
        (row.id, row.kind, whose[row.person_id], row.state, row.created_at, row.attempts, row.reference)
        for row in mails
    )
    lines = table(("ID", "KIND", "WHOSE", "STATE", "WRITTEN", "ATTEMPTS", "REFERENCE"), rows)
    if more:
        lines.append(f"There are more than {limit}. Narrow it, or raise --limit.")
    return Answer([_document(row, whose[row.person_id]) for row in mails], lines)


@mail.command()
@click.argument("mail_id", metavar="ID", type=click.UUID)
@operates
def show(installation: Installation, mail_id: UUID) -> Answer:
    """Show a mail: whose it is, how often it was tried, when, and what the mail server said last."""
    with installation.database.read() as connection:
        found = _get(connection, mail_id)
        whose = _usernames(connection, [found])[found.person_id]
    document = _document(found, whose)
    return Answer(document, pairs((name.replace("_", " ").capitalize(), v) for name, v in document.items()))


@mail.command()
@click.argument("mail_id", metavar="[ID]", type=click.UUID, required=False)
@click.option("--all-given-up", is_flag=True, help="Try again everything that was given up.")
@dry_run
@operates
def retry(installation: Installation, mail_id: UUID | None, all_given_up: bool, dry_run: bool) -> Answer:
    """Let the worker try a mail again at once.

    A mail that is older than a day is tried once; if that fails, it is given up again.
    """
    if (mail_id is None) is not all_given_up:
        raise click.UsageError("Say which: ID or --all-given-up.")
    now = installation.now()
    with installation.change(dry_run=dry_run) as connection:
        if mail_id is None:
            count = outbox.retry_given_up(connection, now)
        else:
            found = _get(connection, mail_id)
            if not outbox.retry(connection, mail_id, now):
                raise Refusal(_why_not(found))
            count = 1
    line = "Nothing was given up." if count == 0 else f"Mails that are tried again: {count}."
    return done({"retried": count}, line, dry_run=dry_run)


def _reference(typed: str) -> str:
    ref = references.normalise(typed)
    if ref is None:
        raise Refusal(f"{typed} is not a reference. It has six letters and digits, such as 7F3K-2Q.")
    return ref


def _person(connection: Connection, username: str) -> UUID:
    name = usernames.normalise(username)
    found = None if name is None else account.find(connection, name)
    if found is None:
        raise Refusal(f"There is no account {username}. Run: idp user list --search PART")
    return found.person_id


def _usernames(connection: Connection, mails: Iterable[Mail]) -> dict[UUID | None, str | None]:
    """The usernames of everyone these mails are to; a mail to administrators is nobody's."""
    people = {row.person_id for row in mails if row.person_id is not None}
    named: dict[UUID | None, str | None] = {None: None}
    for person_id in people:
        named[person_id] = " ".join(row.username for row in account.of_person(connection, person_id))
    return named


def _get(connection: Connection, mail_id: UUID) -> Mail:
    found = outbox.find(connection, mail_id)
    if found is None:
        raise Refusal(f"There is no mail {mail_id}; what was sent is forgotten after a month.")
    return found


def _why_not(found: Mail) -> str:
    if found.state is State.SENT:
        return _OVER
    if found.state is State.SUPERSEDED:
        return _SUPERSEDED
    return _NOT_TWICE.format(found.id) if found.has_content else _NO_CONTENT


def _document(row: Mail, whose: str | None) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "usernames": whose,
        "reference": row.reference,
        "state": row.state,
        "created_at": row.created_at,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at,
        "delivered_at": row.delivered_at,
        "failed_at": row.failed_at,
        "last_error": row.last_error,
    }
