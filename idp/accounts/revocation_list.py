"""Revocation lists, fetched ahead of need, and what they say of one certificate when it matters.

RFC 5280 §5 and §6.3. The worker fetches from the configured addresses; who signs in waits for nobody, unless
the list is out of date and the authority has an OCSP responder. The last good list stays until a newer one
comes: a host that is down, or one that serves old lists, takes nothing away. A list is verified again when it
is read from the database, and kept in memory until it is replaced there.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from idp.db import Connection, Database, certificate_authority
from idp.db import revocation_list as rows
from idp.db.certificate_authority import CertificateAuthority
from idp.db.revocation_list import Content
from idp.policy.revocation import Grace, Known, Verdict, is_current, judge
from idp.services import crl, http, logs, ocsp
from idp.services.clock import Clock
from idp.services.crl import CrlProblem, RevocationList
from idp.services.http import Breaker, NotFetched
from idp.services.randomness import Randomness

_SECONDS: Final = 30.0
_log = logs.get()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The list of the authority that there is now."""

    number: int
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no newer list. `cause` ends a sentence for operators."""

    cause: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a certificate is worth, and which list says so; `asked` is whether the authority answered."""

    verdict: Verdict
    crl_number: int | None
    asked: bool


@dataclass(frozen=True, slots=True)
class RevocationLists:
    """Fetches, keeps and consults the lists. `every` is how often they are fetched."""

    database: Database
    clock: Clock
    randomness: Randomness
    grace: Grace
    every: timedelta
    _breaker: Breaker = field(default_factory=Breaker)
    _kept: dict[UUID, RevocationList] = field(default_factory=dict)

    def fetch_due(self, stop: threading.Event | None = None) -> Mapping[str, int]:
        """Fetch every list whose turn it is; how many were fetched, and how many not."""
        outcome = {"fetched": 0, "failed": 0}
        with self.database.read() as connection:
            authorities = certificate_authority.enabled(connection)
        for authority in authorities:
            if stop is not None and stop.is_set():
                break
            if authority.crl_url is not None and self._is_mine(authority):
                done = self.fetch(authority)
                outcome["fetched" if isinstance(done, Fetched) else "failed"] += 1
        return {name: count for name, count in outcome.items() if count}

    def fetch(self, authority: CertificateAuthority, *, accept_older: bool = False) -> Fetched | Failed:
        """Fetch one list now. The log has an alarm when that fails, and one while no list is in force."""
        now = self.clock.now()
        done = self._fetch(authority, now, accept_older=accept_older)
        with self.database.write() as connection:
            rows.claim(connection, authority.id, now, now)
            if isinstance(done, Failed):
                rows.failed(connection, authority.id, done.cause)
            seen = rows.find(connection, authority.id)
        if isinstance(done, Failed):
            _log.error("crl_not_fetched", authority=authority.name, url=authority.crl_url, cause=done.cause)
        if seen is None or seen.next_update is None or seen.next_update <= now:
            _log.error("crl_out_of_date", authority=authority.name, since=seen and seen.next_update)
        return done

    def judge(self, authority: CertificateAuthority, serial: int, now: datetime) -> Judged:
        """What is known of one certificate of the authority."""
        found = self._find(authority, now)
        known = None if found is None else _known(found, serial)
        answer = None
        if not is_current(known, now) and not (known is not None and known.is_revoked):
            answer = self._ask(authority, serial, now)
        verdict = judge(known, answer, self.grace, now)
        return Judged(verdict, None if found is None else found.number, answer is not None)

    def _is_mine(self, authority: CertificateAuthority) -> bool:
        now = self.clock.now()
        with self.database.write_once() as connection:
            return rows.claim(connection, authority.id, now - self.every, now)

    def _fetch(
        self, authority: CertificateAuthority, now: datetime, *, accept_older: bool
    ) -> Fetched | Failed:
        if authority.crl_url is None:
            return Failed("no address is configured for it")
        try:
            text = http.get(authority.crl_url, largest=crl.LARGEST, seconds=_SECONDS)
        except NotFetched as not_fetched:
            return Failed(str(not_fetched))
        found = crl.read(text, authority.certificate, now)
        if isinstance(found, CrlProblem):
            return Failed(crl.WORDS[found])
        with self.database.write() as connection:
            problem = _keep(connection, authority, found, now, accept_older=accept_older)
        if problem is not None:
            return Failed(crl.WORDS[problem])
        _log.info("crl_fetched", authority=authority.name, number=found.number, entries=len(found))
        return Fetched(found.number, found.this_update, found.next_update)

    def _find(self, authority: CertificateAuthority, now: datetime) -> RevocationList | None:
        """The list in force, read again only when another has taken its place."""
        with self.database.read() as connection:
            standing = rows.find(connection, authority.id)
            kept = self._kept.get(authority.id)
            if standing is None or standing.number is None:
                return None
            if kept is not None and (kept.number, kept.this_update) == (
                standing.number,
                standing.this_update,
            ):
                return kept
            der = rows.read(connection, authority.id)
        found = CrlProblem.MALFORMED if der is None else crl.read(der, authority.certificate, now)
        if isinstance(found, CrlProblem):
            _log.error("crl_unusable", authority=authority.name, cause=crl.WORDS[found])
            return None
        self._kept[authority.id] = found
        return found

    def _ask(self, authority: CertificateAuthority, serial: int, now: datetime) -> bool | None:
        url = authority.ocsp_url
        if url is None or self._breaker.is_open(url, now):
            return None
        question = ocsp.question(authority.certificate, serial, self.randomness.token())
        try:
            answer = ocsp.ask(url, question, now)
        except NotFetched as not_fetched:
            self._breaker.failed(url, now)
            _log.error("ocsp_not_answered", authority=authority.name, url=url, cause=str(not_fetched))
            return None
        if answer is None:
            _log.error("ocsp_answer_unusable", authority=authority.name, url=url)
        return answer


def _known(found: RevocationList, serial: int) -> Known:
    return Known(found.is_revoked(serial), found.this_update, found.next_update)


def _keep(
    connection: Connection,
    authority: CertificateAuthority,
    found: RevocationList,
    now: datetime,
    *,
    accept_older: bool,
) -> CrlProblem | None:
    rows.claim(connection, authority.id, now, now)
    seen = rows.find(connection, authority.id)
    if seen is None:  # pragma: no cover - it was just made
        raise LookupError(authority.id)
    if not accept_older and not crl.replaces(found, seen.number, seen.this_update):
        return CrlProblem.OLDER
    new = Content(found.der, found.number, found.this_update, found.next_update)
    # Somebody else was quicker: what they kept is at least as new as what they compared it with.
    rows.replace(connection, authority.id, seen, new, now)
    return None
