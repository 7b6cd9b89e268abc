"""Put services together from settings: those that servers and commands share.

Apart from `app`, so that a command does not import a web framework.
"""

from idp.accounts.attempt import Attempts
from idp.accounts.care_identity import CareIdentity
from idp.accounts.delivery import Delivery
from idp.accounts.entry import Entry
from idp.accounts.known_device import KnownDevices
from idp.accounts.link import Links
from idp.accounts.post import Post
from idp.accounts.recovery import Recovery
from idp.accounts.revocation_list import RevocationLists
from idp.accounts.smartcard import Smartcards
from idp.db import Database
from idp.policy import password
from idp.policy.lifetime import Lifetimes
from idp.policy.lockout import SECOND_FACTOR, LockoutRule
from idp.policy.password import Profile
from idp.policy.rate import RateLimit, RecoveryLimits
from idp.policy.revocation import Grace
from idp.services.clock import Clock
from idp.services.hashing import HashParameters
from idp.services.keys import MasterKeys
from idp.services.letters import Letters
from idp.services.mail import FolderMailer, Mailer, SmtpMailer, smtp_server
from idp.services.randomness import Randomness
from idp.services.upstream import PrivateKey, UpstreamClient
from idp.settings import Settings

# Mail in a folder goes nowhere: nobody needs to have this address.
_SENDER_TO_A_FOLDER = "no-reply@esr.example"


def lifetimes(settings: Settings) -> Lifetimes:
    """How long everything lives."""
    return Lifetimes(
        session_idle=settings.session_idle,
        session_absolute=settings.session_absolute,
        refresh_idle=settings.session_idle,
        refresh_absolute=settings.session_absolute,
        access_token=settings.access_token_lifetime,
        id_token=settings.id_token_lifetime,
        reset_link=settings.reset_link_lifetime,
        unlock_link=settings.reset_link_lifetime,
        activation_link=settings.activation_link_lifetime,
        trusted_device=settings.trusted_device,
    )


def hash_parameters(settings: Settings) -> HashParameters:
    """What a password hash costs."""
    return HashParameters(memory=settings.hash_memory_kib, passes=settings.hash_passes)


def password_profile(settings: Settings) -> Profile:
    """The rules for new passwords."""
    return password.tuned(
        password.PROFILES[settings.password_profile],
        shortest=settings.password_length,
        sequence=settings.password_sequence,
        history=settings.password_history,
    )


def attempts(masters: MasterKeys) -> Attempts:
    """The gate before every factor."""
    return Attempts(masters.derive("attempts"), LockoutRule())


def second_factor_attempts(masters: MasterKeys) -> Attempts:
    """The gate before codes, which has a rule of its own."""
    return Attempts(masters.derive("attempts"), SECOND_FACTOR)


def known_devices(settings: Settings, masters: MasterKeys) -> KnownDevices:
    """The cookie of browsers in which people have signed in."""
    return KnownDevices(masters.derive("known-device"), lifetimes(settings))


def links(settings: Settings, randomness: Randomness) -> Links:
    """Mailed links under the configured issuer."""
    return Links(randomness, lifetimes(settings), settings.issuer)


def post(settings: Settings, masters: MasterKeys, randomness: Randomness) -> Post:
    """The way into the outbox."""
    return Post(masters, randomness, settings.issuer)


def recovery_limits(settings: Settings) -> RecoveryLimits:
    """How often links may be asked for."""
    defaults = RecoveryLimits()
    return RecoveryLimits(
        address=RateLimit(settings.recovery_per_ten_minutes, defaults.address.period),
        person_hour=RateLimit(settings.recovery_per_person_hour, defaults.person_hour.period),
        person_day=RateLimit(settings.recovery_per_person_day, defaults.person_day.period),
        whole=RateLimit(settings.recovery_per_hour, defaults.whole.period),
    )


def recovery(
    settings: Settings, database: Database, masters: MasterKeys, clock: Clock, randomness: Randomness
) -> Recovery:
    """Login details on request, invitations, unlocking."""
    return Recovery(
        database=database,
        masters=masters,
        attempts=attempts(masters),
        known_devices=known_devices(settings, masters),
        links=links(settings, randomness),
        post=post(settings, masters, randomness),
        limits=recovery_limits(settings),
        lifetimes=lifetimes(settings),
        clock=clock,
        randomness=randomness,
        administrators=settings.admin_email,
    )


def delivery(settings: Settings, database: Database, masters: MasterKeys, clock: Clock) -> Delivery | None:
    """What sends mail; None while no setting says where to."""
    mailer = _mailer(settings)
    if mailer is None:
        return None
    sender = settings.mail_from or _SENDER_TO_A_FOLDER
    return Delivery(database, masters, Letters(), mailer, sender, clock)


def smartcards(settings: Settings, database: Database, clock: Clock, randomness: Randomness) -> Smartcards:
    """Sign-in by certificate, and the revocation lists it rests on."""
    lists = RevocationLists(
        database=database,
        clock=clock,
        randomness=randomness,
        grace=Grace(level_2=settings.crl_grace_aal2, level_3=settings.crl_grace_aal3),
        every=settings.crl_fetch_every,
    )
    return Smartcards(database, lists, settings.smartcard_number_from, clock, randomness)


def care_identity(
    settings: Settings,
    database: Database,
    masters: MasterKeys,
    entry: Entry,
    clock: Clock,
    randomness: Randomness,
) -> CareIdentity | None:
    """Sign-in by NHS Care Identity; None where it is not set up. Raises `upstream.KeyUnusable`."""
    upstream = upstream_client(settings, clock, randomness)
    if upstream is None:
        return None
    return CareIdentity(
        database=database,
        upstream=upstream,
        attempts=attempts(masters),
        entry=entry,
        clock=clock,
        key=masters.derive("care-identity"),
        acr_values=settings.care_identity_acr_values,
        max_age=int(settings.care_identity_max_age.total_seconds()),
    )


def upstream_client(settings: Settings, clock: Clock, randomness: Randomness) -> UpstreamClient | None:
    """We as NHS Care Identity knows us; None where it does not. Raises `upstream.KeyUnusable`."""
    issuer, client_id, key = (
        settings.care_identity_issuer,
        settings.care_identity_client_id,
        settings.care_identity_key,
    )
    if issuer is None or client_id is None or key is None:
        return None
    return UpstreamClient(
        issuer,
        client_id,
        PrivateKey.load(key),
        f"{settings.issuer}/care-identity/return",
        clock=clock,
        randomness=randomness,
        # The other half of the request threads is for whoever logs in without it.
        places=settings.request_threads // 2,
    )


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_url is not None:
        return SmtpMailer(smtp_server(settings.smtp_url))
    if settings.outbox_dir is not None:
        return FolderMailer(settings.outbox_dir)
    return None
