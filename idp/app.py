"""Assemble the provider from its settings: the one place where the parts meet.

`assemble` serves the command line and the worker; `create_app` wraps it in Flask; `application` is what a
WSGI server loads in each of its processes.
"""

import os
from functools import cache
from urllib.parse import urlsplit

from flask import Flask

from idp import assembly
from idp import settings as settings_module
from idp.accounts.attempt import Limits
from idp.accounts.enrolment import Enrolments
from idp.accounts.entry import Entry
from idp.accounts.factor_news import FactorNews
from idp.accounts.factors import Factors
from idp.accounts.guess import Gate
from idp.accounts.mfa import Mfa
from idp.accounts.passkey import Passkeys
from idp.accounts.passkey_enrolment import PasskeyEnrolment
from idp.accounts.password import Passwords
from idp.accounts.permission import Permissions
from idp.accounts.recovery_code import RecoveryCodes
from idp.accounts.replacement import Replacement
from idp.accounts.sign_in import SignIn
from idp.accounts.totp import Totp
from idp.accounts.trusted_device import TrustedDevices
from idp.accounts.webauthn import Ceremonies
from idp.db import Database
from idp.policy.rate import RateLimit, RateLimits
from idp.policy.second_factor import Rule
from idp.protocol.keyring import KeyRing
from idp.protocol.server import Server, ServerKeys
from idp.provider import Provider
from idp.services import logs
from idp.services.clock import Clock, SystemClock
from idp.services.hashing import Hasher, threads_for
from idp.services.keys import MasterKeys
from idp.services.randomness import Randomness, SystemRandomness
from idp.services.webauthn import RelyingParty, Trust, read_roots
from idp.settings import Settings
from idp.web.rendering import Brand, Rendering
from idp.web.routes import install


def assemble(
    settings: Settings, *, clock: Clock | None = None, randomness: Randomness | None = None
) -> Provider:
    """The provider. Raises `services.keys.KeysUnusable` when the key folder will not do."""
    clock = clock or SystemClock()
    randomness = randomness or SystemRandomness()
    masters = MasterKeys.load(settings.keys_dir)
    database = Database(settings.database_url, pool_size=settings.database_pool)
    lifetimes = assembly.lifetimes(settings)
    attempts = assembly.attempts(masters)
    links = assembly.links(settings, randomness)
    hasher = _hasher(settings, masters)
    known_devices = assembly.known_devices(settings, masters)
    keyring = KeyRing(database, masters, clock)
    server = Server(
        issuer=settings.issuer,
        database=database,
        keyring=keyring,
        keys=ServerKeys(subject=masters.derive("pairwise-subject"), retry=masters.derive("refresh-child")),
        clock=clock,
        randomness=randomness,
        lifetimes=lifetimes,
    )
    entry = Entry(
        attempts=attempts,
        known_devices=known_devices,
        trusted_devices=TrustedDevices(randomness, lifetimes),
        rule=Rule(settings.second_factor),
        post=assembly.post(settings, masters, randomness),
        lifetimes=lifetimes,
        randomness=randomness,
    )
    ceremonies = Ceremonies(
        database=database,
        party=_relying_party(settings),
        trust=_trust(settings),
        clock=clock,
        randomness=randomness,
    )
    recovery_codes = RecoveryCodes(hasher, randomness)
    totp = Totp(masters, randomness, lifetimes)
    permissions = Permissions(links, lifetimes)
    news = FactorNews(assembly.post(settings, masters, randomness))
    mfa = Mfa(
        database=database,
        gate=Gate(
            database,
            assembly.second_factor_attempts(masters),
            known_devices,
            RateLimit(settings.codes_per_ten_minutes, RateLimits().second_factor_address.period),
        ),
        totp=totp,
        recovery_codes=recovery_codes,
        trusted_devices=entry.trusted_devices,
        entry=entry,
        clock=clock,
    )
    enrolments = Enrolments(
        database=database,
        totp=totp,
        recovery_codes=recovery_codes,
        permissions=permissions,
        entry=entry,
        attempts=attempts,
        news=news,
        limits=assembly.recovery_limits(settings),
        clock=clock,
    )
    factors = Factors(
        database=database,
        recovery_codes=recovery_codes,
        permissions=permissions,
        news=news,
        lifetimes=lifetimes,
        clock=clock,
    )
    sign_in = SignIn(
        database=database,
        hasher=hasher,
        attempts=attempts,
        known_devices=known_devices,
        entry=entry,
        clock=clock,
    )
    replacement = Replacement(
        database=database,
        attempts=attempts,
        links=links,
        post=assembly.post(settings, masters, randomness),
        lifetimes=lifetimes,
        clock=clock,
        randomness=randomness,
    )
    passwords = Passwords(
        database=database,
        hasher=hasher,
        attempts=attempts,
        known_devices=known_devices,
        links=links,
        replacement=replacement,
        profile=assembly.password_profile(settings),
        more_words=settings.password_words,
        clock=clock,
        randomness=randomness,
    )
    return Provider(
        issuer=settings.issuer,
        database=database,
        masters=masters,
        csrf_key=masters.derive("csrf"),
        keyring=keyring,
        server=server,
        sign_in=sign_in,
        entry=entry,
        mfa=mfa,
        enrolments=enrolments,
        factors=factors,
        links=links,
        passkeys=Passkeys(database, ceremonies, attempts, entry, clock),
        passkey_enrolment=PasskeyEnrolment(
            database=database,
            ceremonies=ceremonies,
            attempts=attempts,
            permissions=permissions,
            recovery_codes=recovery_codes,
            entry=entry,
            news=news,
            clock=clock,
            randomness=randomness,
        ),
        passwords=passwords,
        recovery=assembly.recovery(settings, database, masters, clock, randomness),
        smartcards=assembly.smartcards(settings, database, clock, randomness),
        care_identity=assembly.care_identity(settings, database, masters, entry, clock, randomness),
        limits=_limits(settings),
        lifetimes=lifetimes,
        clock=clock,
        randomness=randomness,
        trusted_proxies=settings.trusted_proxies,
        trusted_networks=settings.trusted_networks,
        metrics_networks=settings.metrics_networks,
        cookie_prefix=settings.cookie_prefix,
        service_desk=settings.service_desk,
        smartcard_origin=settings.smartcard_origin,
        outbox=settings.outbox_dir,
    )


def create_app(settings: Settings, provider: Provider | None = None) -> Flask:
    """The web application of one provider."""
    app = Flask("idp", static_folder=None, template_folder=None)
    install(app, provider or assemble(settings), _rendering(Brand(settings.brand)))
    return app


def application() -> Flask:
    """What each process of a WSGI server loads: settings from the environment, logs to standard error."""
    settings = settings_module.load(os.environ)
    logs.configure(level=settings.log_level)
    return create_app(settings)


@cache
def _rendering(brand: Brand) -> Rendering:
    """Compiling the templates takes longer than all else here: once, however many applications there are."""
    return Rendering(brand)


def _hasher(settings: Settings, masters: MasterKeys) -> Hasher:
    threads = settings.hash_threads or threads_for(settings.workers)
    return Hasher(
        masters.pepper,
        assembly.hash_parameters(settings),
        threads=threads,
        # Some request threads stay free for everything that does not wait for a hash.
        queue=max(1, settings.request_threads - 8 - threads),
    )


def _relying_party(settings: Settings) -> RelyingParty:
    """Who we are to authenticators: a passkey is for the issuer's host, whatever the port."""
    host = urlsplit(settings.issuer).hostname
    return RelyingParty(host or "", settings.issuer, "Electronic Staff Record")


def _trust(settings: Settings) -> Trust:
    """Who is believed when they vouch for a security key."""
    path = settings.security_key_roots
    return Trust(
        () if path is None else read_roots(path.read_bytes()),
        settings.security_key_models,
        is_required=settings.passkey_attestation == "required",
    )


def _limits(settings: Settings) -> Limits:
    defaults = RateLimits()
    return Limits(
        login_pages=RateLimit(settings.login_pages_per_minute, defaults.authorize_address.period),
        sign_ins=RateLimit(settings.sign_ins_per_minute, defaults.sign_in_address.period),
        names=RateLimit(settings.failed_names_per_ten_minutes, defaults.sign_in_failures_address.period),
    )
