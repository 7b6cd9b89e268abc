"""Ask an authority about one certificate, and believe only what it, or its delegate, has signed just now.

RFC 6960, RFC 9654. The answer must carry the random number of our question, so nobody can keep one for
later; a responder that leaves it out is of no use to us. Its address is the one an operator configured.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from idp.policy.revocation import AHEAD
from idp.services import http

REQUEST_TYPE: Final = "application/ocsp-request"

_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
_LONGEST_NONCE: Final = 32
# An answer that does not say when it ends is made for the one who asks.
_RECENT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one certificate of one authority, and what its answer must repeat."""

    authority: x509.Certificate
    serial: int
    nonce: bytes
    der: bytes


def question(authority_der: bytes, serial: int, random: str) -> Question:
    """Make the question. `random` is a fresh token."""
    authority = x509.load_der_x509_certificate(authority_der)
    nonce = random.encode()[:_LONGEST_NONCE]
    name, key = _names(authority)
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, serial, _OF_NAMES)
    builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return Question(authority, serial, nonce, builder.build().public_bytes(Encoding.DER))


def ask(url: str, asked: Question, now: datetime) -> bool | None:
    """Whether the certificate is revoked; None when the answer cannot be believed. Raises `NotFetched`."""
    return read(http.post(url, asked.der, REQUEST_TYPE), asked, now)


def read(text: bytes, asked: Question, now: datetime) -> bool | None:
    """Read an answer: whether the certificate is revoked, or None for whatever is wrong with it."""
    try:
        answer = ocsp.load_der_ocsp_response(text)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return None
        if not _is_ours(answer, asked) or not _is_signed(answer, asked.authority, now):
            return None
        return _status(answer, asked, now)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion, UnsupportedAlgorithm):
        return None


def _is_ours(answer: ocsp.OCSPResponse, asked: Question) -> bool:
    try:
        return answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == asked.nonce
    except x509.ExtensionNotFound:
        return False


def _is_signed(answer: ocsp.OCSPResponse, authority: x509.Certificate, now: datetime) -> bool:
    delegates = (each for each in answer.certificates if _is_delegate(each, authority, now))
    return any(_has_signed(signer, answer) for signer in (authority, *delegates))


def _is_delegate(certificate: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    """RFC 6960 §4.2.2.2: the authority itself has certified that it may answer."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        certificate.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in uses


def _has_signed(signer: x509.Certificate, answer: ocsp.OCSPResponse) -> bool:
    algorithm = answer.signature_hash_algorithm
    if algorithm is None or algorithm.name not in _HASHES:
        return False
    try:
        match signer.public_key():
            case rsa.RSAPublicKey() as key:
                key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
            case ec.EllipticCurvePublicKey() as key:
                key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _status(answer: ocsp.OCSPResponse, asked: Question, now: datetime) -> bool | None:
    name, key = _names(asked.authority)
    for single in answer.responses:
        is_it = (single.serial_number, single.issuer_name_hash, single.issuer_key_hash) == (
            asked.serial,
            name,
            key,
        )
        if is_it and _is_current(single, now):
            return _REVOKED[single.certificate_status]
    return None


def _is_current(single: ocsp.OCSPSingleResponse, now: datetime) -> bool:
    made, until = single.this_update_utc, single.next_update_utc
    return made <= now + AHEAD and now < (made + _RECENT if until is None else until)


def _names(authority: x509.Certificate) -> tuple[bytes, bytes]:
    """What a question calls an authority: digests of its name and its key."""
    digest = hashes.Hash(_OF_NAMES)
    digest.update(authority.subject.public_bytes())
    key = x509.SubjectKeyIdentifier.from_public_key(authority.public_key()).digest
    return digest.finalize(), key


_REVOKED: Final = {
    ocsp.OCSPCertStatus.GOOD: False,
    ocsp.OCSPCertStatus.REVOKED: True,
    ocsp.OCSPCertStatus.UNKNOWN: None,
}
# RFC 6960 §4.3: the one that every responder knows. It names an authority and protects nothing.
_OF_NAMES: Final = hashes.SHA1()  # noqa: S303 - see above
