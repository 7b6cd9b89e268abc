"""Ask authenticators, and check what they answer: the one border around py_webauthn.

Web Authentication Level 3 §5.4, §5.5, §7.1, §7.2, §8.2.1. The library verifies signatures and attestation
statements, after `authenticator` has read them strictly; keys that no signature could be made with, and
attestation certificates of another model, are refused here. Whatever it raises over rubbish leaves as
`Flawed`. Whether a challenge was ours, whose a key is and what a counter means, is for who keeps the rows.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import webauthn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
    options_to_json_dict,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idp.services.authenticator import (
    Assertion,
    Attestation,
    AuthenticatorData,
    Flaw,
    Flawed,
    Registration,
    check_client_data,
)

ALGORITHMS: Final = (
    Algorithm.ECDSA_SHA_256,
    Algorithm.EDDSA,
    Algorithm.RSASSA_PKCS1_v1_5_SHA_256,
)
"""The signatures we accept, the most common first."""

_TIMEOUT_MS: Final = 300_000
_SMALLEST_RSA, _LARGEST_RSA, _RSA_EXPONENT = 2048, 4096, 65537
# id-fido-gen-ce-aaguid: the model that an attestation certificate speaks for, an OCTET STRING.
_MODEL = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
_OCTET_STRING_OF_16 = b"\x04\x10"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks: the issuer's host, its origin, and the name that authenticators show."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word is taken for what a security key is: nobody's without `roots`, certificates in PEM.

    `models` are the AAGUIDs that count, all those of the roots when there are none. ValueError when it asks
    for what can never be.
    """

    roots: tuple[bytes, ...] = ()
    models: frozenset[UUID] = frozenset()
    is_required: bool = False

    def __post_init__(self) -> None:
        if not self.roots and (self.models or self.is_required):
            raise ValueError("attestation needs the root certificates of those who vouch for security keys")
        for root in self.roots:
            x509.load_pem_x509_certificate(root)

    def covers(self, model: UUID | None) -> bool:
        """Whether a genuine key of this model counts as a security key now."""
        return bool(self.roots) and model is not None and (not self.models or model in self.models)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a new credential is for, as its authenticator remembers and shows it. `handle` names nobody."""

    handle: bytes
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Known:
    """A credential that exists, and the ways to reach it."""

    id: bytes
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asserted:
    """What a genuine assertion says of its authenticator."""

    sign_count: int
    is_backup_eligible: bool
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential. `model` is its AAGUID; `is_attested` when somebody we trust vouches for that."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    model: UUID | None
    transports: tuple[str, ...]
    is_backup_eligible: bool
    is_backed_up: bool
    is_attested: bool


def read_roots(pem: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM file, one by one. ValueError when one of them cannot vouch for anything."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError("The file holds no certificate in PEM.") from None
    for each in found:
        if not _is_authority(each):
            name = each.subject.rfc4514_string()
            raise ValueError(f"{name!r} in the file is not a certificate authority: it vouches for nothing.")
    return tuple(each.public_bytes(Encoding.PEM) for each in found)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound):
        return False


def registration_options(
    party: RelyingParty, challenge: str, owner: Owner, existing: Iterable[Known], *, wants_attestation: bool
) -> dict[str, Any]:
    """The options of `navigator.credentials.create`, binary values as base64url."""
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=owner.handle,
        user_name=owner.name,
        user_display_name=owner.display_name,
        challenge=_decoded(challenge),
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference("direct" if wants_attestation else "none"),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(existing),
        supported_pub_key_algs=list(ALGORITHMS),
    )
    return options_to_json_dict(options)


def assertion_options(party: RelyingParty, challenge: str, allowed: Iterable[Known] = ()) -> dict[str, Any]:
    """The options of `navigator.credentials.get`; without `allowed` the authenticator says whom it knows."""
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=_decoded(challenge),
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def verify_assertion(party: RelyingParty, assertion: Assertion, public_key: bytes) -> Asserted:
    """Check that this key signed for us, its user there and verified. Raises `Flawed`.

    The challenge is taken as it is, which the caller has found among its own; so is the counter.
    """
    check_client_data(assertion.client_data, "webauthn.get", party.origin)
    said = AuthenticatorData.read(assertion.authenticator_data, party.id)
    credential = AuthenticationCredential(
        id=bytes_to_base64url(assertion.credential_id),
        raw_id=assertion.credential_id,
        response=AuthenticatorAssertionResponse(
            client_data_json=assertion.client_data,
            authenticator_data=assertion.authenticator_data,
            signature=assertion.signature,
            user_handle=assertion.user_handle,
        ),
    )
    try:
        webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_decoded(assertion.challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # it lets out whatever rubbish makes others raise
        raise Flawed(Flaw.SIGNATURE) from error
    return Asserted(said.sign_count, said.is_backup_eligible, said.is_backed_up)


def verify_registration(party: RelyingParty, registration: Registration, trust: Trust) -> Registered:
    """Check a new credential. Raises `Flawed`; the challenge is taken as it is.

    A statement that we have no root for proves nothing, whatever its format, and is left unread.
    """
    check_client_data(registration.client_data, "webauthn.create", party.origin)
    attestation = Attestation.read(registration.attestation_object)
    said = AuthenticatorData.read(attestation.authenticator_data, party.id)
    if said.credential_id is None or said.credential_id != registration.credential_id:
        raise Flawed(Flaw.MALFORMED)
    public_key = _public_key(party, registration, attestation)
    is_attested = trust.covers(said.model) and _is_genuine(party, registration, attestation, said, trust)
    if trust.is_required and not is_attested:
        raise Flawed(Flaw.ATTESTATION)
    return Registered(
        credential_id=said.credential_id,
        public_key=public_key,
        sign_count=said.sign_count,
        model=said.model,
        transports=registration.transports,
        is_backup_eligible=said.is_backup_eligible,
        is_backed_up=said.is_backed_up,
        is_attested=is_attested,
    )


def _public_key(party: RelyingParty, registration: Registration, attestation: Attestation) -> bytes:
    """The new key, when it is one that can sign as it says."""
    unread = {"fmt": "none", "attStmt": {}, "authData": attestation.authenticator_data}
    try:
        cose = _verified(party, registration, encode_cbor(unread), ())
        decoded = decode_credential_public_key(cose)
        key = decoded_public_key_to_cryptography(decoded)
    except Exception as error:  # as above
        raise Flawed(Flaw.KEY) from error
    match decoded.alg, key:
        case Algorithm.ECDSA_SHA_256, EllipticCurvePublicKey():
            is_suitable = isinstance(key.curve, SECP256R1)
        case Algorithm.RSASSA_PKCS1_v1_5_SHA_256, RSAPublicKey():
            is_sized = _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA
            is_suitable = is_sized and key.public_numbers().e == _RSA_EXPONENT
        case Algorithm.EDDSA, Ed25519PublicKey():
            is_suitable = True
        case _:
            is_suitable = False
    if not is_suitable:
        raise Flawed(Flaw.KEY)
    return cose


def _is_genuine(
    party: RelyingParty,
    registration: Registration,
    attestation: Attestation,
    said: AuthenticatorData,
    trust: Trust,
) -> bool:
    """Whether a root of ours vouches for the model: a packed statement with a certificate (§8.2)."""
    chain = attestation.statement.get("x5c")
    is_packed = attestation.format == AttestationFormat.PACKED.value
    if not is_packed or not chain or attestation.statement.get("alg") not in ALGORITHMS:
        return False
    try:
        is_of_model = _speaks_for(x509.load_der_x509_certificate(chain[0]), said.model)
        _verified(party, registration, registration.attestation_object, trust.roots)
    except Exception:  # noqa: BLE001 - as above
        return False
    return is_of_model


def _speaks_for(certificate: x509.Certificate, model: UUID | None) -> bool:
    """Whether it is an attestation certificate of this very model (§8.2.1), which nobody else asks."""
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    named = certificate.extensions.get_extension_for_oid(_MODEL).value
    units = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    is_named = (
        model is not None
        and isinstance(named, x509.UnrecognizedExtension)
        and named.value == _OCTET_STRING_OF_16 + model.bytes
    )
    return is_named and not constraints.ca and [unit.value for unit in units] == ["Authenticator Attestation"]


def _verified(
    party: RelyingParty, registration: Registration, attestation_object: bytes, roots: tuple[bytes, ...]
) -> bytes:
    """The key of a registration that the library accepts, under one of these roots if there are any."""
    credential = RegistrationCredential(
        id=bytes_to_base64url(registration.credential_id),
        raw_id=registration.credential_id,
        response=AuthenticatorAttestationResponse(registration.client_data, attestation_object),
    )
    verified = webauthn.verify_registration_response(
        credential=credential,
        expected_challenge=_decoded(registration.challenge),
        expected_rp_id=party.id,
        expected_origin=party.origin,
        require_user_verification=True,
        supported_pub_key_algs=list(ALGORITHMS),
        pem_root_certs_bytes_by_fmt={AttestationFormat.PACKED: list(roots)},
    )
    return verified.credential_public_key


def _decoded(challenge: str) -> bytes:
    """The bytes of a token, whose 43 characters want one more."""
    return urlsafe_b64decode(f"{challenge}=")


def _descriptors(credentials: Iterable[Known]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=each.id, transports=[AuthenticatorTransport(way) for way in each.transports]
        )
        for each in credentials
    ]
