"""A revocation list counts when its authority signed it, all of it, and no newer one is known."""

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509 as crypto
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from idp.services import crl
from idp.services.crl import CrlProblem, RevocationList
from tests.certificates import DAY, NOW, Authority, Extension, a_key, a_name, usage

ROOT = Authority.root()
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def read(text: bytes, authority: Authority = ROOT) -> RevocationList:
    found = crl.read(text, authority.der, NOW)
    assert isinstance(found, RevocationList), found
    return found


def part(**held: object) -> Extension:
    """What narrows a list down."""
    nothing = {"full_name": None, "relative_name": None, "only_some_reasons": None}
    flags = ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl")
    options: dict[str, Any] = {**nothing, **dict.fromkeys(flags, False), **held}
    return crypto.IssuingDistributionPoint(**options, only_contains_attribute_certs=False), True


def refused(text: bytes, authority: Authority = ROOT) -> CrlProblem:
    found = crl.read(text, authority.der, NOW)
    assert isinstance(found, CrlProblem)
    return found


class TestAListOfTheAuthority:
    def test_names_the_cards_that_are_revoked(self) -> None:
        lost, kept = ROOT.card(), ROOT.card()

        found = read(ROOT.crl([lost], number=41))

        assert (found.number, found.this_update, found.next_update) == (41, NOW - HOUR, NOW + DAY)
        assert found.is_revoked(lost.certificate.serial_number)
        assert not found.is_revoked(kept.certificate.serial_number)
        assert len(found) == 1

    def test_may_be_text(self) -> None:
        der = ROOT.crl(number=2)
        pem = crypto.load_der_x509_crl(der).public_bytes(Encoding.PEM)
        assert read(pem).number == 2

    def test_may_be_empty_or_out_of_date(self) -> None:
        assert len(read(ROOT.crl())) == 0
        assert read(ROOT.crl(until=NOW - MINUTE)).next_update == NOW - MINUTE

    def test_of_many_cards_answers_at_once(self) -> None:
        entry = crypto.RevokedCertificateBuilder(revocation_date=NOW)
        revoked = [entry.serial_number(serial).build() for serial in range(1, 20_001)]
        builder = crypto.CertificateRevocationListBuilder(
            ROOT.certificate.subject,
            NOW - HOUR,
            NOW + DAY,
            [crypto.Extension(crypto.CRLNumber.oid, critical=False, value=crypto.CRLNumber(1))],
            revoked,
        )
        found = read(builder.sign(ROOT.key, hashes.SHA256()).public_bytes(Encoding.DER))

        started = time.perf_counter()
        assert found.is_revoked(20_000)
        assert not found.is_revoked(20_001)
        assert time.perf_counter() - started < 0.5


class TestAListIsRefused:
    def test_that_somebody_else_signed(self) -> None:
        assert refused(ROOT.crl(key=a_key())) is CrlProblem.UNSIGNED

    def test_whose_entries_were_altered(self) -> None:
        lost = ROOT.card(serial=0x1122334455667788)
        der = ROOT.crl([lost]).replace(
            b"\x11\x22\x33\x44\x55\x66\x77\x88", b"\x11\x22\x33\x44\x55\x66\x77\x89"
        )
        assert refused(der) is CrlProblem.UNSIGNED

    def test_of_another_authority(self) -> None:
        assert refused(Authority.root("Another CA").crl()) is CrlProblem.FOREIGN
        assert refused(ROOT.crl(issuer=a_name("Another CA"))) is CrlProblem.FOREIGN

    def test_of_an_authority_that_may_not_sign_lists(self) -> None:
        mute = Authority.root("Mute CA", extensions={"usage": (usage(key_cert_sign=True), True)})
        assert refused(mute.crl(), mute) is CrlProblem.UNSIGNED

    def test_with_a_weak_digest(self) -> None:
        assert refused(ROOT.crl(algorithm=hashes.SHA224())) is CrlProblem.WEAK

    @pytest.mark.parametrize(
        "extensions",
        [
            pytest.param([(crypto.DeltaCRLIndicator(1), True)], id="a delta"),
            pytest.param([(crypto.DeltaCRLIndicator(1), False)], id="a delta that hides it"),
            pytest.param(
                [(crypto.UnrecognizedExtension(crypto.ObjectIdentifier("1.3.6.1.4.1.99999.3"), b""), True)],
                id="something that must be understood",
            ),
            pytest.param([part(only_contains_ca_certs=True)], id="authorities alone"),
            pytest.param(
                [part(only_some_reasons=frozenset({crypto.ReasonFlags.key_compromise}))],
                id="some reasons alone",
            ),
            pytest.param([part(indirect_crl=True)], id="entries of other issuers"),
        ],
    )
    def test_that_is_only_a_part(self, extensions: Iterable[Extension]) -> None:
        assert refused(ROOT.crl(extensions=extensions)) is CrlProblem.PARTIAL

    def test_unless_the_part_is_that_of_people(self) -> None:
        people = part(only_contains_user_certs=True)
        assert read(ROOT.crl(number=3, extensions=[people])).number == 3

    def test_without_a_number(self) -> None:
        assert refused(ROOT.crl(number=None)) is CrlProblem.UNNUMBERED

    def test_made_in_the_future(self) -> None:
        assert read(ROOT.crl(at=NOW + 5 * MINUTE)).number == 1
        assert refused(ROOT.crl(at=NOW + 6 * MINUTE)) is CrlProblem.EARLY

    @pytest.mark.parametrize(
        "text", [b"", b"<html>", bytes(1000), b"-----BEGIN X509 CRL-----\n", b"\x30\x80" * 5000]
    )
    def test_that_is_none(self, text: bytes) -> None:
        assert refused(text) is CrlProblem.MALFORMED

    def test_that_is_enormous(self) -> None:
        assert refused(bytes(10 * 1024 * 1024 + 1)) is CrlProblem.MALFORMED


@pytest.mark.parametrize(
    ("number", "made", "is_newer"),
    [
        pytest.param(8, HOUR, True, id="the next"),
        pytest.param(7, HOUR, True, id="the same number, made later"),
        pytest.param(7, 0 * HOUR, True, id="the same"),
        pytest.param(6, HOUR, False, id="a lower number"),
        pytest.param(8, -HOUR, False, id="made before"),
    ],
)
def test_nobody_rolls_a_list_back(number: int, made: timedelta, is_newer: bool) -> None:
    before = NOW - 2 * HOUR
    new = read(ROOT.crl(number=number, at=before + made))
    assert crl.replaces(new, 7, before) is is_newer


def test_every_problem_has_a_sentence() -> None:
    assert set(crl.WORDS) == set(CrlProblem)
