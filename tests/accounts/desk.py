"""Somebody who asks for login details, and everybody's mailbox."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from idp.accounts.attempt import AddressThrottled
from idp.accounts.link import PASSWORD_PURPOSES, UNLOCK_PURPOSES, Link, LinkProblem, Links
from idp.accounts.post import Enclosed, Post
from idp.accounts.recovery import Asked, Identity, Recovery, RecoveryBusy
from idp.db import account, attempt, audit, outbox
from idp.db.account import Account
from idp.db.attempt import Bucket
from idp.db.engine import migration_engine
from idp.policy.rate import RecoveryLimits
from idp.policy.recovery import Kind
from tests import mailbox
from tests.site import ISSUER, Site

HOUR = timedelta(hours=1)
JANE = "918jsmith01@example.nhs.uk"
BORN = date(1984, 2, 29)
SERVICE_DESK = "0117 496 0000"


@dataclass
class Desk:
    """The recovery service of a site, with the mailbox of everybody."""

    site: Site
    recovery: Recovery

    def identity(
        self,
        kind: Kind = Kind.FORGOTTEN,
        email: str = JANE,
        *,
        born: date = BORN,
        username: str | None = None,
        request: str | None = None,
    ) -> Identity:
        return Identity(kind, email, born, username, request)

    def ask(
        self,
        kind: Kind = Kind.FORGOTTEN,
        email: str = JANE,
        *,
        address: str = "192.0.2.7",
        is_shared: bool = False,
        known_device: str | None = None,
        **asked: Any,  # noqa: ANN401 - of an identity
    ) -> Asked:
        asking = self.identity(kind, email, **asked)
        asked_ = self.recovery.ask(asking, address=address, is_shared=is_shared, known_device=known_device)
        assert isinstance(asked_, Asked)
        return asked_

    def try_to_ask(
        self, address: str = "192.0.2.7", *, is_shared: bool = False
    ) -> Asked | AddressThrottled | RecoveryBusy:
        return self.recovery.ask(self.identity(), address=address, is_shared=is_shared, known_device=None)

    def letters(self) -> list[Enclosed]:
        return mailbox.queued(self.site.provider.database.url, self.site.provider.masters)

    def take_mail(self) -> None:
        """The worker is sending everything that waits."""
        now = self.site.clock.now()
        with self.site.provider.database.write() as connection:
            while outbox.claim(connection, now, timedelta(minutes=5)):
                pass

    def written(self) -> int:
        """How many letters were written, sent or not."""
        with self.site.provider.database.read() as connection:
            return len(outbox.newest(connection, 999))

    def answer(self, kind: Kind = Kind.FORGOTTEN, email: str = JANE, **asked: Any) -> list[Enclosed]:  # noqa: ANN401 - the same
        """Ask, let the worker work, and read what is new in the mail."""
        before = self.letters()
        self.ask(kind, email, **asked)
        assert self.recovery.work() == 1
        return [letter for letter in self.letters() if letter not in before]

    def events(self, reference: str) -> list[tuple[str, UUID | None, Any]]:
        with self.site.provider.database.read() as connection:
            found = audit.by_reference(connection, reference)
        return [(event.event, event.account_id, event.detail) for event in found]

    def link(self, url: str) -> Link | LinkProblem:
        token = re.findall(r"link=([\w-]{43})", url)[0]
        with self.site.provider.database.read() as connection:
            every = PASSWORD_PURPOSES | UNLOCK_PURPOSES
            return self.recovery.links.find(connection, token, every, self.site.clock.now())

    def guess(
        self, person_id: UUID, times: int, bucket: Bucket = Bucket.UNKNOWN, factor: str = "password"
    ) -> None:
        key = self.recovery.attempts.of_person(person_id)
        rule = self.recovery.attempts.rule
        for _ in range(times):
            with self.site.provider.database.write() as connection:
                attempt.count(connection, rule, key, factor, bucket, self.site.clock.now())

    def buckets(self, person_id: UUID) -> list[attempt.Attempts]:
        with self.site.provider.database.read() as connection:
            return attempt.of_key(connection, self.recovery.attempts.of_person(person_id))

    def run(self, clause: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        with migration_engine(self.site.provider.database.url).begin() as connection:
            connection.execute(clause)


def jane(desk: Desk) -> Account:
    with desk.site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    return found


def build(site: Site) -> Desk:
    """The desk of a site."""
    provider = site.provider
    links = Links(provider.randomness, provider.lifetimes, ISSUER)
    return Desk(
        site,
        Recovery(
            database=provider.database,
            masters=provider.masters,
            attempts=provider.sign_in.attempts,
            known_devices=provider.sign_in.known_devices,
            links=links,
            post=Post(provider.masters, provider.randomness, ISSUER),
            limits=RecoveryLimits(),
            lifetimes=provider.lifetimes,
            clock=site.clock,
            randomness=provider.randomness,
            administrators=("desk@example.nhs.uk", "lead@example.nhs.uk"),
        ),
    )
