"""What the origin tells the issuer about a card reaches one browser, for a few minutes, unaltered."""

from dataclasses import replace
from datetime import timedelta

from idp.accounts.smartcard import CardProblem
from idp.services.keys import MasterKeys
from idp.web.smartcard_report import Report, seal, unseal
from tests.certificates import DAY, NOW

MASTERS = MasterKeys(b"m" * 32, b"p" * 32)
STATE = "A" * 43
FULL = Report(
    problem=CardProblem.REVOKED,
    reference="7F3K-2Q",
    made_at=NOW,
    issuer="Card CA",
    ending="9012",
    not_before=NOW - DAY,
    not_after=NOW + DAY,
    may_sign_in=True,
    authority="Card CA",
    verdict="revoked",
    username="918JSMITH01",
)


def test_a_report_arrives_as_it_was_made() -> None:
    assert unseal(MASTERS, seal(MASTERS, FULL, STATE), STATE, NOW) == FULL
    empty = Report(problem=None, reference="7F3K-2Q", made_at=NOW)
    assert unseal(MASTERS, seal(MASTERS, empty, STATE), STATE, NOW) == empty


def test_it_says_nothing_to_who_sees_the_address() -> None:
    sealed = seal(MASTERS, FULL, STATE)
    assert sealed.isascii()
    assert len(sealed) < 1000
    assert "918" not in sealed


def test_it_is_for_one_browser() -> None:
    assert unseal(MASTERS, seal(MASTERS, FULL, STATE), "B" * 43, NOW) is None


def test_it_lives_for_five_minutes() -> None:
    sealed = seal(MASTERS, FULL, STATE)
    last = NOW + timedelta(minutes=5) - timedelta(microseconds=1)
    assert unseal(MASTERS, sealed, STATE, last) == FULL
    assert unseal(MASTERS, sealed, STATE, NOW + timedelta(minutes=5)) is None
    assert unseal(MASTERS, sealed, STATE, NOW - timedelta(seconds=1)) is None


def test_nobody_makes_one_up() -> None:
    sealed = seal(MASTERS, FULL, STATE)
    others = MasterKeys(b"x" * 32, b"p" * 32)
    for made in ("", "x", "é", sealed[:-4], "B" + sealed[1:], sealed + "A" * 5000, sealed[:100] + "!!!!"):
        assert unseal(MASTERS, made, STATE, NOW) is None
    assert unseal(MASTERS, seal(others, FULL, STATE), STATE, NOW) is None
    assert unseal(MASTERS, sealed, STATE, NOW) == replace(FULL)
