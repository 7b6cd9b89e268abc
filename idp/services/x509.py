"""Verify the certificate of a smartcard: that an authority we believe gave it, for this use, at this time.

RFC 5280 §6. We verify it ourselves, whatever a proxy or a TLS library has said before: the path to a
configured authority, the use, the validity, the algorithms. Sizes are looked at before anything is parsed,
keys before any signature. Addresses in certificates are never read. The Common Name never names anybody: a
card has a number in a configured place, or is known by its issuer and serial number alone.

What surprises: a certificate that has expired is told from one of strangers by verifying it at a moment when
it was valid; it is refused either way.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from idp.policy.card_number import NumberFrom, is_card_number

LARGEST: Final = 8 * 1024
"""Bytes of a certificate, in DER."""

MOST: Final = 5
"""Certificates in a chain, the card's own and a root among them."""

_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
_CURVES: Final = frozenset({"secp256r1", "secp384r1"})
_SHORTEST_RSA: Final = 2048
_LONGEST_RSA: Final = 8192
_EXPONENTS: Final = range(65_537, 2**32)
_UPN: Final = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8: Final = 0x0C
_SHORT_LENGTH: Final = 0x80
_LONGEST_TEXT: Final = 100
# Whatever the parser thinks of bytes that anybody may send.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Problem(StrEnum):
    """Why a certificate is refused."""

    MALFORMED = "malformed"
    WEAK = "weak"
    UNTRUSTED = "untrusted"
    WRONG_USE = "wrong_use"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that is believed."""

    id: UUID
    der: bytes


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate of a path: its serial number, and who issued it, if that is one of ours."""

    serial: int
    authority_id: UUID | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A card that may be used. `path` begins with its own certificate and leaves out the last authority's."""

    authority_id: UUID | None
    serial: str
    card_number: str | None
    not_after: datetime
    path: tuple[Issued, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """What a certificate says of itself, for its holder: nothing of it is believed."""

    issuer: str
    card_number: str | None
    not_before: datetime
    not_after: datetime
    may_sign_in: bool


def verify(
    chain: Sequence[bytes], authorities: Iterable[Authority], now: datetime, number_from: NumberFrom
) -> Verified | Problem:
    """Verify the first certificate of the chain, in DER, with the help of the others and nothing else."""
    if not 1 <= len(chain) <= MOST or any(not 1 <= len(der) <= LARGEST for der in chain):
        return Problem.MALFORMED
    try:
        return _verify(
            [x509.load_der_x509_certificate(der) for der in chain], list(authorities), now, number_from
        )
    except _UNREADABLE:
        return Problem.MALFORMED


def describe(der: bytes, number_from: NumberFrom) -> Described | None:
    """Read a certificate out; None when it cannot be read."""
    if not 1 <= len(der) <= LARGEST:
        return None
    try:
        leaf = x509.load_der_x509_certificate(der)
        return Described(
            issuer=_readable(leaf.issuer),
            card_number=_card_number(leaf, number_from),
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            may_sign_in=_is_for_signing_in(leaf),
        )
    except _UNREADABLE:
        return None


def read_authority(text: bytes, now: datetime) -> bytes | Problem:
    """The DER of an authority's certificate, from PEM or DER; or why it cannot be believed."""
    if len(text) > 2 * LARGEST:
        return Problem.MALFORMED
    try:
        authority = _load(text)
        if _is_weak(authority):
            return Problem.WEAK
        _check_authority(None, authority, _basic(authority))
        _check_signs(None, authority, _key_usage(authority))
    except _NotAnAuthority:
        return Problem.WRONG_USE
    except _UNREADABLE:
        return Problem.MALFORMED
    return _time_problem(authority, now) or authority.public_bytes(Encoding.DER)


def read_card(text: bytes) -> bytes | None:
    """The DER of a card's certificate, from PEM or DER; None when it cannot be read."""
    if len(text) > 2 * LARGEST:
        return None
    try:
        return _load(text).public_bytes(Encoding.DER)
    except _UNREADABLE:
        return None


def _load(text: bytes) -> x509.Certificate:
    is_pem = b"-----BEGIN CERTIFICATE-----" in text
    return x509.load_pem_x509_certificate(text) if is_pem else x509.load_der_x509_certificate(text)


def _verify(
    chain: list[x509.Certificate], authorities: list[Authority], now: datetime, number_from: NumberFrom
) -> Verified | Problem:
    leaf = chain[0]
    if any(_is_weak(certificate) for certificate in chain):
        return Problem.WEAK
    known = {x509.load_der_x509_certificate(each.der): each.id for each in authorities}
    path = _path(chain, list(known), _moment(leaf, now))
    if path is None:
        return Problem.UNTRUSTED
    if not _is_for_signing_in(leaf):
        return Problem.WRONG_USE
    problem = _time_problem(leaf, now)
    if problem is not None:
        return problem
    return Verified(
        authority_id=known.get(path[1]),
        serial=f"{leaf.serial_number:x}",
        card_number=_card_number(leaf, number_from),
        not_after=leaf.not_valid_after_utc,
        path=tuple(_issued([*path, *_above(path[-1], known)], known)),
    )


def _is_weak(certificate: x509.Certificate) -> bool:
    """Whether its key or its signature is none that we accept. Looks, and computes nothing with either."""
    try:
        algorithm = certificate.signature_hash_algorithm
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return True
    if algorithm is None or algorithm.name not in _HASHES:
        return True
    match key:
        case rsa.RSAPublicKey():
            is_sound = _SHORTEST_RSA <= key.key_size <= _LONGEST_RSA and key.public_numbers().e in _EXPONENTS
        case ec.EllipticCurvePublicKey():
            is_sound = key.curve.name in _CURVES
        case _:
            is_sound = False
    return not is_sound


def _moment(leaf: x509.Certificate, now: datetime) -> datetime:
    """The moment nearest to now at which the card's certificate was valid."""
    return min(max(now, leaf.not_valid_before_utc), leaf.not_valid_after_utc)


def _time_problem(certificate: x509.Certificate, now: datetime) -> Problem | None:
    if now < certificate.not_valid_before_utc:
        return Problem.NOT_YET_VALID
    return Problem.EXPIRED if now > certificate.not_valid_after_utc else None


def _path(
    chain: list[x509.Certificate], anchors: list[x509.Certificate], at: datetime
) -> list[x509.Certificate] | None:
    """From the card to one of the anchors; None when nothing leads there."""
    if not anchors:
        return None
    verifier = (
        PolicyBuilder()
        .store(Store(anchors))
        .time(at)
        .max_chain_depth(MOST - 1)
        .extension_policies(ca_policy=_OF_AUTHORITIES, ee_policy=_OF_CARDS)
        .build_client_verifier()
    )
    try:
        path = verifier.verify(chain[0], chain[1:]).chain
    except VerificationError:
        return None
    # An authority of ours needs no path to be believed, and is nobody's card.
    return path if len(path) > 1 else None


def _above(anchor: x509.Certificate, known: dict[x509.Certificate, UUID]) -> Iterator[x509.Certificate]:
    """The authorities of ours that have issued this one, so that they may revoke it."""
    for _ in range(MOST):
        issuer = next((other for other in known if other != anchor and _has_issued(other, anchor)), None)
        if issuer is None:
            return
        yield issuer
        anchor = issuer


def _has_issued(issuer: x509.Certificate, other: x509.Certificate) -> bool:
    try:
        other.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _issued(path: list[x509.Certificate], known: dict[x509.Certificate, UUID]) -> Iterator[Issued]:
    for certificate, issuer in pairwise(path):
        yield Issued(certificate.serial_number, known.get(issuer))


def _is_for_signing_in(leaf: x509.Certificate) -> bool:
    """RFC 5280 §4.2.1.12, §4.2.1.3, §4.2.1.9: both uses must be there, and it is no authority's."""
    basic, usage, extended = _basic(leaf), _key_usage(leaf), _extended(leaf)
    is_authority = basic is not None and basic.ca
    return (
        not is_authority
        and usage is not None
        and usage.digital_signature
        and extended is not None
        and ExtendedKeyUsageOID.CLIENT_AUTH in extended
    )


def _card_number(leaf: x509.Certificate, number_from: NumberFrom) -> str | None:
    """Twelve digits in the configured place; None when it holds anything else, or more than one."""
    match number_from:
        case NumberFrom.SUBJECT_SERIAL_NUMBER:
            found = [each.value for each in leaf.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
        case NumberFrom.SAN_UPN:
            found = [upn.partition("@")[0] for upn in _upns(leaf)]
        case NumberFrom.NOWHERE:
            found = []
    if len(found) != 1 or not isinstance(found[0], str):
        return None
    return found[0] if is_card_number(found[0]) else None


def _upns(leaf: x509.Certificate) -> list[str]:
    """User principal names: otherNames that hold a short UTF8String (ITU-T X.690 §8)."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    values = [each.value for each in names if isinstance(each, x509.OtherName) and each.type_id == _UPN]
    return [_utf8(value) or "" for value in values]


def _utf8(der: bytes) -> str | None:
    if len(der) < 2 or der[0] != _UTF8 or der[1] >= _SHORT_LENGTH or der[1] != len(der) - 2:  # noqa: PLR2004 - tag and length
        return None
    return der[2:].decode("utf-8", errors="replace")


def _readable(name: x509.Name) -> str:
    """What to call an issuer: its common name, or else its organisation."""
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(oid):
            if isinstance(attribute.value, str):
                return "".join(c for c in attribute.value if c.isprintable())[:_LONGEST_TEXT]
    return ""


def _basic(certificate: x509.Certificate) -> x509.BasicConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _extended(certificate: x509.Certificate) -> x509.ExtendedKeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None


class _NotAnAuthority(ValueError):
    """A certificate that may not issue others."""


def _check_authority(
    _policy: Policy | None, _certificate: x509.Certificate, basic: x509.BasicConstraints | None
) -> None:
    if basic is None or not basic.ca:
        raise _NotAnAuthority("it may not issue certificates")


def _check_signs(_policy: Policy | None, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is None or not usage.key_cert_sign:
        raise _NotAnAuthority("it may not sign certificates")


def _check_uses(
    _policy: Policy, _certificate: x509.Certificate, extended: x509.ExtendedKeyUsage | None
) -> None:
    """An authority that is held to certain uses must be for ours."""
    ours = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if extended is not None and not ours & set(extended):
        raise _NotAnAuthority("it may not issue certificates for signing in")


# The library accepts a certificate for any use unless it is told what to look for. Cards are looked at once
# their path is known, so that the holder of a wrong one is told what is wrong with it. Every other critical
# extension is refused, and so are constraints on kinds of names that the library does not know.
_OF_AUTHORITIES: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.CRITICAL, _check_authority)
    .require_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_signs)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _check_uses)
    .may_be_present(x509.NameConstraints, Criticality.CRITICAL, None)
)
_OF_CARDS: Final = ExtensionPolicy.permit_all()
