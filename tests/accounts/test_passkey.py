"""What a passkey is worth, and what its use and a new one leave behind."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from idp.accounts import browser_session
from idp.accounts.entry import Entered, Visit
from idp.accounts.passkey import Passkeys
from idp.accounts.passkey_enrolment import Asking, Enrolled, PasskeyEnrolment
from idp.accounts.webauthn import LIFETIME, Cause, Ceremonies, Refused
from idp.db import account, audit, passkey, trusted_device
from idp.db.account import Account
from idp.db.browser_session import BrowserSession
from idp.policy.assurance import Factor
from idp.services.authenticator import Flaw
from idp.services.webauthn import Trust
from tests.authenticator import MODEL, UP, UV, Authenticator, Vendor
from tests.passkeys import give, phone
from tests.site import ISSUER, Site

BINDING = "a secret of one browser"
OTHER_MODEL = UUID("11111111-2222-3333-4444-555555555555")
VENDOR = Vendor()
VISIT = Visit(
    address="192.0.2.7",
    user_agent="a browser",
    known_device=None,
    trusted_device=None,
    current=None,
    request_digest=None,
    is_trusted_network=False,
    reference="7F3K-2Q",
)


def jane(site: Site) -> Account:
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    return found


def trusting(site: Site, trust: Trust) -> Passkeys:
    """The service of an installation that believes these vendors."""
    passkeys = site.provider.passkeys
    return replace(passkeys, ceremonies=replace(passkeys.ceremonies, trust=trust))


def key(site: Site, trust: Trust, device: Authenticator | None = None) -> Authenticator:
    """Jane's security key, registered where these vendors are believed."""
    device = device or Authenticator.security_key(ISSUER, VENDOR)
    believing = replace(site.provider, passkeys=trusting(site, trust))
    give(replace(site, provider=believing), jane(site), device)
    return device


def log_in(site: Site, passkeys: Passkeys, device: Authenticator) -> BrowserSession | Refused:
    limits = site.provider.limits
    options = passkeys.sign_in_options(BINDING, address=VISIT.address, limits=limits)
    assert isinstance(options, dict)
    entered = passkeys.sign_in(device.get(options), BINDING, VISIT, limits)
    if isinstance(entered, Refused):
        return entered
    assert isinstance(entered, Entered)
    return session(site, entered.session.secret)


def session(site: Site, secret: str) -> BrowserSession:
    with site.provider.database.read() as connection:
        found = browser_session.find(connection, secret, site.clock.now())
    assert found is not None
    return found


class TestSecurityKey:
    """WA-14: only what stays in its device, and is vouched for, reaches level 3."""

    def test_one_that_its_vendor_vouches_for_reaches_level_3(self, site: Site) -> None:
        trust = Trust((VENDOR.root_pem,), frozenset({MODEL}))
        found = log_in(site, trusting(site, trust), key(site, trust))
        assert isinstance(found, BrowserSession)
        assert (found.acr, found.amr) == ("AAL3_FIDO2", ("hwk", "user", "mfa"))

    @pytest.mark.parametrize(
        "now_trusted",
        [
            pytest.param(Trust(), id="nobody"),
            pytest.param(Trust((Vendor().root_pem,), frozenset({OTHER_MODEL})), id="another model"),
        ],
    )
    def test_whom_we_trust_no_longer_counts_no_longer(self, site: Site, now_trusted: Trust) -> None:
        device = key(site, Trust((VENDOR.root_pem,)))
        found = log_in(site, trusting(site, now_trusted), device)
        assert isinstance(found, BrowserSession)
        assert found.acr == "AAL2_ANY"

    def test_one_that_could_be_copied_does_not(self, site: Site) -> None:
        trust = Trust((VENDOR.root_pem,))
        device = key(site, trust, Authenticator(ISSUER, model=MODEL, vendor=VENDOR))
        found = log_in(site, trusting(site, trust), device)
        assert isinstance(found, BrowserSession)
        assert found.acr == "AAL2_ANY"

    def test_one_that_nobody_vouches_for_does_not(self, site: Site) -> None:
        trust = Trust((VENDOR.root_pem,))
        device = key(site, trust, Authenticator(ISSUER, flags=UP | UV, model=MODEL))
        found = log_in(site, trusting(site, trust), device)
        assert isinstance(found, BrowserSession)
        assert found.acr == "AAL2_ANY"


class TestUse:
    def test_a_counter_that_stands_still_is_flagged_and_opens_nothing(self, site: Site) -> None:
        device = key(site, Trust())
        passkeys = site.provider.passkeys
        assert isinstance(log_in(site, passkeys, device), BrowserSession)
        device.credentials[0].counter -= 1
        refused = log_in(site, passkeys, device)
        assert refused == Refused(Cause.COUNTER, jane(site).id)
        with site.provider.database.read() as connection:
            (event, *_) = audit.latest(connection, 1)
        assert (event.event, event.outcome, event.detail) == (
            "sign_in.passkey",
            "failed",
            {"cause": "counter_did_not_advance"},
        )

    def test_one_that_was_removed_meanwhile_opens_nothing(self, site: Site) -> None:
        device = phone()
        row = give(site, jane(site), device)
        ceremonies: Ceremonies = site.provider.passkeys.ceremonies
        options = site.provider.passkeys.sign_in_options(
            BINDING, address=VISIT.address, limits=site.provider.limits
        )
        assert isinstance(options, dict)
        answer = device.get(options)
        with site.provider.database.write() as connection:
            passkey.remove(connection, row.id, row.account_id)
        refused = site.provider.passkeys.sign_in(answer, BINDING, VISIT, site.provider.limits)
        assert refused == Refused(Cause.UNKNOWN)
        assert ceremonies.factor(row) is Factor.PASSKEY

    def test_a_challenge_lives_five_minutes(self) -> None:
        assert timedelta(minutes=5) == LIFETIME


def proved(site: Site, device: Authenticator) -> tuple[BrowserSession, str]:
    """Jane, who has logged in with this passkey just now, and the secret of her session."""
    limits = site.provider.limits
    options = site.provider.passkeys.sign_in_options(BINDING, address=VISIT.address, limits=limits)
    assert isinstance(options, dict)
    entered = site.provider.passkeys.sign_in(device.get(options), BINDING, VISIT, limits)
    assert isinstance(entered, Entered)
    return session(site, entered.session.secret), entered.session.secret


@pytest.fixture
def enrolment(site: Site) -> PasskeyEnrolment:
    return site.provider.passkey_enrolment


class TestEnrolment:
    def test_a_new_one_ends_the_trust_in_devices(self, site: Site, enrolment: PasskeyEnrolment) -> None:
        device = phone()
        give(site, jane(site), device)
        by, secret = proved(site, device)
        trusted = site.provider.entry.trusted_devices
        with site.provider.database.write() as connection:
            trusted.trust(connection, by.account_id, user_agent=None, now=site.clock.now())
        asking = Asking(by, secret, VISIT)
        options = enrolment.options(asking, site.provider.limits)
        assert isinstance(options, dict)
        made = enrolment.register(asking, "Second", phone().create(options))
        assert isinstance(made, Enrolled)
        with site.provider.database.read() as connection:
            assert trusted_device.of_account(connection, by.account_id, site.clock.now()) == []

    def test_attestation_can_be_required(self, site: Site, enrolment: PasskeyEnrolment) -> None:
        """WA-09."""
        device = phone()
        give(site, jane(site), device)
        by, secret = proved(site, device)
        trust = Trust((VENDOR.root_pem,), frozenset({MODEL}), is_required=True)
        strict = replace(enrolment, ceremonies=replace(enrolment.ceremonies, trust=trust))
        asking = Asking(by, secret, VISIT)
        options = strict.options(asking, site.provider.limits)
        assert isinstance(options, dict)
        assert options["attestation"] == "direct"
        refused = strict.register(asking, "x", phone().create(options))
        assert refused == Refused(Flaw.ATTESTATION, by.account_id)
