"""An authenticator in software, and the browser's part of a ceremony: what is right unless a test says else.

Web Authentication Level 3 §6, §8.2, §8.7. One `Authenticator` is one device with any number of credentials;
`create` and `get` are `navigator.credentials.create` and `.get` with the JSON of §5.1.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from hashlib import sha256
from typing import Any, TypeAlias
from uuid import UUID

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
MODEL = UUID("2fc0579f-8113-47ea-b116-bb5a8db9202a")

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Algorithm(IntEnum):
    """Signatures by their COSE number."""

    ES256 = -7
    EDDSA = -8
    RS256 = -257


def b64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """A key pair in the device. `cose` is the public key as it is told; `counter` what it counted last."""

    id: bytes
    key: PrivateKey
    cose: dict[int, Any]
    rp_id: str
    user_handle: bytes
    counter: int = 0

    def sign(self, data: bytes) -> bytes:
        return signed(self.key, data)


@dataclass
class Vendor:
    """Who makes security keys, and vouches for them with a certificate for each model."""

    name: str = "Keys of Leeds"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    model_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    unit: str = "Authenticator Attestation"
    is_ca: bool = False

    @property
    def root_pem(self) -> bytes:
        return self._certificate(self.key, is_ca=True, unit="Root").public_bytes(Encoding.PEM)

    def chain(self, model: UUID | None) -> list[bytes]:
        """The certificate of a model; one that names none for None."""
        leaf = self._certificate(self.model_key, is_ca=self.is_ca, unit=self.unit, model=model)
        return [leaf.public_bytes(Encoding.DER)]

    def _certificate(
        self, key: ec.EllipticCurvePrivateKey, *, is_ca: bool, unit: str, model: UUID | None = None
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .issuer_name(self._name("Root"))
            .subject_name(self._name(unit))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if model is not None:
            named = x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4"), b"\x04\x10" + model.bytes
            )
            builder = builder.add_extension(named, critical=False)
        return builder.sign(self.key, SHA256())

    def _name(self, unit: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "GB"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.name),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} {unit}"),
            ]
        )


@dataclass
class Authenticator:
    """One device: synced (BE, BS) unless it is a security key, whose counter counts."""

    origin: str
    algorithm: Algorithm = Algorithm.ES256
    flags: int = UP | UV | BE | BS
    model: UUID | None = None
    vendor: Vendor | None = None
    counts: bool = False
    credentials: list[Credential] = field(default_factory=list)

    @classmethod
    def security_key(cls, origin: str, vendor: Vendor | None = None, model: UUID = MODEL) -> "Authenticator":
        """One whose key stays in it."""
        return cls(origin, flags=UP | UV, model=model, vendor=vendor, counts=True)

    def create(self, options: Mapping[str, Any], **wrong: Any) -> str:  # noqa: ANN401 - anything
        """The answer to registration options.

        `wrong` replaces what is right: members of the client data (None takes one out), `flags`, `counter`,
        `rp_id`, `cose`, `credential_id`, `after` (more of its data), `attestation` (bytes), `statement`.
        """
        credential = self._credential(options, wrong.pop("cose", None), wrong.pop("credential_id", None))
        client_data = self._client_data("webauthn.create", options, wrong)
        authenticator_data = self._authenticator_data(credential, wrong, is_new=True)
        attestation = wrong.get("attestation") or self._attestation(authenticator_data, client_data, wrong)
        self.credentials.append(credential)
        return _answer(
            credential.id,
            clientDataJSON=b64(client_data),
            attestationObject=b64(attestation),
            transports=["internal", "hybrid"] if self.flags & BE else ["usb", "nfc"],
        )

    def get(
        self,
        options: Mapping[str, Any],
        credential: Credential | None = None,
        **wrong: Any,  # noqa: ANN401 - anything
    ) -> str:
        """The answer to assertion options, by the newest credential that is allowed.

        `wrong` replaces what is right: members of the client data, `flags`, `counter`, `rp_id`, `after`,
        `credential_id`, `user_handle`, `signature`, `key`.
        """
        allowed = {unb64(each["id"]) for each in options["allowCredentials"]}
        credential = credential or next(
            each for each in reversed(self.credentials) if not allowed or each.id in allowed
        )
        credential.counter += self.counts
        client_data = self._client_data("webauthn.get", options, wrong)
        authenticator_data = self._authenticator_data(credential, wrong, is_new=False)
        signature = signed(
            wrong.get("key", credential.key), authenticator_data + sha256(client_data).digest()
        )
        handle = wrong.get("user_handle", credential.user_handle)
        return _answer(
            wrong.get("credential_id", credential.id),
            clientDataJSON=b64(client_data),
            authenticatorData=b64(authenticator_data),
            signature=b64(wrong.get("signature", signature)),
            userHandle=None if handle is None else b64(handle),
        )

    def _credential(
        self, options: Mapping[str, Any], cose: dict[int, Any] | None, credential_id: bytes | None
    ) -> Credential:
        assert self.algorithm in {each["alg"] for each in options["pubKeyCredParams"]}
        key = private_key(self.algorithm)
        return Credential(
            credential_id or secrets.token_bytes(32),
            key,
            public_key(key) if cose is None else cose,
            options["rp"]["id"],
            unb64(options["user"]["id"]),
        )

    def _client_data(self, kind: str, options: Mapping[str, Any], wrong: Mapping[str, Any]) -> bytes:
        right = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        named = ("type", "challenge", "origin", "crossOrigin", "topOrigin")
        said = right | {name: wrong[name] for name in named if name in wrong}
        return json.dumps({name: value for name, value in said.items() if value is not None}).encode()

    def _authenticator_data(self, credential: Credential, wrong: Mapping[str, Any], *, is_new: bool) -> bytes:
        flags = wrong.get("flags", self.flags) | (AT if is_new else 0)
        counter = wrong.get("counter", credential.counter)
        said = sha256(wrong.get("rp_id", credential.rp_id).encode()).digest() + bytes([flags])
        said += counter.to_bytes(4)
        if is_new:
            model = self.model.bytes if self.model is not None else bytes(16)
            said += model + len(credential.id).to_bytes(2) + credential.id + cbor2.dumps(credential.cose)
        return bytes(said + wrong.get("after", b""))

    def _attestation(self, said: bytes, client_data: bytes, wrong: Mapping[str, Any]) -> bytes:
        made: dict[str, Any] = {"fmt": "none", "attStmt": {}, "authData": said}
        if self.vendor is not None:
            signature = signed(self.vendor.model_key, said + sha256(client_data).digest())
            statement = {"alg": -7, "sig": signature, "x5c": self.vendor.chain(self.model)}
            made |= {"fmt": "packed", "attStmt": statement}
        made |= wrong.get("statement", {})
        encoded: bytes = cbor2.dumps(made)
        return encoded


def private_key(algorithm: Algorithm) -> PrivateKey:
    match algorithm:
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.EDDSA:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.RS256:
            return rsa.generate_private_key(65537, 2048)


def public_key(key: PrivateKey) -> dict[int, Any]:
    """The COSE key (RFC 9053 §7, RFC 8230 §4)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}
    modulus = key.public_key().public_numbers().n
    return {1: 3, 3: -257, -1: modulus.to_bytes((modulus.bit_length() + 7) // 8), -2: b"\x01\x00\x01"}


def signed(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(SHA256()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, PKCS1v15(), SHA256())


def _answer(credential_id: bytes, **response: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(
        {
            "id": b64(credential_id),
            "rawId": b64(credential_id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
    )
