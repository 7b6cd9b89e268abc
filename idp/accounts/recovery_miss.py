"""Requests for login details that reached nobody: remember them, and tell administrators in one letter.

The asker learns nothing; but a joiner whose address was recorded with a typing error can be helped only by
somebody who sees it. At most one letter an hour to each administrator, however much a stranger tries.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from idp.accounts.post import Post
from idp.db import Connection, Database, recovery_miss
from idp.db.recovery_miss import RecoveryMiss, Report
from idp.policy.difference import visible
from idp.policy.recovery import Kind
from idp.services import logs
from idp.services.keys import MasterKeys, SealBroken
from idp.services.letters import Letter
from idp.services.randomness import Randomness

MOST_LISTED: Final = 50
"""Misses in one letter; the others are counted."""

_PERIOD: Final = timedelta(hours=1)
_LONGEST: Final = 254
_log = logs.get()


@dataclass(frozen=True, slots=True)
class Missed:
    """What was asked in vain, as it was typed, and why it reached nobody.

    `is_on_record` says that somebody has that address.
    """

    kind: Kind
    email: str
    username: str | None
    cause: str
    reference: str
    is_on_record: bool


@dataclass(frozen=True, slots=True)
class Misses:
    """Remembers misses, and reports them to the `administrators`, mail addresses of the settings."""

    database: Database
    masters: MasterKeys
    post: Post
    randomness: Randomness
    administrators: tuple[str, ...]

    def remember(self, connection: Connection, missed: Missed, now: datetime) -> None:
        """Store a miss for the next report. What was typed is made visible, and cut to what fits a line."""
        row_id = self.randomness.uuid()
        written = {
            "kind": missed.kind.value,
            "email": visible(missed.email)[:_LONGEST],
            "username": None if missed.username is None else visible(missed.username)[:_LONGEST],
            "cause": missed.cause,
            "reference": missed.reference,
        }
        sealed = self.masters.seal(json.dumps(written).encode(), _aad(row_id))
        recovery_miss.add(connection, RecoveryMiss(row_id, now, sealed, missed.is_on_record))

    def report(self, now: datetime) -> int:
        """Queue the letter about everything that is not reported yet; how many letters that made."""
        if not self.administrators:
            return 0
        since = now - _PERIOD
        with self.database.read() as connection:
            if not recovery_miss.is_due(connection, since):
                return 0
        with self.database.write() as connection:
            report = recovery_miss.report(connection, now, since=since, most=MOST_LISTED)
            if report is None:
                return 0
            values = self._values(report, now)
            for administrator in self.administrators:
                self.post.queue(
                    connection,
                    Letter.RECOVERY_MISSES,
                    to=administrator,
                    language="en",
                    values=values,
                    person_id=None,
                    reference=None,
                    now=now,
                )
        return len(self.administrators)

    def _values(self, report: Report, now: datetime) -> dict[str, Any]:
        opened = [written for row in report.listed if (written := self._open(row)) is not None]
        total = len(report.listed) + report.more
        return {
            "since": report.since.isoformat(),
            "until": now.isoformat(),
            "total": total,
            "more": total - len(opened),
            "misses": opened,
        }

    def _open(self, row: RecoveryMiss) -> dict[str, Any] | None:
        """None for what cannot be read: it is counted, and does not keep the others back."""
        try:
            written = json.loads(self.masters.open(row.sealed, _aad(row.id)))
            names = ("kind", "email", "username", "cause", "reference")
            return {"at": row.at.isoformat(), **{name: written[name] for name in names}}
        except (SealBroken, ValueError, KeyError, TypeError) as error:
            _log.error("recovery_miss_broken", miss=str(row.id), exc_info=error)
            return None


def _aad(row_id: UUID) -> bytes:
    return b"recovery_miss" + row_id.bytes
