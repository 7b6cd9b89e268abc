"""An authenticator in software answers right and wrong: assurance cases WA-03 to WA-09, WA-12, WA-13."""

import json
import time
from typing import Any
from uuid import UUID

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.services import webauthn
from idp.services.authenticator import Assertion, Flaw, Flawed, Registration
from idp.services.webauthn import Known, Owner, Registered, RelyingParty, Trust
from tests.authenticator import (
    BE,
    BS,
    MODEL,
    UP,
    UV,
    Algorithm,
    Authenticator,
    Vendor,
    b64,
    private_key,
    public_key,
)

ORIGIN = "https://id.example.nhs.uk"
PARTY = RelyingParty("id.example.nhs.uk", ORIGIN, "Electronic Staff Record")
OWNER = Owner(b"sixteen bytes ok", "918JSMITH01", "Jane Smith")
CHALLENGE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER_MODEL = UUID("11111111-2222-3333-4444-555555555555")

CREATION = webauthn.registration_options(PARTY, CHALLENGE, OWNER, (), wants_attestation=False)
REQUEST = webauthn.assertion_options(PARTY, CHALLENGE)

SYNCED = UP | UV | BE | BS


def phone() -> Authenticator:
    return Authenticator(ORIGIN)


def registered(device: Authenticator, trust: Trust = Trust(), **wrong: Any) -> Registered:  # noqa: ANN401, B008 - anything; frozen
    return webauthn.verify_registration(PARTY, Registration.read(device.create(CREATION, **wrong)), trust)


def flaw_of_registration(device: Authenticator, trust: Trust = Trust(), **wrong: Any) -> Flaw:  # noqa: ANN401, B008 - the same
    with pytest.raises(Flawed) as raised:
        registered(device, trust, **wrong)
    return raised.value.flaw


def flaw_of_assertion(**wrong: Any) -> Flaw:  # noqa: ANN401 - anything
    device = phone()
    key = registered(device).public_key
    with pytest.raises(Flawed) as raised:
        webauthn.verify_assertion(PARTY, Assertion.read(device.get(REQUEST, **wrong)), key)
    return raised.value.flaw


class TestOptions:
    def test_ask_for_a_verified_user_and_a_passkey_that_can_be_found_again(self) -> None:
        known = Known(b"known", ("internal", "hybrid"))
        options = webauthn.registration_options(PARTY, CHALLENGE, OWNER, (known,), wants_attestation=False)
        assert options == {
            "rp": {"id": "id.example.nhs.uk", "name": "Electronic Staff Record"},
            "user": {"id": "c2l4dGVlbiBieXRlcyBvaw", "name": "918JSMITH01", "displayName": "Jane Smith"},
            "challenge": CHALLENGE,
            "pubKeyCredParams": [
                {"type": "public-key", "alg": -7},
                {"type": "public-key", "alg": -8},
                {"type": "public-key", "alg": -257},
            ],
            "timeout": 300_000,
            "excludeCredentials": [
                {"id": "a25vd24", "type": "public-key", "transports": ["internal", "hybrid"]}
            ],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "required",
            },
            "attestation": "none",
        }

    def test_ask_for_an_attestation_only_where_somebody_is_trusted_to_give_one(self) -> None:
        options = webauthn.registration_options(PARTY, CHALLENGE, OWNER, (), wants_attestation=True)
        assert options["attestation"] == "direct"

    def test_name_nobody_when_anybody_may_answer(self) -> None:
        assert REQUEST == {
            "challenge": CHALLENGE,
            "timeout": 300_000,
            "rpId": "id.example.nhs.uk",
            "allowCredentials": [],
            "userVerification": "required",
        }


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_passkey_is_registered_and_signs(algorithm: Algorithm) -> None:
    device = Authenticator(ORIGIN, algorithm)
    made = registered(device)
    assert made.credential_id == device.credentials[0].id
    assert made.public_key == cbor2.dumps(device.credentials[0].cose)
    assert (made.sign_count, made.model, made.transports) == (0, None, ("hybrid", "internal"))
    assert (made.is_backup_eligible, made.is_backed_up, made.is_attested) == (True, True, False)
    assertion = Assertion.read(device.get(REQUEST))
    asserted = webauthn.verify_assertion(PARTY, assertion, made.public_key)
    assert (asserted.sign_count, asserted.is_backup_eligible, asserted.is_backed_up) == (0, True, True)
    assert assertion.challenge == CHALLENGE
    assert assertion.user_handle == b"sixteen bytes ok"


def test_a_security_key_counts_and_stays_in_its_device() -> None:
    device = Authenticator.security_key(ORIGIN)
    made = registered(device)
    asserted = webauthn.verify_assertion(PARTY, Assertion.read(device.get(REQUEST)), made.public_key)
    assert (asserted.sign_count, asserted.is_backup_eligible, asserted.is_backed_up) == (1, False, False)
    assert made.model == MODEL


OF_ANY_CEREMONY = [
    pytest.param({"origin": "http://id.example.nhs.uk"}, Flaw.ORIGIN, id="http"),
    pytest.param({"origin": "https://id.example.nhs.uk:8443"}, Flaw.ORIGIN, id="another port"),
    pytest.param({"origin": "https://evil.id.example.nhs.uk"}, Flaw.ORIGIN, id="a subdomain"),
    pytest.param({"origin": "https://evil.example"}, Flaw.ORIGIN, id="another site"),
    pytest.param({"origin": None}, Flaw.ORIGIN, id="no origin"),
    pytest.param({"origin": ["https://id.example.nhs.uk"]}, Flaw.ORIGIN, id="a list of origins"),
    pytest.param({"crossOrigin": True}, Flaw.EMBEDDED, id="in a page of another site"),
    pytest.param({"crossOrigin": "false"}, Flaw.EMBEDDED, id="crossOrigin is a text"),
    pytest.param({"topOrigin": "https://evil.example"}, Flaw.EMBEDDED, id="under another site"),
    pytest.param({"topOrigin": ORIGIN, "crossOrigin": True}, Flaw.EMBEDDED, id="in a frame of our own"),
    pytest.param({"type": "webauthn.other"}, Flaw.TYPE, id="another type"),
    pytest.param({"type": None}, Flaw.TYPE, id="no type"),
    pytest.param({"rp_id": "evil.example"}, Flaw.RELYING_PARTY, id="another relying party"),
    pytest.param({"rp_id": "example.nhs.uk"}, Flaw.RELYING_PARTY, id="the domain above"),
    pytest.param({"flags": SYNCED & ~UV}, Flaw.NOT_VERIFIED, id="a user who was not verified"),
    pytest.param({"flags": SYNCED & ~UP}, Flaw.NOT_PRESENT, id="a user who was not there"),
    pytest.param({"flags": UP | UV | BS}, Flaw.BACKUP, id="a backup of what cannot be backed up"),
    pytest.param({"challenge": ""}, Flaw.CHALLENGE, id="an empty challenge"),
    pytest.param({"challenge": None}, Flaw.CHALLENGE, id="no challenge"),
    pytest.param({"challenge": CHALLENGE + "="}, Flaw.CHALLENGE, id="a challenge with padding"),
    pytest.param({"after": b"\x00"}, Flaw.MALFORMED, id="trailing bytes"),
    pytest.param({"after": b"\xa0", "flags": SYNCED | 0x80}, None, id="extensions"),
    pytest.param({"after": b"\xa0\x00", "flags": SYNCED | 0x80}, Flaw.MALFORMED, id="more than extensions"),
    pytest.param({"after": b"\x80", "flags": SYNCED | 0x80}, Flaw.MALFORMED, id="extensions that are a list"),
    pytest.param({"flags": SYNCED | 0x80}, Flaw.MALFORMED, id="extensions that are missing"),
]


@pytest.mark.parametrize(("wrong", "flaw"), OF_ANY_CEREMONY)
def test_a_registration_must_be_ours(wrong: dict[str, Any], flaw: Flaw | None) -> None:
    if flaw is None:
        assert registered(phone(), **wrong)
    else:
        assert flaw_of_registration(phone(), **wrong) is flaw


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        *(case for case in OF_ANY_CEREMONY if case.id != "extensions"),
        pytest.param({"type": "webauthn.create"}, Flaw.TYPE, id="a registration"),
        pytest.param({"key": private_key(Algorithm.ES256)}, Flaw.SIGNATURE, id="signed with another key"),
        pytest.param({"key": private_key(Algorithm.RS256)}, Flaw.SIGNATURE, id="signed otherwise"),
        pytest.param({"signature": b""}, Flaw.SIGNATURE, id="not signed"),
        pytest.param({"signature": b"\x30\x06\x02\x01\x00\x02\x01\x00"}, Flaw.SIGNATURE, id="signed 0, 0"),
    ],
)
def test_an_assertion_must_be_ours(wrong: dict[str, Any], flaw: Flaw) -> None:
    assert flaw_of_assertion(**wrong) is flaw


@pytest.mark.parametrize("name", ["signature", "authenticatorData"])
def test_a_flipped_bit_is_noticed(name: str) -> None:
    device = phone()
    key = registered(device).public_key
    answer = json.loads(device.get(REQUEST))
    raw = bytearray(Assertion.read(json.dumps(answer)).signature if name == "signature" else b"")
    if name == "signature":
        raw[-1] ^= 1
        answer["response"][name] = b64(bytes(raw))
    else:
        raw = bytearray(Assertion.read(json.dumps(answer)).authenticator_data)
        raw[-1] ^= 1
        answer["response"][name] = b64(bytes(raw))
    with pytest.raises(Flawed) as raised:
        webauthn.verify_assertion(PARTY, Assertion.read(json.dumps(answer)), key)
    assert raised.value.flaw is Flaw.SIGNATURE


def test_a_signature_of_one_algorithm_is_none_of_another() -> None:
    device = phone()
    registered(device)
    answer = Assertion.read(device.get(REQUEST))
    rsa_key = cbor2.dumps(public_key(private_key(Algorithm.RS256)))
    with pytest.raises(Flawed) as raised:
        webauthn.verify_assertion(PARTY, answer, rsa_key)
    assert raised.value.flaw is Flaw.SIGNATURE


POINT = public_key(private_key(Algorithm.ES256))
RSA = public_key(private_key(Algorithm.RS256))
OKP = public_key(private_key(Algorithm.EDDSA))


def modulus(bits: int) -> bytes:
    return rsa.generate_private_key(65537, bits).public_key().public_numbers().n.to_bytes(bits // 8)


@pytest.mark.parametrize(
    "cose",
    [
        pytest.param({**RSA, 3: -65535}, id="RSA with SHA-1"),
        pytest.param({**RSA, 3: -37}, id="RSA-PSS"),
        pytest.param({**RSA, 3: -258}, id="RSA with SHA-384"),
        pytest.param({**POINT, 3: -35}, id="ECDSA with SHA-384"),
        pytest.param({**POINT, -3: b"\x01" * 32}, id="a point that is not on the curve"),
        pytest.param({**POINT, -2: b"", -3: b""}, id="no point"),
        pytest.param({**POINT, -2: "x"}, id="a coordinate that is a text"),
        pytest.param({**POINT, 3: -257}, id="a point said to be RSA"),
        pytest.param({**RSA, 3: -7}, id="RSA said to be a point"),
        pytest.param({**POINT, 1: 9}, id="no kind of key"),
        pytest.param({1: 2, 3: -7}, id="a key without a key"),
        pytest.param({}, id="an empty key"),
        pytest.param({**RSA, -1: modulus(1024)}, id="RSA of 1,024 bits"),
        pytest.param({**RSA, -1: b"\xff" * 1024}, id="RSA of 8,192 bits"),
        pytest.param({**RSA, -2: b"\x03"}, id="RSA with exponent 3"),
        pytest.param({**RSA, -2: b"\x02"}, id="RSA with an even exponent"),
        pytest.param({**OKP, -1: 4}, id="X25519"),
        pytest.param({**OKP, -2: b"\x00"}, id="a short Ed25519 key"),
    ],
)
def test_a_key_must_be_one_that_signs_as_it_says(cose: dict[int, Any]) -> None:
    assert flaw_of_registration(phone(), cose=cose) is Flaw.KEY


def test_a_point_of_another_curve_is_none_of_ours() -> None:
    numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 2, -2: numbers.x.to_bytes(48), -3: numbers.y.to_bytes(48)}
    assert flaw_of_registration(phone(), cose=cose) is Flaw.KEY


class TestAttestation:
    vendor = Vendor()
    trust = Trust((vendor.root_pem,), frozenset({MODEL}), is_required=True)

    def device(self, **of: Any) -> Authenticator:  # noqa: ANN401 - of the device
        return Authenticator(ORIGIN, **{"flags": UP | UV, "model": MODEL, "vendor": self.vendor, **of})

    def test_a_key_that_its_vendor_vouches_for_is_attested(self) -> None:
        assert registered(self.device(), self.trust).is_attested

    def test_nobody_vouches_where_nobody_is_trusted(self) -> None:
        assert not registered(self.device()).is_attested

    def test_every_model_of_a_root_counts_when_none_is_named(self) -> None:
        assert registered(self.device(model=OTHER_MODEL), Trust((self.vendor.root_pem,))).is_attested

    @pytest.mark.parametrize(
        "device",
        [
            pytest.param({"vendor": None}, id="none at all"),
            pytest.param({"vendor": Vendor()}, id="of a foreign root"),
            pytest.param({"model": OTHER_MODEL}, id="of a model that is not allowed"),
            pytest.param({"vendor": Vendor(unit="Sales")}, id="by a certificate for something else"),
        ],
    )
    def test_is_refused_where_it_is_required(self, device: dict[str, Any]) -> None:
        assert flaw_of_registration(self.device(**device), self.trust) is Flaw.ATTESTATION

    @pytest.mark.parametrize(
        "statement",
        [
            pytest.param({"fmt": "none"}, id="called none"),
            pytest.param({"fmt": "apple"}, id="of another format"),
            pytest.param({"attStmt": {}}, id="empty"),
            pytest.param({"attStmt": {"alg": -7, "sig": b"x"}}, id="by itself"),
            pytest.param({"attStmt": {"alg": -7, "sig": b"x", "x5c": [b"x"]}}, id="by no certificate"),
            pytest.param({"attStmt": {"alg": -7, "sig": b"x", "x5c": "x"}}, id="by a text"),
            pytest.param({"attStmt": {"alg": -7, "sig": 1, "x5c": vendor.chain(MODEL)}}, id="signed 1"),
            pytest.param({"attStmt": {"alg": -7, "sig": b"x", "x5c": vendor.chain(MODEL)}}, id="signed x"),
            pytest.param({"attStmt": {"sig": b"x", "x5c": vendor.chain(MODEL)}}, id="without an algorithm"),
            pytest.param({"attStmt": {"alg": -65535, "sig": b"x", "x5c": vendor.chain(MODEL)}}, id="SHA-1"),
        ],
    )
    def test_a_statement_that_proves_nothing_is_none(self, statement: dict[str, Any]) -> None:
        assert flaw_of_registration(self.device(), self.trust, statement=statement) is Flaw.ATTESTATION
        asked_for = Trust((self.vendor.root_pem,))
        assert not registered(self.device(), asked_for, statement=statement).is_attested

    def test_a_certificate_speaks_for_its_own_model_alone(self) -> None:
        """The library does not ask: without this every key of a vendor could call itself the best one."""
        device = self.device(vendor=_Liar(self.vendor))
        assert flaw_of_registration(device, self.trust) is Flaw.ATTESTATION

    def test_a_certificate_that_names_no_model_speaks_for_none(self) -> None:
        device = self.device(vendor=_Liar(self.vendor, model=None))
        assert flaw_of_registration(device, self.trust) is Flaw.ATTESTATION

    def test_an_authority_is_no_authenticator(self) -> None:
        vendor = Vendor(is_ca=True)
        trust = Trust((vendor.root_pem,), is_required=True)
        assert flaw_of_registration(self.device(vendor=vendor), trust) is Flaw.ATTESTATION

    def test_it_cannot_be_asked_for_without_anybody_to_trust(self) -> None:
        with pytest.raises(ValueError, match="root certificates"):
            Trust(is_required=True)
        with pytest.raises(ValueError, match="PEM"):
            Trust((b"no certificate",))


class _Liar(Vendor):
    """A vendor whose certificate is for another model than its keys say they are."""

    def __init__(self, honest: Vendor, model: UUID | None = OTHER_MODEL) -> None:
        super().__init__(key=honest.key, model_key=honest.model_key)
        self.other = model

    def chain(self, model: UUID | None) -> list[bytes]:
        assert model != self.other
        return super().chain(self.other)


def bomb(attestation: bytes) -> Flaw:
    began = time.perf_counter()
    found = flaw_of_registration(phone(), attestation=attestation)
    assert time.perf_counter() - began < 1
    return found


@pytest.mark.parametrize(
    "attestation",
    [
        pytest.param(b"\x00" * 1_000_000, id="a megabyte"),
        pytest.param(b"\x81" * 16_000, id="very deep"),
        pytest.param(b"\x9b\x7f" + b"\xff" * 7, id="a list without end"),
        pytest.param(b"\xbf\x63fmt\x64none\xff", id="indefinite length"),
        pytest.param(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b""}), id="nothing said"),
        pytest.param(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": "x"}), id="a text said"),
        pytest.param(cbor2.dumps({"fmt": 1, "attStmt": {}, "authData": b""}), id="a format that is a number"),
        pytest.param(cbor2.dumps({"fmt": "none", "attStmt": [], "authData": b""}), id="a list of statements"),
        pytest.param(cbor2.dumps([1]), id="a list"),
        pytest.param(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b""}) + b"\x00", id="trailing"),
        pytest.param(b"x", id="no CBOR"),
    ],
)
def test_rubbish_is_refused_and_quickly(attestation: bytes) -> None:
    assert bomb(attestation) is Flaw.MALFORMED


def test_no_other_credential_than_the_one_named_is_registered() -> None:
    device = phone()
    answer = json.loads(device.create(CREATION))
    answer["id"] = answer["rawId"] = b64(b"another")
    with pytest.raises(Flawed) as raised:
        webauthn.verify_registration(PARTY, Registration.read(json.dumps(answer)), Trust())
    assert raised.value.flaw is Flaw.MALFORMED


@pytest.mark.parametrize("length", [0, 1024])
def test_a_credential_id_has_a_sensible_length(length: int) -> None:
    device = phone()
    answer = json.loads(device.create(CREATION, credential_id=b"x" * length if length else None))
    if length == 0:
        answer["id"] = answer["rawId"] = ""
    with pytest.raises(Flawed) as raised:
        Registration.read(json.dumps(answer))
    assert raised.value.flaw is Flaw.MALFORMED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("", id="nothing"),
        pytest.param("[" * 60_000, id="very deep"),
        pytest.param("1" * 60_000, id="a very large number"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="empty"),
        pytest.param('{"id": 1, "rawId": 1, "type": "public-key", "response": {}}', id="a numeric id"),
        pytest.param('{"id": "AA", "rawId": "AB", "type": "public-key", "response": {}}', id="two ids"),
        pytest.param('{"id": "AA", "rawId": "AA", "type": "password", "response": {}}', id="a password"),
        pytest.param('{"id": "AA", "rawId": "AA", "type": "public-key", "response": []}', id="no response"),
        pytest.param(
            '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}', id="no client data"
        ),
        pytest.param('{"id": "+/", "rawId": "+/", "type": "public-key", "response": {}}', id="base64"),
        pytest.param('{"id": "A", "rawId": "A", "type": "public-key", "response": {}}', id="a lone letter"),
        pytest.param("\udcff", id="half a character"),
    ],
)
@pytest.mark.parametrize("kind", [Assertion, Registration])
def test_what_is_no_answer_is_malformed(kind: type[Assertion | Registration], answer: str) -> None:
    with pytest.raises(Flawed) as raised:
        kind.read(answer)
    assert raised.value.flaw is Flaw.MALFORMED


@pytest.mark.parametrize("client_data", [b"", b"\xff\xfe", b"[]", b"{", "\ufeff{}".encode(), b'{"a":' * 900])
def test_client_data_that_cannot_be_read_is_malformed(client_data: bytes) -> None:
    device = phone()
    answer = json.loads(device.create(CREATION))
    answer["response"]["clientDataJSON"] = b64(client_data)
    with pytest.raises(Flawed) as raised:
        Registration.read(json.dumps(answer))
    assert raised.value.flaw is Flaw.MALFORMED
