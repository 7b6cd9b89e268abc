"""The cookie that says who has signed in here before."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from idp.accounts.known_device import KnownDevices
from idp.policy.lifetime import Lifetimes

DEVICES = KnownDevices(b"k" * 32, Lifetimes())
ALICE, BOB = UUID(int=1), UUID(int=2)


def test_a_browser_knows_who_signed_in_there_and_nobody_else(now: datetime) -> None:
    cookie = DEVICES.after_sign_in(None, ALICE, now)
    assert DEVICES.knows(cookie, ALICE, now)
    assert not DEVICES.knows(cookie, BOB, now)
    both = DEVICES.after_sign_in(cookie, BOB, now)
    assert DEVICES.knows(both, ALICE, now)
    assert DEVICES.knows(both, BOB, now)


def test_a_person_is_forgotten_after_180_days_without_a_sign_in(now: datetime) -> None:
    cookie = DEVICES.after_sign_in(None, ALICE, now)
    assert DEVICES.knows(cookie, ALICE, now + timedelta(days=179, hours=23))
    assert not DEVICES.knows(cookie, ALICE, now + timedelta(days=180))
    renewed = DEVICES.after_sign_in(cookie, ALICE, now + timedelta(days=100))
    assert DEVICES.knows(renewed, ALICE, now + timedelta(days=279))


def test_of_more_than_twenty_people_the_longest_unseen_is_forgotten(now: datetime) -> None:
    cookie: str | None = None
    for number in range(1, 22):
        cookie = DEVICES.after_sign_in(cookie, UUID(int=number), now + timedelta(minutes=number))
    later = now + timedelta(hours=1)
    assert not DEVICES.knows(cookie, UUID(int=1), later)
    assert all(DEVICES.knows(cookie, UUID(int=number), later) for number in range(2, 22))
    assert cookie is not None
    assert len(cookie) < 400, "a cookie has little room"


def test_no_cookie_is_longer_for_who_signs_in_often(now: datetime) -> None:
    once = DEVICES.after_sign_in(None, ALICE, now)
    assert len(DEVICES.after_sign_in(once, ALICE, now)) == len(once)


def test_the_cookie_names_nobody(now: datetime) -> None:
    cookie = DEVICES.after_sign_in(None, ALICE, now)
    assert ALICE.bytes not in urlsafe_b64decode(cookie + "==")


def test_a_changed_cookie_is_worth_nothing(now: datetime) -> None:
    cookie = DEVICES.after_sign_in(None, ALICE, now)
    value = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    for position in range(len(value)):
        changed = bytearray(value)
        changed[position] ^= 1
        assert not DEVICES.knows(urlsafe_b64encode(changed).rstrip(b"=").decode(), ALICE, now)


@pytest.mark.parametrize("cookie", [None, "", "x", "%%%", "AAAA", "A" * 43, "A" * 5000, "é" * 60, "\ud800"])
def test_what_we_did_not_write_is_no_cookie(cookie: str | None, now: datetime) -> None:
    assert not DEVICES.knows(cookie, ALICE, now)
    assert DEVICES.knows(DEVICES.after_sign_in(cookie, ALICE, now), ALICE, now)


def test_another_installation_s_cookie_is_worth_nothing(now: datetime) -> None:
    theirs = KnownDevices(b"x" * 32, Lifetimes()).after_sign_in(None, ALICE, now)
    assert not DEVICES.knows(theirs, ALICE, now)
