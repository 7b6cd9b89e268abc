"""Certificate authorities, cards and revocation lists for tests: right, unless a test says what is wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509 import ocsp
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CARD_NUMBER = "123456789012"
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

Extension = tuple[x509.ExtensionType, bool]


def usage(**allowed: bool) -> x509.KeyUsage:
    """A key usage with these bits."""
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in _USES})


def a_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def a_name(common_name: str, *more: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """UTF-8 text may hold anything at all, where a serial number ought to be printable."""
    attributes = ((NameOID.COMMON_NAME, common_name), *more)
    return x509.Name([x509.NameAttribute(oid, value, _ASN1Type.UTF8String) for oid, value in attributes])


@dataclass(frozen=True)
class Card:
    """A certificate with its key, and what the browser sends along: `chain`, the card's own first."""

    certificate: x509.Certificate
    key: Any
    more: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        pem: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    @property
    def chain(self) -> tuple[bytes, ...]:
        return (self.der, *(each.public_bytes(Encoding.DER) for each in self.more))

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:x}"

    def p12(self, passphrase: str) -> bytes:
        encryption = BestAvailableEncryption(passphrase.encode())
        return pkcs12.serialize_key_and_certificates(
            b"card", self.key, self.certificate, list(self.more), encryption
        )


@dataclass
class Authority:
    """A certificate authority that signs whatever a test asks for."""

    certificate: x509.Certificate
    key: Any
    issuer: "Authority | None" = None
    number: int = field(default=0)

    @classmethod
    def root(cls, name: str = "Card CA", key: Any = None, **options: Any) -> Self:  # noqa: ANN401 - keys
        key = key or a_key()
        subject = a_name(name)
        made = _certificate(subject, subject, key, key, **_as_authority(options))
        return cls(made, key)

    def intermediate(self, name: str = "Issuing CA", key: Any = None, **options: Any) -> "Authority":  # noqa: ANN401 - the same
        key = key or a_key()
        signed = _certificate(a_name(name), self.certificate.subject, key, self.key, **_as_authority(options))
        return Authority(signed, key, self)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def card(
        self,
        number: str | None = CARD_NUMBER,
        *,
        name: x509.Name | None = None,
        key: Any = None,  # noqa: ANN401 - any kind of key
        **options: Any,  # noqa: ANN401 - see `_certificate`
    ) -> Card:
        """A card that may sign in; `more` are the authorities below a root, as browsers send them."""
        key = key or a_key()
        numbers = () if number is None else ((NameOID.SERIAL_NUMBER, number),)
        subject = name or a_name("Jane Smith", *numbers)
        extensions: Mapping[str, Extension | None] = {
            "usage": (usage(digital_signature=True), True),
            "extended": (x509.ExtendedKeyUsage([CLIENT_AUTH]), False),
            **options.pop("extensions", {}),
        }
        made = _certificate(
            subject, self.certificate.subject, key, self.key, extensions=extensions, **options
        )
        return Card(made, key, tuple(self._path()))

    def crl(
        self,
        revoked: Iterable[Card] = (),
        *,
        number: int | None = 1,
        at: datetime = NOW - timedelta(hours=1),
        until: datetime | None = NOW + DAY,
        key: Any = None,  # noqa: ANN401 - any kind of key
        issuer: x509.Name | None = None,
        algorithm: hashes.SHA224 | hashes.SHA512 | None = None,
        extensions: Iterable[Extension] = (),
    ) -> bytes:
        """A revocation list, in DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer or self.certificate.subject)
            .last_update(at)
            .next_update(until or at)
        )
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        for card in revoked:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(card.certificate.serial_number)
                .revocation_date(at)
                .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            )
            builder = builder.add_revoked_certificate(entry.build())
        signed = builder.sign(key or self.key, algorithm or hashes.SHA256())
        return signed.public_bytes(Encoding.DER)

    def ocsp_answer(
        self,
        request: bytes,
        *,
        revoked: bool = False,
        at: datetime = NOW,
        until: datetime | None = NOW + timedelta(hours=1),
        nonce: bytes | None = None,
        responder: Card | None = None,
        about: Card | None = None,
    ) -> bytes:
        """What an OCSP responder says to a request about one of our cards."""
        asked = ocsp.load_der_ocsp_request(request)
        carried = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        certificate = (about or _numbered(self, asked.serial_number)).certificate
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=certificate,
            issuer=self.certificate,
            algorithm=asked.hash_algorithm,
            cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            this_update=at,
            next_update=until,
            revocation_time=at if revoked else None,
            revocation_reason=None,
        )
        signer = self.certificate if responder is None else responder.certificate
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer)
        if responder is not None:
            builder = builder.certificates([responder.certificate])
        builder = builder.add_extension(x509.OCSPNonce(carried if nonce is None else nonce), critical=False)
        secret = self.key if responder is None else responder.key
        return builder.sign(secret, hashes.SHA256()).public_bytes(Encoding.DER)

    def responder(self, *, may_answer: bool = True, **options: Any) -> Card:  # noqa: ANN401 - see `card`
        """Somebody whom the authority lets answer for it."""
        uses = [ExtendedKeyUsageOID.OCSP_SIGNING] if may_answer else [CLIENT_AUTH]
        extensions = {"extended": (x509.ExtendedKeyUsage(uses), False)}
        return self.card(None, name=a_name("Responder"), extensions=extensions, **options)

    def _path(self) -> Iterable[x509.Certificate]:
        above: Authority | None = self
        while above is not None and above.issuer is not None:
            yield above.certificate
            above = above.issuer


def _numbered(authority: Authority, serial: int) -> Card:
    """Any certificate of the authority with that serial number: an answer names nothing else of it."""
    return authority.card(serial=serial)


def _as_authority(options: dict[str, Any]) -> dict[str, Any]:
    path_length = options.pop("path_length", None)
    return {
        **options,
        "extensions": {
            "basic": (x509.BasicConstraints(ca=True, path_length=path_length), True),
            "usage": (usage(key_cert_sign=True, crl_sign=True), True),
            **options.get("extensions", {}),
        },
        "lasts": options.get("lasts", 3650 * DAY),
    }


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: Any,  # noqa: ANN401 - any kind of key
    signer: Any,  # noqa: ANN401 - the same
    *,
    extensions: Mapping[str, Extension | None],
    begins: datetime = NOW - DAY,
    lasts: timedelta = 365 * DAY,
    serial: int | None = None,
    algorithm: hashes.SHA224 | hashes.SHA512 | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    for extension in extensions.values():
        if extension is not None:
            builder = builder.add_extension(extension[0], critical=extension[1])
    return builder.sign(signer, algorithm or hashes.SHA256())
