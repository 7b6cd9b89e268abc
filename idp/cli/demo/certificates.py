"""The demo's own authority, the smartcards it has issued, and a certificate for servers on localhost.

RFC 5280. Everything is made once, in files, and made again only when it is missing, over, or another
authority's. The certificate of a pair is written last, and removed first: while it is there, its key fits.
The authority may vouch for this machine's names alone (§4.2.1.10): who trusts it in a browser, as trying a
smartcard needs, has not trusted whoever reads the folder with the rest of the world.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from idp.cli.demo.files import write
from idp.cli.demo.place import Place

AUTHORITY: Final = "Demo Card Authority"
"""What the authority's name begins with; a few characters follow, as a browser may know several."""

PASSWORD: Final = "smartcard"  # noqa: S105 - of every card's .p12 file, and printed
"""What opens the PKCS#12 files."""

_DAY: Final = timedelta(days=1)
_YEAR: Final = 365 * _DAY
_SOON: Final = 30 * _DAY
# Some browsers accept no certificate of a server for longer than 825 days.
_SERVER_LASTS: Final = 397 * _DAY
_ADDRESSES: Final = ("127.0.0.1", "::1")
_LOCAL: Final = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A smartcard of the demo, whose files are called `name`.

    `opens` is the account its number is linked to. `is_foreign` is of an authority nobody here believes.
    """

    name: str
    number: str
    holder: str
    note: str
    opens: str | None = None
    is_revoked: bool = False
    is_expired: bool = False
    is_foreign: bool = False

    @property
    def is_good(self) -> bool:
        """Whether it signs its holder in."""
        return self.opens is not None and not (self.is_revoked or self.is_expired or self.is_foreign)


CARDS: Final = (
    Card(
        name="432RCLARKE01",
        number="656005750104",
        holder="Robert Clarke",
        opens="432RCLARKE01",
        note="signs in as 432RCLARKE01",
    ),
    Card(
        name="revoked",
        number="656005750112",
        holder="Robert Clarke",
        opens="432RCLARKE01",
        is_revoked=True,
        note="reported lost, and revoked since",
    ),
    Card(
        name="expired",
        number="656005750104",
        holder="Robert Clarke",
        is_expired=True,
        note="expired; its number is linked",
    ),
    Card(name="unknown", number="656005750120", holder="Aisha Rahman", note="in order, but linked to nobody"),
    Card(
        name="foreign",
        number="656005750104",
        holder="Robert Clarke",
        is_foreign=True,
        note="the number of a card that is linked, from an authority that is not believed",
    ),
)


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


def make(place: Place, now: datetime) -> None:
    """Make whatever is missing."""
    authority = _authority(place)
    if authority is None:
        authority = _issue_authority(AUTHORITY, now)
        _write(authority, place.ca, place.ca_key)
    if not _stands(place.server_certificate, place.server_key, authority.certificate, now + _SOON):
        _write(_issue_server(authority, now), place.server_certificate, place.server_key)
    for card in CARDS:
        if not _is_made(card, place, authority.certificate, now):
            # The key of the other authority is forgotten at once: it has nothing else to sign.
            issuer = _issue_authority("Some Other Authority", now) if card.is_foreign else authority
            made = _issue_card(issuer, card, now)
            _write(made, *_pair_of(card, place), p12=_p12(made, card))


def is_complete(place: Place, now: datetime) -> bool:
    """Whether there is nothing to make."""
    authority = _authority(place)
    return (
        authority is not None
        and _stands(place.server_certificate, place.server_key, authority.certificate, now + _SOON)
        and all(_is_made(card, place, authority.certificate, now) for card in CARDS)
    )


def revoked(place: Place) -> list[Path]:
    """The certificates of the cards that are on the authority's list."""
    return [_pair_of(card, place)[0] for card in CARDS if card.is_revoked]


def name_of_authority(pem: bytes) -> str:
    """What the authority calls itself."""
    found = x509.load_pem_x509_certificate(pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value)


def _authority(place: Place) -> _Pair | None:
    """The one there is."""
    try:
        certificate = x509.load_pem_x509_certificate(place.ca.read_bytes())
        key = load_pem_private_key(place.ca_key.read_bytes(), None)
    except (OSError, ValueError):
        return None
    return _Pair(certificate, key) if isinstance(key, EllipticCurvePrivateKey) else None


def _is_made(card: Card, place: Place, authority: x509.Certificate, now: datetime) -> bool:
    certificate, key = _pair_of(card, place)
    # What is to be refused is refused for what is wrong with it, now and later.
    issuer = None if card.is_foreign else authority
    until = None if card.is_expired else now
    return place.p12(card.name).exists() and _stands(certificate, key, issuer, until)


def _stands(certificate: Path, key: Path, issuer: x509.Certificate | None, valid_at: datetime | None) -> bool:
    """Whether the pair is there, of that issuer, and valid then; None for no matter which, or when."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        if issuer is not None:
            found.verify_directly_issued_by(issuer)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return key.exists() and (valid_at is None or found.not_valid_after_utc > valid_at)


def _pair_of(card: Card, place: Place) -> tuple[Path, Path]:
    return place.cards / f"{card.name}.pem", place.cards / f"{card.name}.key"


def _write(made: _Pair, certificate: Path, key: Path, *, p12: bytes | None = None) -> None:
    certificate.unlink(missing_ok=True)
    write(key, made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if p12 is not None:
        write(certificate.with_suffix(".p12"), p12)
    write(certificate, made.certificate.public_bytes(Encoding.PEM))


def _p12(made: _Pair, card: Card) -> bytes:
    """For browsers, some of which read no newer format than this one; its password is no secret anyway."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - the same
        .build(PASSWORD.encode())
    )
    label = f"{card.holder} {card.number} ({card.name})"
    return pkcs12.serialize_key_and_certificates(label.encode(), made.key, made.certificate, None, encryption)


def _issue_authority(name: str, now: datetime) -> _Pair:
    key = _new_key()
    named = _named(f"{name} {x509.random_serial_number() % 0x10000:04x}")
    extensions = (
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.NameConstraints(list(_local_names()), None), True),
    )
    # It is older than the card that has expired.
    return _issue(named, key, None, (now - 3 * _YEAR, now + 20 * _YEAR), extensions)


def _issue_server(authority: _Pair, now: datetime) -> _Pair:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    extensions = (
        (x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (_usage(digital_signature=True), True),
    )
    period = (now - _DAY, now + _SERVER_LASTS)
    return _issue(_named("localhost"), _new_key(), authority, period, extensions)


def _issue_card(authority: _Pair, card: Card, now: datetime) -> _Pair:
    extensions = (
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (_usage(digital_signature=True), True),
    )
    period = (now - 2 * _YEAR, now - _DAY) if card.is_expired else (now - _DAY, now + 5 * _YEAR)
    return _issue(_named(card.holder, card.number), _new_key(), authority, period, extensions)


def _issue(
    subject: x509.Name,
    key: EllipticCurvePrivateKey,
    issuer: _Pair | None,
    period: tuple[datetime, datetime],
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> _Pair:
    """Sign it, with the issuer's key or, when there is none, its own."""
    signer = key if issuer is None else issuer.key
    begins, ends = (each.replace(microsecond=0) for each in period)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    identifiers = (
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    )
    for extension, critical in (*extensions, *identifiers):
        builder = builder.add_extension(extension, critical=critical)
    return _Pair(builder.sign(signer, hashes.SHA256()), key)


def _new_key() -> EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(common_name: str, number: str | None = None) -> x509.Name:
    """A card carries its number as the serial number of its subject."""
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ESR demo"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if number is not None:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, number))
    return x509.Name(attributes)


def _local_names() -> Iterator[x509.GeneralName]:
    yield x509.DNSName("localhost")
    for network in _LOCAL:
        yield x509.IPAddress(ipaddress.ip_network(network))


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
