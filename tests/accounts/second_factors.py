"""Jane Smith, her telephone with its authenticator app, and the services of second factors."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from pyotp import TOTP

from idp.accounts import browser_session
from idp.accounts.attempt import Attempts
from idp.accounts.browser_session import NewSession
from idp.accounts.enrolment import Confirmed, Enrolled, Enrolments, Typed
from idp.accounts.entry import Entered, Visit
from idp.accounts.factor_news import FactorNews
from idp.accounts.factors import Factors, Reset, reset
from idp.accounts.guess import Gate
from idp.accounts.link import Links
from idp.accounts.mfa import Mfa, Outcome
from idp.accounts.permission import Permissions
from idp.accounts.post import Enclosed, Post
from idp.accounts.recovery_code import RecoveryCodes
from idp.accounts.sign_in import Credentials, SignIn
from idp.accounts.totp import Enrolment, Totp
from idp.accounts.trusted_device import TrustedDevices
from idp.db import account, attempt, audit
from idp.db.account import Account
from idp.db.browser_session import BrowserSession
from idp.policy.lockout import SECOND_FACTOR
from idp.policy.rate import RateLimits, RecoveryLimits
from idp.policy.second_factor import Rule
from tests import mailbox
from tests.site import ISSUER, PASSWORD, Site

JANE = "918JSMITH01"
HERE = "192.0.2.7"
AGENT = "a browser"
STEP = timedelta(seconds=30)


@dataclass
class Telephone:
    """An app that was set up, by its secret."""

    device_id: UUID
    secret: str

    def code(self, site: Site, steps: int = 0) -> str:
        """What the app shows, its clock so many steps off."""
        shown: str = TOTP(self.secret).at(site.clock.now() + steps * STEP)
        return shown

    def wrong(self, site: Site) -> str:
        """Six digits that are no code of the minutes around."""
        shown = {self.code(site, steps) for steps in range(-25, 26)}
        return next(code for code in ("000000", "111111", "222222") if code not in shown)


@dataclass
class Desk:
    """The services over a site."""

    site: Site
    sign_ins: SignIn
    mfa: Mfa
    enrolments: Enrolments
    factors: Factors

    def jane(self, username: str = JANE) -> Account:
        with self.site.provider.database.read() as connection:
            found = account.find(connection, username)
        assert found is not None
        return found

    def visit(
        self,
        *,
        known_device: str | None = None,
        trusted_device: str | None = None,
        inside: bool = False,
        address: str = HERE,
    ) -> Visit:
        reference = self.site.provider.randomness.reference()
        return Visit(address, AGENT, known_device, trusted_device, None, None, inside, reference)

    def try_to_sign_in(
        self, username: str = JANE, password: str = PASSWORD, visit: Visit | None = None
    ) -> object:
        limits = self.site.provider.limits
        return self.sign_ins.with_password(Credentials(username, password, visit or self.visit(), limits))

    def sign_in(self, username: str = JANE, visit: Visit | None = None) -> Entered:
        entered = self.try_to_sign_in(username, visit=visit)
        assert isinstance(entered, Entered), entered
        return entered

    def half(self, session: NewSession) -> BrowserSession | None:
        with self.site.provider.database.read() as connection:
            return browser_session.find_half(connection, session.secret, self.site.clock.now())

    def live(self, session: NewSession) -> BrowserSession | None:
        with self.site.provider.database.read() as connection:
            return browser_session.find(connection, session.secret, self.site.clock.now())

    def half_session(self, username: str = JANE, *, is_counted: bool = False) -> BrowserSession:
        """A half session; the right password that began it stays counted only on request."""
        found = self.half(self.sign_in(username).session)
        assert found is not None
        if not is_counted:
            key = self.mfa.gate.attempts.of_person(self.jane(username).person_id)
            with self.site.provider.database.write() as connection:
                attempt.clear(connection, key, "password")
        return found

    def live_session(self, username: str = JANE) -> BrowserSession:
        found = self.live(self.sign_in(username).session)
        assert found is not None
        return found

    def add_app(self, username: str = JANE, name: str = "Work telephone") -> Telephone:
        """An app that counts, and whose first code was used ten minutes ago."""
        owner, now = self.jane(username), self.site.clock.now() - timedelta(minutes=10)
        totp = self.mfa.totp
        with self.site.provider.database.write() as connection:
            begun = totp.begin(connection, owner.id, owner.username, name, now)
            assert begun is not None
            code = TOTP(begun.secret).at(now)
            matched = totp.match_first(connection, owner.id, begun.device_id, code, now)
            assert totp.confirm(connection, matched, now)  # type: ignore[arg-type]  # what a right code gives
        return Telephone(begun.device_id, begun.secret)

    def add_codes(self, username: str = JANE) -> tuple[str, ...]:
        codes = self.mfa.recovery_codes.draw()
        with self.site.provider.database.write() as connection:
            self.mfa.recovery_codes.store(connection, self.jane(username).id, codes, self.site.clock.now())
        return codes.shown

    def prove(
        self, session: BrowserSession, code: str, visit: Visit | None = None, *, trust: bool = False
    ) -> Outcome:
        return self.mfa.with_totp(session, code, visit or self.visit(), trust=trust)

    def recover(self, session: BrowserSession, code: str, visit: Visit | None = None) -> Outcome:
        return self.mfa.with_recovery_code(session, code.replace("-", ""), visit or self.visit())

    def begin(self, session: BrowserSession, *, link: str | None = None, inside: bool = False) -> Enrolment:
        begun = self.enrolments.begin_totp(session, "Telephone", link=link, is_trusted_network=inside)
        assert isinstance(begun, Enrolment), begun
        return begun

    def confirm(
        self,
        session: BrowserSession,
        begun: Enrolment,
        *,
        code: str | None = None,
        link: str | None = None,
        inside: bool = False,
    ) -> Confirmed:
        right = Telephone(begun.device_id, begun.secret).code(self.site)
        typed = Typed(begun.device_id, right if code is None else code, link)
        return self.enrolments.confirm_totp(session, typed, self.visit(inside=inside))

    def enrol_inside(self, session: BrowserSession) -> tuple[Telephone, Enrolled]:
        begun = self.begin(session, inside=True)
        enrolled = self.confirm(session, begun, inside=True)
        assert isinstance(enrolled, Enrolled)
        return Telephone(begun.device_id, begun.secret), enrolled

    def guesses(self, factor: str = "totp") -> list[int]:
        key = self.mfa.gate.attempts.of_person(self.jane().person_id)
        with self.site.provider.database.read() as connection:
            return [row.n for row in attempt.of_key(connection, key) if row.factor == factor and row.n]

    def events(self, *names: str) -> list[tuple[str, str, object]]:
        with self.site.provider.database.read() as connection:
            found = audit.of_account(connection, self.jane().id, 100)
        return [
            (event.event, event.outcome, event.detail) for event in reversed(found) if event.event in names
        ]

    def letters(self) -> list[Enclosed]:
        return mailbox.queued(self.site.provider.database.url, self.site.provider.masters)

    def letters_about(self, letter: str) -> list[Enclosed]:
        return [each for each in self.letters() if each.letter.value == letter]

    def reset(self, username: str = JANE) -> Reset | None:
        now = self.site.clock.now()
        with self.site.provider.database.write() as connection:
            return reset(connection, self.factors.news.post, self.mfa.gate.attempts, self.jane(username), now)


def build(site: Site, rule: Rule = Rule.WHEN_ENROLLED) -> Desk:
    """The desk of a site with this rule."""
    provider = site.provider
    entry = replace(provider.entry, rule=rule)
    attempts = provider.sign_in.attempts
    links = Links(provider.randomness, provider.lifetimes, ISSUER)
    codes = RecoveryCodes(provider.passwords.hasher, provider.randomness)
    totp = Totp(provider.masters, provider.randomness, provider.lifetimes)
    permissions = Permissions(links, provider.lifetimes)
    news = FactorNews(Post(provider.masters, provider.randomness, ISSUER))
    gate = Gate(
        provider.database,
        Attempts(attempts.key, SECOND_FACTOR),
        provider.sign_in.known_devices,
        RateLimits().second_factor_address,
    )
    return Desk(
        site,
        replace(provider.sign_in, entry=entry),
        Mfa(
            provider.database,
            gate,
            totp,
            codes,
            TrustedDevices(provider.randomness, provider.lifetimes),
            entry,
            site.clock,
        ),
        Enrolments(
            provider.database,
            totp,
            codes,
            permissions,
            entry,
            attempts,
            news,
            RecoveryLimits(),
            site.clock,
        ),
        Factors(provider.database, codes, permissions, news, provider.lifetimes, site.clock),
    )
