"""Read a revocation list, and believe it only when its authority signed the whole of it.

RFC 5280 §5, §6.3.3. Lists are fetched ahead of need and looked up here; nothing else about them is decided
here. What is a part of a list only (a delta, one for some reasons, one of another issuer's entries) is
refused, because a card that is missing from it may still be revoked.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from idp.policy.revocation import AHEAD

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a list."""

_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
_PEM: Final = b"-----BEGIN X509 CRL-----"


class CrlProblem(StrEnum):
    """Why a list is not believed; a sentence for operators is in `WORDS`."""

    MALFORMED = "malformed"
    FOREIGN = "foreign"
    UNSIGNED = "unsigned"
    WEAK = "weak"
    PARTIAL = "partial"
    UNNUMBERED = "unnumbered"
    EARLY = "early"
    OLDER = "older"


WORDS: Final = {
    CrlProblem.MALFORMED: "it is no revocation list",
    CrlProblem.FOREIGN: "it is another authority's list",
    CrlProblem.UNSIGNED: "the authority did not sign it",
    CrlProblem.WEAK: "its signature is of a kind that is no longer accepted",
    CrlProblem.PARTIAL: "it is only a part of a list",
    CrlProblem.UNNUMBERED: "it has no number, or does not say when the next one comes",
    CrlProblem.EARLY: "it was made in the future; check the clock of this machine",
    CrlProblem.OLDER: "it is older than the list we have",
}


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that its authority signed."""

    number: int
    this_update: datetime
    next_update: datetime
    _list: x509.CertificateRevocationList = field(repr=False, compare=False)

    def is_revoked(self, serial: int) -> bool:
        """Whether the certificate with that serial number is on it, for whatever reason."""
        return self._list.get_revoked_certificate_by_serial_number(serial) is not None

    @property
    def der(self) -> bytes:
        """The list as it was signed."""
        return self._list.public_bytes(Encoding.DER)

    def __len__(self) -> int:
        return len(self._list)


def read(text: bytes, authority_der: bytes, now: datetime) -> RevocationList | CrlProblem:
    """The list in DER or PEM, if it is the authority's own."""
    if len(text) > LARGEST:
        return CrlProblem.MALFORMED
    authority = x509.load_der_x509_certificate(authority_der)
    try:
        found = x509.load_pem_x509_crl(text) if _PEM in text[:4096] else x509.load_der_x509_crl(text)
        return _problem(found, authority, now) or _read(found)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return CrlProblem.MALFORMED
    except UnsupportedAlgorithm:
        return CrlProblem.WEAK


def replaces(new: RevocationList, number: int | None, this_update: datetime | None) -> bool:
    """Whether the list is at least as new as the one before, if any: nobody may roll us back."""
    return (number is None or new.number >= number) and (
        this_update is None or new.this_update >= this_update
    )


def _problem(
    found: x509.CertificateRevocationList, authority: x509.Certificate, now: datetime
) -> CrlProblem | None:
    if found.issuer != authority.subject:
        return CrlProblem.FOREIGN
    algorithm = found.signature_hash_algorithm
    if algorithm is None or algorithm.name not in _HASHES:
        return CrlProblem.WEAK
    # The key of an authority is one that can sign; `read_authority` has seen to it.
    if not _may_sign(authority) or not found.is_signature_valid(authority.public_key()):  # type: ignore[arg-type]
        return CrlProblem.UNSIGNED
    if _is_partial(found):
        return CrlProblem.PARTIAL
    if found.last_update_utc > now + AHEAD:
        return CrlProblem.EARLY
    return None


def _read(found: x509.CertificateRevocationList) -> RevocationList | CrlProblem:
    try:
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return CrlProblem.UNNUMBERED
    if found.next_update_utc is None:
        return CrlProblem.UNNUMBERED
    return RevocationList(number, found.last_update_utc, found.next_update_utc, found)


def _may_sign(authority: x509.Certificate) -> bool:
    """RFC 5280 §6.3.3 (f)."""
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_partial(found: x509.CertificateRevocationList) -> bool:
    """RFC 5280 §5.2: what is critical and unknown to us may mean anything; the one we know may narrow it."""
    return any(
        _narrows(extension.value)
        if isinstance(extension.value, x509.IssuingDistributionPoint)
        else extension.critical or isinstance(extension.value, x509.DeltaCRLIndicator)
        for extension in found.extensions
    )


def _narrows(point: x509.IssuingDistributionPoint) -> bool:
    return (
        point.only_contains_ca_certs
        or point.only_contains_attribute_certs
        or point.indirect_crl
        or point.only_some_reasons is not None
    )
