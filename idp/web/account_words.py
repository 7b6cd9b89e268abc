"""What the account page says of sessions, devices and events, ready to print.

Times are told as clocks in London show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from idp.accounts import own_factors
from idp.accounts.factor_news import Changed
from idp.accounts.own_account import History, Seen
from idp.db.activity import Event
from idp.db.passkey import Passkey
from idp.db.totp_device import TotpDevice
from idp.policy.activity import Kind, kind_of
from idp.policy.client_metadata import ClientMetadata
from idp.policy.scope import ordered
from idp.policy.user_agent import Device, device_of
from idp.web.language import N_, Language

_LONDON: Final = ZoneInfo("Europe/London")

SENTENCES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.PASSWORD_LOG_IN: N_("You logged in with your password"),
        Kind.PASSWORD_AND_MORE_DUE: N_("Your password was entered, and a second proof was asked for"),
        Kind.PASSWORD_TO_CHANGE: N_("You logged in with a password that had to be changed"),
        Kind.PASSWORD_REFUSED: N_("Someone tried to log in with your username and was refused"),
        Kind.PASSKEY_LOG_IN: N_("You logged in with a passkey"),
        Kind.PASSKEY_REFUSED: N_("Someone tried to log in with your passkey and was refused"),
        Kind.SMARTCARD_LOG_IN: N_("You logged in with your Smartcard"),
        Kind.SMARTCARD_REFUSED: N_("Someone tried to log in with your Smartcard and was refused"),
        Kind.CARE_IDENTITY_LOG_IN: N_("You logged in with NHS Care Identity"),
        Kind.CARE_IDENTITY_REFUSED: N_("Someone tried to log in with NHS Care Identity and was refused"),
        Kind.CARE_IDENTITY_SIGNED_OUT: N_("You signed out of NHS Care Identity, and so of here"),
        Kind.CODE_PROVED: N_("A code of your authenticator app was entered"),
        Kind.CODE_REFUSED: N_("A wrong code for your authenticator app was entered"),
        Kind.RECOVERY_CODE_PROVED: N_("One of your recovery codes was used"),
        Kind.RECOVERY_CODE_REFUSED: N_("A wrong recovery code was entered"),
        Kind.PASSKEY_PROVED: N_("Your passkey was used as a second proof"),
        Kind.PASSKEY_NOT_PROVED: N_("A passkey was refused as a second proof"),
        Kind.PASSWORD_CHANGED: N_("Your password was changed"),
        Kind.PASSWORD_NOT_CHANGED: N_("Someone tried to change your password and was refused"),
        Kind.PASSWORD_RESET: N_("Your password was replaced with a link from an email"),
        Kind.ACTIVATED: N_("Your account was activated with a link from an email"),
        Kind.APP_ADDED: N_("An authenticator app was added"),
        Kind.APP_REMOVED: N_("An authenticator app was removed"),
        Kind.RECOVERY_CODES_MADE: N_("New recovery codes were made"),
        Kind.PASSKEY_ADDED: N_("A passkey was added"),
        Kind.PASSKEY_NOT_ADDED: N_("A passkey could not be added"),
        Kind.PASSKEY_REMOVED: N_("A passkey was removed"),
        Kind.SMARTCARD_ADDED: N_("A Smartcard was linked to your account"),
        Kind.SMARTCARD_REMOVED: N_("A Smartcard was unlinked from your account"),
        Kind.FACTORS_REMOVED: N_("Your service desk removed your authenticator apps, passkeys and codes"),
        Kind.FACTOR_RENAMED: N_("An authenticator app or passkey was renamed"),
        Kind.LINK_MAILED: N_("A link for adding an authenticator app or passkey was emailed to you"),
        Kind.LOGIN_DETAILS_MAILED: N_("Your login details were asked for, and emailed to you"),
        Kind.LOGIN_DETAILS_WITHHELD: N_("Your login details were asked for too often, and not emailed again"),
        Kind.UNLOCKED: N_("Your account was unlocked"),
        Kind.PASSWORD_ASKED_FOR: N_("Your service desk asked you to choose a new password"),
        Kind.DISABLED: N_("Your account was closed"),
        Kind.ENABLED: N_("Your account was opened again"),
        Kind.LANGUAGE_CHOSEN: N_("You chose another language"),
        Kind.SIGNED_OUT: N_("You signed out"),
        Kind.SIGNED_OUT_ELSEWHERE: N_("You signed out on another device"),
        Kind.DEVICE_REVOKED: N_("You stopped trusting a device"),
        Kind.CONSENT_GIVEN: N_("You allowed an application to see your information"),
        Kind.CONSENT_WITHDRAWN: N_("You stopped an application from seeing your information"),
    }
)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session; `is_this` is the one that looks."""

    sid: str
    device: Device
    since: str
    last_seen: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A trusted device; `is_this` is the one that looks."""

    id: str
    device: Device
    since: str
    last_used: str
    until: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class FactorLine:
    """An authenticator app or a passkey, by its `kind`."""

    kind: str
    id: str
    name: str
    since: str
    last_used: str | None


@dataclass(frozen=True, slots=True)
class CardLine:
    """A Smartcard: the end of its number, if it has one."""

    number: str | None
    since: str
    last_used: str | None


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """What an application may see."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    since: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """Something that happened. `about` is the name of what it happened to."""

    seq: int
    at: str
    sentence: str
    about: str | None
    address: str | None
    device: Device | None
    is_here: bool
    is_disowned: bool


def moment(at: datetime, language: Language) -> str:
    """A time, as people read it."""
    return str(format_datetime(at, "d MMMM y, HH:mm", tzinfo=_LONDON, locale=language.value))


def session_lines(seen: Seen, this: UUID, language: Language) -> tuple[SessionLine, ...]:
    """Sessions, the one that looks first."""
    ordered_ = sorted(seen.sessions, key=lambda each: each.sid != this)
    return tuple(
        SessionLine(
            str(each.sid),
            device_of(each.user_agent),
            moment(each.auth_time, language),
            moment(each.last_seen_at, language),
            each.sid == this,
        )
        for each in ordered_
    )


def device_lines(seen: Seen, language: Language) -> tuple[DeviceLine, ...]:
    """Trusted devices."""
    return tuple(
        DeviceLine(
            str(each.id),
            device_of(each.user_agent),
            moment(each.created_at, language),
            moment(each.last_used_at, language),
            moment(each.expires_at, language),
            each.id == seen.this_device,
        )
        for each in seen.devices
    )


def factor_lines(seen: own_factors.Seen, language: Language) -> tuple[FactorLine, ...]:
    """Authenticator apps and passkeys."""
    apps = [_factor_line(Changed.TOTP, each, language) for each in seen.apps]
    return (*apps, *(_factor_line(Changed.PASSKEY, each, language) for each in seen.passkeys))


def card_lines(seen: own_factors.Seen, language: Language) -> tuple[CardLine, ...]:
    """Smartcards."""
    return tuple(
        CardLine(
            None if each.card_number is None else each.card_number[-4:],
            moment(each.linked_at, language),
            _last_used(each.last_used_at, language),
        )
        for each in seen.cards
    )


def consent_lines(seen: Seen, language: Language) -> tuple[ConsentLine, ...]:
    """What applications may see."""
    return tuple(
        ConsentLine(
            each.client_id,
            str(each.metadata.get("client_name") or each.client_id),
            tuple(ordered(frozenset(each.scope)).split()),
            moment(each.granted_at, language),
        )
        for each in seen.consents
    )


def event_lines(
    history: History, this: UUID, language: Language, clients: Mapping[str, ClientMetadata]
) -> tuple[EventLine, ...]:
    """What happened; `this` is the session that looks, `clients` are those that have names."""
    lines = []
    for event in history.events:
        kind = kind_of(event.event, event.outcome, event.detail)
        if kind is not None:
            lines.append(
                EventLine(
                    event.seq,
                    moment(event.at, language),
                    SENTENCES[kind],
                    _about(event, clients),
                    event.address,
                    None if event.user_agent is None else device_of(event.user_agent),
                    event.sid == this,
                    event.seq in history.disowned,
                )
            )
    return tuple(lines)


def _factor_line(kind: Changed, factor: TotpDevice | Passkey, language: Language) -> FactorLine:
    return FactorLine(
        kind.value,
        str(factor.id),
        factor.name,
        moment(factor.created_at, language),
        _last_used(factor.last_used_at, language),
    )


def _last_used(at: datetime | None, language: Language) -> str | None:
    return None if at is None else moment(at, language)


def _about(event: Event, clients: Mapping[str, ClientMetadata]) -> str | None:
    if event.event.startswith("consent."):
        known = clients.get(event.client_id or "")
        return event.client_id if known is None else known.client_name
    label = (event.detail or {}).get("label")
    return label if isinstance(label, str) else None
