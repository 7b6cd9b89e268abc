"""`idp user import`: check a whole CSV file first, and store it in one transaction afterwards.

The check only reads, so it disturbs nobody. Storing decides everything once more in its transaction: what
changed in between is refused like any other bad row.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from idp.accounts import joiner, roster
from idp.accounts.joiner import Arrivals, Joined
from idp.accounts.roster import BadRow, NotARoster, Row
from idp.cli.command import REFUSED, Answer, Refusal
from idp.cli.installation import Installation
from idp.db import Connection

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # click names the type nowhere else

_MOST_LINES = 50
_PROGRESS_STEP = 64 * 1024


@dataclass(slots=True)
class _Report:
    """What came of the rows."""

    accounts: list[dict[str, object]] = field(default_factory=list)
    problems: list[dict[str, object]] = field(default_factory=list)
    bad_rows: int = 0
    people: int = 0
    mails: int = 0

    def add(self, number: int, joined: Joined) -> None:
        username = joined.account.username
        self.accounts.append({"row": number, "username": username, "new_person": joined.is_new_person})
        self.people += joined.is_new_person

    def refuse(self, bad: BadRow) -> None:
        self.bad_rows += 1
        self.problems += [
            {"row": bad.number, "field": problem.field, "message": problem.message}
            for problem in bad.problems
        ]


def run(
    installation: Installation, path: Path, *, skip_bad_rows: bool, invites: bool, dry_run: bool
) -> Answer:
    """Import the file. Bad rows end it with code 1, unless `skip_bad_rows` stored the others.

    `invites` queues a welcome email for each account.
    """
    try:
        with installation.database.read() as connection:
            report = _pass(installation, connection, path, "Checking")
        if not dry_run and report.accounts and (skip_bad_rows or not report.problems):
            report = _store(installation, path, skip_bad_rows=skip_bad_rows, invites=invites)
            return _answer(report, stored=True)
    except NotARoster as error:
        raise Refusal(f"{path.name}: {error} Nothing was stored.") from error
    return _answer(report, stored=False, dry_run=dry_run)


def _store(installation: Installation, path: Path, *, skip_bad_rows: bool, invites: bool) -> _Report:
    invite = installation.recovery.invite if invites else None
    randomness, now = installation.randomness, installation.now()
    with installation.change() as connection:
        report = _pass(
            installation,
            connection,
            path,
            "Storing",
            lambda joined: joiner.store(connection, joined, randomness, now, invite=invite),
        )
        if report.problems and not skip_bad_rows:
            raise Refusal(
                "The database changed since the file was checked. Nothing was stored; run it again."
            )
    report.mails = len(report.accounts) if invites else 0
    return report


def _pass(
    installation: Installation,
    connection: Connection,
    path: Path,
    label: str,
    store: Callable[[Joined], object] | None = None,
) -> _Report:
    report, arrivals = _Report(), Arrivals()
    for row in _read(path, label):
        joined = _planned(installation, connection, row, arrivals)
        if isinstance(joined, BadRow):
            report.refuse(joined)
            continue
        if store is not None:
            store(joined)
        report.add(row.number, joined)
    return report


def _planned(
    installation: Installation, connection: Connection, row: Row | BadRow, arrivals: Arrivals
) -> Joined | BadRow:
    if isinstance(row, BadRow):
        return row
    now = installation.now()
    read = joiner.read(row.fields, now.date())
    if isinstance(read, tuple):
        return BadRow(row.number, read)
    planned = joiner.plan(connection, read, arrivals, installation.randomness, now)
    return BadRow(row.number, planned) if isinstance(planned, tuple) else planned


def _read(path: Path, label: str) -> Iterator[Row | BadRow]:
    progress: ProgressBar[int] = click.progressbar(
        length=path.stat().st_size,
        label=label,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        update_min_steps=_PROGRESS_STEP,
    )
    with path.open("rb") as file, progress:
        yield from roster.rows(file, progress.update)


def _answer(report: _Report, *, stored: bool, dry_run: bool = False) -> Answer:
    document = {
        "stored": stored,
        "dry_run": dry_run,
        "accounts_added" if stored else "accounts_to_add": len(report.accounts),
        "people_added" if stored else "people_to_add": report.people,
        "bad_rows": report.bad_rows,
        "mails_queued": report.mails,
        "accounts": report.accounts,
        "problems": report.problems,
    }
    is_refused = bool(report.problems) and not stored
    return Answer(document, _lines(report, stored=stored, dry_run=dry_run), REFUSED if is_refused else 0)


def _lines(report: _Report, *, stored: bool, dry_run: bool) -> list[str]:
    lines = [f"Row {row['row']}: {row['username']}" for row in report.accounts[:_MOST_LINES]]
    lines += _more(len(report.accounts), "accounts")
    lines += [f"Row {p['row']}: {p['field']} {p['message']}" for p in report.problems[:_MOST_LINES]]
    lines += _more(len(report.problems), "problems")
    count = f"{len(report.accounts)} accounts, {report.people} new people, {report.bad_rows} bad rows."
    if stored:
        mails = f" Welcome emails queued: {report.mails}." if report.mails else ""
        return [*lines, f"Stored: {count}{mails}"]
    if dry_run:
        return [*lines, f"A dry run: nothing was stored. {count}"]
    return [*lines, f"Nothing was stored: {count} Correct the rows, or say --skip-bad-rows."]


def _more(count: int, what: str) -> list[str]:
    return [f"… and {count - _MOST_LINES} more {what}; --json lists them all."] if count > _MOST_LINES else []
