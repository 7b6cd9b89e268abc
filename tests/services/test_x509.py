"""A certificate signs in when an authority we believe gave it, for that use, at that time."""

import socket
import time
import uuid
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography import x509 as crypto
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from idp.policy.card_number import NumberFrom
from idp.services import x509
from idp.services.x509 import Problem, Verified
from tests.certificates import CARD_NUMBER, CLIENT_AUTH, DAY, NOW, Authority, Card, a_name, usage

ROOT = Authority.root()
ROOT_ID = uuid.UUID("50000000-0000-4000-8000-000000000001")
SUB = ROOT.intermediate()
SUB_ID = uuid.UUID("50000000-0000-4000-8000-000000000002")
OTHER = Authority.root("Another CA")
SECOND = timedelta(seconds=1)
UPN = crypto.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def verify(
    card: Card | tuple[bytes, ...],
    *authorities: Authority,
    at: datetime = NOW,
    number_from: NumberFrom = NumberFrom.SUBJECT_SERIAL_NUMBER,
) -> Verified | Problem:
    ids = {ROOT.der: ROOT_ID, SUB.der: SUB_ID}
    believed = [x509.Authority(ids.get(each.der, uuid.uuid4()), each.der) for each in authorities or (ROOT,)]
    return x509.verify(card.chain if isinstance(card, Card) else card, believed, at, number_from)


def upn(text: bytes) -> crypto.SubjectAlternativeName:
    return crypto.SubjectAlternativeName([crypto.OtherName(UPN, bytes([0x0C, len(text)]) + text)])


class TestARightCard:
    def test_is_verified_with_its_issuer_serial_and_number(self) -> None:
        card = ROOT.card(serial=0x0123456789ABCDEF)

        assert verify(card) == Verified(
            authority_id=ROOT_ID,
            serial="123456789abcdef",
            card_number="123456789012",
            not_after=NOW + 364 * DAY,
            path=(x509.Issued(0x0123456789ABCDEF, ROOT_ID),),
        )

    def test_may_bring_the_authorities_between(self) -> None:
        verified = verify(SUB.card())

        assert isinstance(verified, Verified)
        assert verified.authority_id is None
        assert [each.authority_id for each in verified.path] == [None, ROOT_ID]

    def test_needs_to_bring_nothing_when_its_issuer_is_believed_and_the_root_still_has_a_say(self) -> None:
        card = SUB.card()

        verified = verify((card.der,), SUB, ROOT)

        assert isinstance(verified, Verified)
        assert verified.authority_id == SUB_ID
        assert verified.path == (
            x509.Issued(card.certificate.serial_number, SUB_ID),
            x509.Issued(SUB.certificate.serial_number, ROOT_ID),
        )

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param(lambda: ec.generate_private_key(ec.SECP384R1()), id="P-384"),
            pytest.param(lambda: rsa.generate_private_key(65_537, 2048), id="RSA 2048"),
        ],
    )
    def test_may_have_any_key_that_is_strong(self, key: Callable[[], object]) -> None:
        assert isinstance(verify(ROOT.card(key=key(), algorithm=hashes.SHA512())), Verified)

    def test_is_valid_to_the_second(self) -> None:
        card = ROOT.card(begins=NOW - DAY, lasts=2 * DAY)

        assert isinstance(verify(card, at=NOW - DAY), Verified)
        assert isinstance(verify(card, at=NOW + DAY), Verified)
        assert verify(card, at=NOW - DAY - SECOND) is Problem.NOT_YET_VALID
        assert verify(card, at=NOW + DAY + SECOND) is Problem.EXPIRED


class TestAStranger:
    def test_signs_for_himself(self) -> None:
        itself = Authority.root("Jane Smith", extensions={"basic": None})
        assert verify((itself.der,)) is Problem.UNTRUSTED

    def test_calls_himself_like_an_authority_we_believe(self) -> None:
        impostor = Authority.root("Card CA")
        assert verify(impostor.card()) is Problem.UNTRUSTED
        assert verify((impostor.card().der, impostor.der)) is Problem.UNTRUSTED

    def test_comes_from_an_authority_we_do_not_believe(self) -> None:
        assert verify(OTHER.card()) is Problem.UNTRUSTED

    def test_is_told_nothing_more_of_a_card_that_is_also_old_or_wrong(self) -> None:
        assert verify(OTHER.card(lasts=DAY / 2)) is Problem.UNTRUSTED
        assert verify(OTHER.card(extensions={"extended": None})) is Problem.UNTRUSTED

    def test_lacks_the_authority_between(self) -> None:
        assert verify((SUB.card().der,)) is Problem.UNTRUSTED

    def test_uses_a_card_as_if_it_were_an_authority(self) -> None:
        card = ROOT.card()
        made = Authority(card.certificate, card.key).card()
        assert verify((made.der, card.der)) is Problem.UNTRUSTED

    def test_is_an_authority_itself(self) -> None:
        extensions = {"extended": (crypto.ExtendedKeyUsage([CLIENT_AUTH]), False)}
        wide = usage(digital_signature=True, key_cert_sign=True)
        authority = ROOT.intermediate(extensions={**extensions, "usage": (wide, True)})
        assert verify((authority.der,)) is Problem.WRONG_USE
        assert verify((ROOT.der,)) is Problem.UNTRUSTED

    def test_was_certified_by_an_authority_that_may_not_sign(self) -> None:
        mute = ROOT.intermediate(extensions={"usage": (usage(crl_sign=True), True)})
        assert verify(mute.card()) is Problem.UNTRUSTED

    def test_was_certified_by_an_authority_for_servers(self) -> None:
        uses = crypto.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        assert verify(ROOT.intermediate(extensions={"x": (uses, False)}).card()) is Problem.UNTRUSTED

    @pytest.mark.parametrize("critical", [True, False])
    def test_was_certified_outside_the_names_its_authority_is_held_to(self, critical: bool) -> None:
        for held in (
            crypto.DNSName("cards.example"),
            crypto.DirectoryName(a_name("Elsewhere")),
        ):
            constraints = crypto.NameConstraints([held], None)
            narrow = ROOT.intermediate(extensions={"names": (constraints, critical)})
            alternative = crypto.SubjectAlternativeName([crypto.DNSName("evil.example")])
            card = narrow.card(extensions={"alternative": (alternative, False)})
            assert verify(card) is Problem.UNTRUSTED

    def test_was_certified_further_down_than_the_path_may_go(self) -> None:
        assert verify(ROOT.intermediate(path_length=0).intermediate("Below").card()) is Problem.UNTRUSTED

    def test_was_certified_by_an_authority_that_has_expired(self) -> None:
        assert verify(ROOT.intermediate(lasts=DAY / 2).card()) is Problem.UNTRUSTED
        old = Authority.root("Old CA", lasts=DAY / 2)
        assert verify(old.card(), old) is Problem.UNTRUSTED

    def test_brings_an_extension_that_must_be_understood_and_is_not(self) -> None:
        unknown = crypto.UnrecognizedExtension(crypto.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
        assert verify(ROOT.card(extensions={"unknown": (unknown, True)})) is Problem.UNTRUSTED

    def test_is_refused_while_nobody_is_believed(self) -> None:
        assert x509.verify(ROOT.card().chain, [], NOW, NumberFrom.NOWHERE) is Problem.UNTRUSTED


class TestTheUse:
    @pytest.mark.parametrize(
        "uses",
        [
            pytest.param([ExtendedKeyUsageOID.SERVER_AUTH], id="a server's"),
            pytest.param([ExtendedKeyUsageOID.EMAIL_PROTECTION], id="mail of the right person"),
            pytest.param([ExtendedKeyUsageOID.SMARTCARD_LOGON], id="logging in to Windows alone"),
            pytest.param([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], id="anything at all"),
        ],
    )
    def test_must_be_client_authentication(self, uses: list[crypto.ObjectIdentifier]) -> None:
        card = ROOT.card(extensions={"extended": (crypto.ExtendedKeyUsage(uses), False)})
        assert verify(card) is Problem.WRONG_USE

    def test_must_be_said(self) -> None:
        assert verify(ROOT.card(extensions={"extended": None})) is Problem.WRONG_USE
        assert verify(ROOT.card(extensions={"usage": None})) is Problem.WRONG_USE

    def test_may_be_more_than_one(self) -> None:
        uses = crypto.ExtendedKeyUsage([ExtendedKeyUsageOID.SMARTCARD_LOGON, CLIENT_AUTH])
        assert isinstance(verify(ROOT.card(extensions={"extended": (uses, True)})), Verified)

    def test_must_be_signing(self) -> None:
        encrypts = usage(key_encipherment=True, key_agreement=True)
        assert verify(ROOT.card(extensions={"usage": (encrypts, True)})) is Problem.WRONG_USE


class TestWhatIsTooWeakOrTooMuch:
    @pytest.mark.parametrize(
        "key",
        [
            pytest.param(lambda: rsa.generate_private_key(65_537, 1024), id="RSA 1024"),  # noqa: S505 - the point
            pytest.param(lambda: rsa.generate_private_key(3, 2048), id="exponent 3"),
            pytest.param(lambda: ec.generate_private_key(ec.SECP521R1()), id="P-521"),
            pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="secp256k1"),
            pytest.param(lambda: ec.generate_private_key(ec.SECP192R1()), id="P-192"),
            pytest.param(ed25519.Ed25519PrivateKey.generate, id="Ed25519"),
        ],
    )
    def test_a_key_that_we_do_not_accept(self, key: Callable[[], object]) -> None:
        assert verify(ROOT.card(key=key())) is Problem.WEAK

    def test_an_enormous_key_at_once(self) -> None:
        """The modulus is any number: nobody has to find primes for us to be asked to compute with it."""
        numbers = rsa.RSAPublicNumbers(65_537, (1 << 16_383) | 1)

        class Enormous:
            def public_key(self) -> rsa.RSAPublicKey:
                return numbers.public_key()

        card = ROOT.card(key=Enormous())
        started = time.perf_counter()
        assert verify(card) is Problem.WEAK
        assert time.perf_counter() - started < 1

    def test_a_weak_digest(self) -> None:
        assert verify(ROOT.card(algorithm=hashes.SHA224())) is Problem.WEAK

    @pytest.mark.parametrize("last", [0x04, 0x05], ids=["MD5", "SHA-1"])
    def test_a_broken_digest(self, last: int) -> None:
        signer = Authority.root("RSA CA", key=rsa.generate_private_key(65_537, 2048))
        sha256, broken = (b64decode("KoZIhvcNAQEL"), b64decode("KoZIhvcNAQE=") + bytes([last]))
        forged = signer.card().der.replace(sha256, broken)
        assert verify((forged,), signer) is Problem.WEAK

    def test_a_weak_authority_between(self) -> None:
        weak = ROOT.intermediate(key=ec.generate_private_key(ec.SECP521R1()))
        assert verify(weak.card()) is Problem.WEAK

    def test_more_certificates_than_a_path_has(self) -> None:
        card = ROOT.card()
        assert isinstance(verify((card.der, *[OTHER.der] * 4)), Verified)
        assert verify((card.der, *[OTHER.der] * 5)) is Problem.MALFORMED
        assert verify((card.der, *[OTHER.der] * 49)) is Problem.MALFORMED
        assert verify(()) is Problem.MALFORMED

    def test_a_large_certificate_is_never_parsed(self) -> None:
        filler = crypto.UnrecognizedExtension(crypto.ObjectIdentifier("1.3.6.1.4.1.99999.2"), bytes(7000))
        assert isinstance(verify(ROOT.card(extensions={"filler": (filler, False)})), Verified)
        filler = crypto.UnrecognizedExtension(crypto.ObjectIdentifier("1.3.6.1.4.1.99999.2"), bytes(100_000))
        assert verify(ROOT.card(extensions={"filler": (filler, False)})) is Problem.MALFORMED

    @pytest.mark.parametrize(
        "der",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"\x30\x80\x00\x00", id="indefinite length"),
            pytest.param(b"\x30\x84\xff\xff\xff\xff" + bytes(100), id="longer than it is"),
            pytest.param(b"\x30\x82\x1f\x00" * 2000, id="deeply nested"),
            pytest.param(b"-----BEGIN CERTIFICATE-----\n", id="text"),
            pytest.param(bytes(8192), id="zeros"),
        ],
    )
    def test_what_is_no_certificate(self, der: bytes) -> None:
        started = time.perf_counter()
        assert verify((der,)) is Problem.MALFORMED
        assert verify((ROOT.card().der, der)) is Problem.MALFORMED
        assert x509.describe(der, NumberFrom.SAN_UPN) is None
        assert time.perf_counter() - started < 1

    def test_a_certificate_with_something_behind_it(self) -> None:
        assert verify((ROOT.card().der + b"\x00",)) is Problem.MALFORMED

    def test_damage_anywhere_is_refused_and_breaks_nothing(self) -> None:
        der = SUB.card().der
        for at in range(0, len(der), 7):
            damaged = der[:at] + bytes([der[at] ^ 0xFF]) + der[at + 1 :]
            assert isinstance(verify((damaged, SUB.der)), Problem), at


class TestTheCardNumber:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("123456789012", "123456789012"),
            ("12345678901", None),
            ("1234567890123", None),
            ("123456789012\n", None),
            ("١٢٣٤٥٦٧٨٩٠١٢", None),
            ("123456789012\0", None),
            ("12345678901a", None),
        ],
    )
    def test_is_twelve_digits_and_nothing_else(self, text: str, number: str | None) -> None:
        verified = verify(ROOT.card(text))
        assert isinstance(verified, Verified)
        assert verified.card_number == number

    @pytest.mark.parametrize(
        "name",
        [
            pytest.param(a_name("123456789012"), id="a common name"),
            pytest.param(a_name("serialNumber=123456789012"), id="in words"),
            pytest.param(a_name("Jane,2.5.4.5=123456789012"), id="behind a comma"),
            pytest.param(a_name("Jane\0 2.5.4.5=123456789012"), id="behind a NUL"),
            pytest.param(
                a_name("Jane", (NameOID.SERIAL_NUMBER, CARD_NUMBER), (NameOID.SERIAL_NUMBER, "210987654321")),
                id="twice",
            ),
            pytest.param(a_name("Jane", (NameOID.USER_ID, CARD_NUMBER)), id="elsewhere"),
        ],
    )
    def test_stands_in_one_place_once(self, name: crypto.Name) -> None:
        verified = verify(ROOT.card(name=name))
        assert isinstance(verified, Verified)
        assert verified.card_number is None

    def test_is_found_in_a_relative_name_of_several_values(self) -> None:
        both = crypto.RelativeDistinguishedName(
            [
                crypto.NameAttribute(NameOID.COMMON_NAME, "Jane, Smith+Co"),
                crypto.NameAttribute(NameOID.SERIAL_NUMBER, CARD_NUMBER),
            ]
        )
        verified = verify(ROOT.card(name=crypto.Name([both])))
        assert isinstance(verified, Verified)
        assert verified.card_number == CARD_NUMBER

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            (b"123456789012", "123456789012"),
            (b"123456789012@cards.example", "123456789012"),
            (b"x123456789012@cards.example", None),
            (b"\xff\xfe", None),
        ],
    )
    def test_may_be_configured_to_be_a_user_principal_name(self, text: bytes, number: str | None) -> None:
        card = ROOT.card("210987654321", extensions={"alternative": (upn(text), False)})

        verified = verify(card, number_from=NumberFrom.SAN_UPN)

        assert isinstance(verified, Verified)
        assert verified.card_number == number

    def test_is_none_where_two_principal_names_are(self) -> None:
        names = crypto.SubjectAlternativeName([*upn(b"123456789012"), *upn(b"210987654321")])
        verified = verify(
            ROOT.card(extensions={"alternative": (names, False)}), number_from=NumberFrom.SAN_UPN
        )
        assert isinstance(verified, Verified)
        assert verified.card_number is None

    def test_may_be_none_at_all(self) -> None:
        verified = verify(ROOT.card(), number_from=NumberFrom.NOWHERE)
        assert isinstance(verified, Verified)
        assert verified.card_number is None


def test_no_address_in_a_certificate_is_ever_visited(monkeypatch: pytest.MonkeyPatch) -> None:
    canary = crypto.UniformResourceIdentifier("http://127.0.0.1:9/canary")
    access = crypto.AuthorityInformationAccess(
        [
            crypto.AccessDescription(AuthorityInformationAccessOID.OCSP, canary),
            crypto.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, canary),
        ]
    )
    points = crypto.CRLDistributionPoints([crypto.DistributionPoint([canary], None, None, None)])
    visited: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: visited.append(address))

    verified = verify(ROOT.card(extensions={"access": (access, False), "points": (points, False)}))

    assert isinstance(verified, Verified)
    assert visited == []


class TestReading:
    def test_a_card_tells_its_holder_what_it_is(self) -> None:
        assert x509.describe(SUB.card().der, NumberFrom.SUBJECT_SERIAL_NUMBER) == x509.Described(
            issuer="Issuing CA",
            card_number="123456789012",
            not_before=NOW - DAY,
            not_after=NOW + 364 * DAY,
            may_sign_in=True,
        )

    def test_what_an_issuer_calls_itself_is_cut_and_cleaned(self) -> None:
        loud = Authority.root("Evil\r\n\x1b[31m" + "A" * 50)
        described = x509.describe(loud.card().der, NumberFrom.NOWHERE)
        assert described is not None
        assert described.issuer == "Evil[31m" + "A" * 50

    def test_an_authority_is_read_from_pem_or_der(self) -> None:
        assert x509.read_authority(ROOT.pem, NOW) == ROOT.der
        assert x509.read_authority(ROOT.der, NOW) == ROOT.der

    def test_what_is_no_sound_authority_is_refused(self) -> None:
        mute = Authority.root("Mute CA", extensions={"usage": (usage(crl_sign=True), True)})
        weak = Authority.root("Weak CA", key=ec.generate_private_key(ec.SECP521R1()))
        assert x509.read_authority(ROOT.card().pem, NOW) is Problem.WRONG_USE
        assert x509.read_authority(mute.pem, NOW) is Problem.WRONG_USE
        assert x509.read_authority(weak.pem, NOW) is Problem.WEAK
        assert x509.read_authority(ROOT.pem, NOW + 4000 * DAY) is Problem.EXPIRED
        assert x509.read_authority(ROOT.pem, NOW - 2 * DAY) is Problem.NOT_YET_VALID
        assert x509.read_authority(b"no certificate", NOW) is Problem.MALFORMED
        assert x509.read_authority(bytes(100_000), NOW) is Problem.MALFORMED

    def test_a_card_is_read_from_pem_or_der(self) -> None:
        card = ROOT.card()
        assert x509.read_card(card.pem) == card.der
        assert x509.read_card(card.certificate.public_bytes(Encoding.DER)) == card.der
        assert x509.read_card(b"no certificate") is None
        assert x509.read_card(bytes(100_000)) is None
