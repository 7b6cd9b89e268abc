"""Settings from `IDP_*` variables, read once and checked before anything starts.

Each may come from a file instead (`IDP_NAME_FILE=PATH`), which is how secrets should. `--data DIR`, or
`IDP_DATA`, names a folder whose `settings.env` gives defaults; `idp demo` writes such a folder. Every
problem is reported at once, each with its remedy. Only the composition root reads settings; all others
receive values.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from idp.policy import password
from idp.policy.assurance import Acr
from idp.policy.card_number import NumberFrom
from idp.policy.second_factor import Rule
from idp.services import mail

Network = IPv4Network | IPv6Network

SETTINGS_FILE = "settings.env"
_DEFAULT_ABSOLUTE = timedelta(hours=12)
_SHORTEST_SECRET = 32


class SettingsWrong(Exception):
    """The settings will not do; `problems` is a sentence for each, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one node. A field `name` is the variable `IDP_NAME`."""

    issuer: str
    database_url: str
    keys_dir: Path
    brand: str = "neutral"
    service_desk: str | None = None
    log_level: str = "INFO"
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    request_threads: int = 32
    database_pool: int = 16
    trusted_proxies: tuple[Network, ...] = ()
    trusted_networks: tuple[Network, ...] = ()
    hash_memory_kib: int = 19_456
    hash_passes: int = 2
    hash_threads: int | None = None
    session_idle: timedelta = timedelta(minutes=30)
    session_absolute: timedelta = _DEFAULT_ABSOLUTE
    access_token_lifetime: timedelta = timedelta(minutes=5)
    id_token_lifetime: timedelta = timedelta(minutes=5)
    login_pages_per_minute: int = 120
    sign_ins_per_minute: int = 60
    failed_names_per_ten_minutes: int = 20
    codes_per_ten_minutes: int = 30
    second_factor: str = "when_enrolled"
    trusted_device: timedelta = timedelta(days=30)
    security_key_roots: Path | None = None
    security_key_models: frozenset[UUID] = frozenset()
    passkey_attestation: str = "optional"
    password_profile: str = "esr"  # noqa: S105 - a profile's name
    password_length: int | None = None
    password_sequence: int | None = None
    password_history: int | None = None
    password_words: tuple[str, ...] = ()
    recovery_per_ten_minutes: int = 10
    recovery_per_hour: int = 300
    recovery_per_person_hour: int = 3
    recovery_per_person_day: int = 6
    reset_link_lifetime: timedelta = timedelta(minutes=60)
    activation_link_lifetime: timedelta = timedelta(hours=24)
    smtp_url: str | None = None
    mail_from: str | None = None
    admin_email: tuple[str, ...] = ()
    metrics_networks: tuple[Network, ...] = ()
    cookie_prefix: str = ""
    outbox_dir: Path | None = None
    smartcard_origin: str | None = None
    smartcard_host: str = "127.0.0.1"
    smartcard_port: int = 8443
    smartcard_certificate: Path | None = None
    smartcard_key: Path | None = None
    smartcard_proxies: tuple[Network, ...] = ()
    smartcard_proxy_secret: str | None = field(default=None, repr=False)
    smartcard_number_from: NumberFrom = NumberFrom.SUBJECT_SERIAL_NUMBER
    crl_fetch_every: timedelta = timedelta(minutes=10)
    crl_grace_aal2: timedelta = timedelta(0)
    crl_grace_aal3: timedelta = timedelta(0)
    care_identity_issuer: str | None = None
    care_identity_client_id: str | None = None
    care_identity_key: Path | None = None
    care_identity_acr_values: tuple[str, ...] = (Acr.AAL3_ANY.value,)
    care_identity_max_age: timedelta = timedelta(0)


def load(environ: Mapping[str, str], data: Path | None = None) -> Settings:
    """The settings. Raises `SettingsWrong`."""
    folder = data or (Path(environ["IDP_DATA"]) if environ.get("IDP_DATA") else None)
    problems: list[str] = []
    given = _from_folder(folder, problems) | {
        name: value for name, value in environ.items() if name.startswith("IDP_")
    }
    values = _values(given, problems)
    for name in ("issuer", "database_url", "keys_dir"):
        variable = f"IDP_{name.upper()}"
        is_wrong = any(problem.startswith((f"{variable}:", f"{variable}_FILE:")) for problem in problems)
        if name not in values and not is_wrong:
            problems.append(f"{variable} is not set. {_REMEDY[name]}")
    problems += _contradictions(values)
    problems += _care_identity_contradictions(given)
    if problems:
        raise SettingsWrong(problems)
    return Settings(**values)


_REMEDY = {
    "issuer": "Set it to the address people and relying parties reach this provider at, "
    "such as https://id.example.nhs.uk",
    "database_url": "Set it to sqlite:////var/lib/idp/idp.db or postgresql+psycopg://USER@HOST/NAME",
    "keys_dir": "Set it to the folder that idp key init made.",
}


def _from_folder(folder: Path | None, problems: list[str]) -> dict[str, str]:
    if folder is None:
        return {}
    path = folder / SETTINGS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        problems.append(f"{path} cannot be read ({error.strerror}). Point --data at a folder idp demo made.")
        return {}
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _values(given: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, text in sorted(given.items()):
        if variable == "IDP_DATA" or variable.startswith("IDP_TEST_") or not text:
            continue
        from_file = variable.endswith("_FILE")
        name = variable.removeprefix("IDP_").removesuffix("_FILE").lower()
        if name not in _READERS:
            problems.append(_unknown(variable, name))
            continue
        try:
            values[name] = _READERS[name](_content(text) if from_file else text)
        except (ValueError, OSError) as error:
            problems.append(f"{variable}: {error}")
    return values


def _unknown(variable: str, name: str) -> str:
    close = difflib.get_close_matches(name, _READERS, n=1)
    hint = f" Did you mean IDP_{close[0].upper()}?" if close else " Remove it."
    return f"{variable} is not a setting.{hint}"


def _content(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{text!r} is not an address. Write it like https://id.example.nhs.uk")
    if parts.query or parts.fragment or parts.username or parts.path not in {"", "/"} or text.endswith("/"):
        raise ValueError(f"{text!r} must be scheme and host alone, without a path or a slash at the end.")
    if parts.scheme == "http" and not _is_local(text):
        raise ValueError(f"{text!r} is not encrypted. Use https; http is for localhost alone.")
    return text


def _is_local(issuer: str) -> bool:
    return urlsplit(issuer).hostname in {"localhost", "127.0.0.1", "::1"}


def _smartcard_origin(text: str) -> str:
    if not _issuer(text).startswith("https://"):
        raise ValueError(f"{text!r} is not encrypted. A smartcard is proved by TLS: use https.")
    return text


def _care_identity_issuer(text: str) -> str:
    from idp.services.upstream_metadata import issuer_problem  # noqa: PLC0415 - few installations have one

    problem = issuer_problem(text)
    if problem is not None:
        raise ValueError(f"{text!r} {problem}. Write it just as NHS Care Identity names it.")
    return text


def _care_identity_key(text: str) -> Path:
    from idp.services.upstream import KeyUnusable, PrivateKey  # noqa: PLC0415 - the same

    try:
        PrivateKey.load(Path(text))
    except KeyUnusable as error:
        raise ValueError(f"{error}.") from None
    return Path(text)


def _acr_values(text: str) -> tuple[str, ...]:
    found = tuple(text.replace(",", " ").split())
    for value in found:
        if value not in _ACR_VALUES:
            raise ValueError(f"{value!r} is not one of {', '.join(_ACR_VALUES)}.")
    return tuple(dict.fromkeys(found))


# Less than two factors opens nothing here.
_ACR_VALUES = (Acr.AAL2_ANY.value, Acr.AAL2_OR_AAL3_ANY.value, Acr.AAL3_ANY.value)


def _proxy_secret(text: str) -> str:
    if len(text) < _SHORTEST_SECRET or not text.isascii() or not text.isalnum():
        raise ValueError(f"it must have {_SHORTEST_SECRET} letters and digits or more: openssl rand -hex 32")
    return text


def _security_key_roots(text: str) -> Path:
    from idp.services.webauthn import read_roots  # noqa: PLC0415 - few installations have them

    read_roots(Path(text).read_bytes())
    return Path(text)


def _models(text: str) -> frozenset[UUID]:
    found = text.replace(",", " ").split()
    try:
        return frozenset(map(UUID, found))
    except ValueError:
        raise ValueError(
            f"{text!r} is not a list of AAGUIDs, such as 2fc0579f-8113-47ea-b116-bb5a8db9202a."
        ) from None


def _number_from(text: str) -> NumberFrom:
    return NumberFrom(_one_of(*NumberFrom)(text))


def _database_url(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("Use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.")
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}.")
        return text

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}.")
        return int(text)

    return read


def _seconds(least: int, most: int) -> Callable[[str], timedelta]:
    read_whole = _whole(least, most)
    return lambda text: timedelta(seconds=read_whole(text))


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{error}. Write addresses or networks with commas: 10.0.0.0/8,192.0.2.7") from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _sequence(text: str) -> int:
    if text in {"1", "2"}:
        raise ValueError(f"{text!r} would refuse nearly every password. Use 3 to 10, or 0 for no such rule.")
    return _whole(0, 10)(text)


def _smtp_url(text: str) -> str:
    mail.smtp_server(text)
    return text


def _address(text: str) -> str:
    problem = mail.address_problem(text)
    if problem is not None:
        raise ValueError(f"{text!r} {problem}")
    return text


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(_address(address) for address in _words(text))


def _cookie_prefix(text: str) -> str:
    if not text.isascii() or not all(character.isalnum() or character in "-_" for character in text):
        raise ValueError(f"{text!r} may hold letters, digits, - and _ only.")
    return text


_READERS: dict[str, Callable[[str], Any]] = {
    "issuer": _issuer,
    "database_url": _database_url,
    "keys_dir": Path,
    "brand": _one_of("neutral", "nhs"),
    "service_desk": str,
    "log_level": _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "host": str,
    "port": _whole(1, 65_535),
    "workers": _whole(1, 64),
    "request_threads": _whole(10, 256),
    "database_pool": _whole(1, 128),
    "trusted_proxies": _networks,
    "trusted_networks": _networks,
    # OWASP ASVS 5.0 appendix C: never below 12 MiB, and two passes need 19 MiB.
    "hash_memory_kib": _whole(12 * 1024, 1024 * 1024),
    "hash_passes": _whole(1, 10),
    "hash_threads": _whole(1, 64),
    "session_idle": _seconds(60, 86_400),
    "session_absolute": _seconds(300, 7 * 86_400),
    "access_token_lifetime": _seconds(30, 600),
    "id_token_lifetime": _seconds(30, 3_600),
    "login_pages_per_minute": _whole(1, 1_000_000),
    "sign_ins_per_minute": _whole(1, 1_000_000),
    "failed_names_per_ten_minutes": _whole(1, 1_000_000),
    "codes_per_ten_minutes": _whole(1, 1_000_000),
    "second_factor": _one_of(*Rule),
    "trusted_device": _seconds(3_600, 365 * 86_400),
    "security_key_roots": _security_key_roots,
    "security_key_models": _models,
    "passkey_attestation": _one_of("optional", "required"),
    "password_profile": _one_of(*password.PROFILES),
    "password_length": _whole(8, 64),
    "password_sequence": _sequence,
    "password_history": _whole(0, 24),
    "password_words": _words,
    "recovery_per_ten_minutes": _whole(1, 1_000_000),
    "recovery_per_hour": _whole(1, 1_000_000),
    "recovery_per_person_hour": _whole(1, 1_000_000),
    "recovery_per_person_day": _whole(1, 1_000_000),
    "reset_link_lifetime": _seconds(600, 86_400),
    "activation_link_lifetime": _seconds(3_600, 14 * 86_400),
    "smtp_url": _smtp_url,
    "mail_from": _address,
    "admin_email": _addresses,
    "metrics_networks": _networks,
    "cookie_prefix": _cookie_prefix,
    "outbox_dir": Path,
    "smartcard_origin": _smartcard_origin,
    "smartcard_host": str,
    "smartcard_port": _whole(1, 65_535),
    "smartcard_certificate": Path,
    "smartcard_key": Path,
    "smartcard_proxies": _networks,
    "smartcard_proxy_secret": _proxy_secret,
    "smartcard_number_from": _number_from,
    "crl_fetch_every": _seconds(60, 86_400),
    "crl_grace_aal2": _seconds(0, 30 * 86_400),
    "crl_grace_aal3": _seconds(0, 7 * 86_400),
    "care_identity_issuer": _care_identity_issuer,
    "care_identity_client_id": str,
    "care_identity_key": _care_identity_key,
    "care_identity_acr_values": _acr_values,
    "care_identity_max_age": _seconds(0, 86_400),
}
_UNREAD = {field.name for field in fields(Settings)} ^ set(_READERS)
if _UNREAD:  # pragma: no cover - a mistake of ours, seen at the first import
    raise TypeError(f"Settings and their readers differ: {_UNREAD}")


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values.get("session_idle", timedelta(0)) > values.get("session_absolute", _DEFAULT_ABSOLUTE):
        problems.append("IDP_SESSION_IDLE is longer than IDP_SESSION_ABSOLUTE. Shorten it.")
    if "outbox_dir" in values and not _is_local(values.get("issuer", "")):
        problems.append(
            "IDP_OUTBOX_DIR shows everyone's mail to everyone: it is for localhost alone. Remove it."
        )
    if "smtp_url" in values and "outbox_dir" in values:
        problems.append("IDP_SMTP_URL and IDP_OUTBOX_DIR both say where mail goes. Remove one.")
    if "smtp_url" in values and "mail_from" not in values:
        problems.append(
            "IDP_SMTP_URL needs IDP_MAIL_FROM, the address mail comes from: "
            "no-reply@esr.example.nhs.uk, for one."
        )
    problems += _security_key_contradictions(values)
    problems += _smartcard_contradictions(values)
    weakest = {1: 47_104, 2: 19_456}
    memory, passes = values.get("hash_memory_kib", 19_456), values.get("hash_passes", 2)
    if memory < weakest.get(passes, 12_288):
        problems.append(
            f"IDP_HASH_MEMORY_KIB is too little for IDP_HASH_PASSES={passes}. Use {weakest[passes]} or more."
        )
    return problems


def _security_key_contradictions(values: Mapping[str, Any]) -> list[str]:
    if "security_key_roots" in values:
        return []
    needs = "needs IDP_SECURITY_KEY_ROOTS, the certificates of those who vouch for security keys. Set it."
    problems = []
    if values.get("security_key_models"):
        problems.append(f"IDP_SECURITY_KEY_MODELS {needs}")
    if values.get("passkey_attestation") == "required":
        problems.append(f"IDP_PASSKEY_ATTESTATION=required {needs}")
    return problems


def _smartcard_contradictions(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values.get("smartcard_origin", "") == values.get("issuer"):
        problems.append(
            "IDP_SMARTCARD_ORIGIN is the same as IDP_ISSUER. Give it a host name or a port of its own: "
            "browsers are asked for a card there."
        )
    if ("smartcard_certificate" in values) != ("smartcard_key" in values):
        problems.append("IDP_SMARTCARD_CERTIFICATE and IDP_SMARTCARD_KEY belong together. Set both.")
    if "smartcard_certificate" in values and values.get("smartcard_proxies"):
        problems.append(
            "IDP_SMARTCARD_CERTIFICATE and IDP_SMARTCARD_PROXIES both say who speaks TLS with browsers. "
            "Remove one."
        )
    if "smartcard_proxy_secret" in values and not values.get("smartcard_proxies"):
        problems.append(
            "IDP_SMARTCARD_PROXY_SECRET needs IDP_SMARTCARD_PROXIES, whose secret it is. Set both."
        )
    none = timedelta(0)
    if values.get("crl_grace_aal3", none) > values.get("crl_grace_aal2", none):
        problems.append("IDP_CRL_GRACE_AAL3 is longer than IDP_CRL_GRACE_AAL2. Raise the latter.")
    return problems


def _care_identity_contradictions(given: Mapping[str, str]) -> list[str]:
    whole = {f"IDP_CARE_IDENTITY_{name}" for name in ("ISSUER", "CLIENT_ID", "KEY")}
    there = {variable for variable in whole if given.get(variable) or given.get(f"{variable}_FILE")}
    missing = " and ".join(sorted(whole - there))
    return [f"{min(there)} needs {missing} too. Set all three, or none."] if there and missing else []
