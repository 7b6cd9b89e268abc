"""Guessing over HTTP: how often it is heard, whom it stops and whom it does not."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network

import pytest
from werkzeug.test import TestResponse

from idp.db import account, attempt
from idp.db.attempt import Bucket
from idp.web.address import UNKNOWN
from tests.site import PASSWORD, Site, Visitor, received
from tests.web.conftest import Build
from tests.web.forms import cookies_set, form_of, heading, login_page

WRONG = "Wrong.Horse.Lamp19"
PROXY = "10.0.0.1"


class Guesser:
    """Someone in front of the login page."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.action, self.hidden = form_of(login_page(visitor, prompt="login"))

    def guess(
        self,
        username: str = "918JSMITH01",
        password: str = WRONG,
        *,
        peer: str = "192.0.2.7",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        return self.visitor.post(
            self.action,
            {**self.hidden, "username": username, "password": password},
            environ_overrides={"REMOTE_ADDR": peer},
            headers=dict(headers or {}),
        )


def guesses_left(site: Site, n: int, bucket: Bucket = Bucket.UNKNOWN) -> None:
    """So many guesses were heard at JSMITH01 already, each after its wait."""
    attempts = site.provider.sign_in.attempts
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        for _ in range(n):
            whose = attempts.of_person(found.person_id)
            assert attempt.count(connection, attempts.rule, whose, "password", bucket, site.clock.now())
            site.clock.advance(timedelta(minutes=15))


def test_the_sixth_guess_is_heard_and_the_seventh_waits_30_seconds(site: Site) -> None:
    stranger = Guesser(site.browser())
    assert [stranger.guess().status_code for _ in range(6)] == [422] * 6
    assert stranger.guess(password=PASSWORD).status_code == 422
    site.clock.advance(timedelta(seconds=29))
    assert stranger.guess(password=PASSWORD).status_code == 422
    site.clock.advance(timedelta(seconds=1))
    assert stranger.guess(password=PASSWORD).status_code == 303


def test_strangers_never_shut_out_the_owner_at_a_known_device(site: Site) -> None:
    owner = site.browser()
    owner.sign_in_to()
    guesses_left(site, 80)
    site.clock.advance(timedelta(days=30))
    assert Guesser(site.browser()).guess(password=PASSWORD).status_code == 422

    assert "code" in owner.sign_in_to(prompt="login")
    assert Guesser(site.browser()).guess(password=PASSWORD).status_code == 303


def test_a_known_device_gives_its_own_bucket_and_no_more(site: Site) -> None:
    owner = site.browser()
    owner.sign_in_to()
    guesses_left(site, 20, Bucket.KNOWN)
    site.clock.advance(timedelta(days=30))
    assert Guesser(owner).guess(password=PASSWORD).status_code == 422
    assert Guesser(site.browser()).guess(password=PASSWORD).status_code == 303


def test_a_colleague_s_device_is_a_stranger_s(site: Site) -> None:
    site.add_account("918JDOE01")
    colleague = site.browser()
    colleague.sign_in_to(username="918JDOE01")
    guesses_left(site, 80)
    assert Guesser(colleague).guess(password=PASSWORD).status_code == 422


def test_a_device_cookie_that_was_tampered_with_knows_nobody(site: Site) -> None:
    owner = site.browser()
    cookie = _device_cookie(owner)
    guesses_left(site, 80)
    stranger = site.browser()
    changed = ("A" if cookie[0] != "A" else "B") + cookie[1:]
    stranger.browser.set_cookie("__Host-dev", changed, domain="id.example.nhs.uk", secure=True)
    assert Guesser(stranger).guess(password=PASSWORD).status_code == 422
    stranger.browser.set_cookie("__Host-dev", cookie, domain="id.example.nhs.uk", secure=True)
    assert Guesser(stranger).guess(password=PASSWORD).status_code == 303


def _device_cookie(visitor: Visitor) -> str:
    page = login_page(visitor)
    signed_in = visitor.submit(page, username="918JSMITH01", password=PASSWORD)
    return cookies_set(signed_in)["__Host-dev"]["value"]


def test_a_known_device_is_forgotten_after_180_days(site: Site) -> None:
    owner = site.browser()
    owner.sign_in_to()
    site.clock.advance(timedelta(days=180))
    guesses_left(site, 80)
    assert Guesser(owner).guess(password=PASSWORD).status_code == 422


def test_an_address_that_failed_at_twenty_names_is_stopped_and_says_for_how_long(site: Site) -> None:
    sprayer = Guesser(site.browser())
    for number in range(20):
        assert sprayer.guess(f"918NOBODY{number:02}").status_code == 422
    before = site.provider.sign_in.hasher.verifications
    stopped = sprayer.guess(password=PASSWORD)
    assert (stopped.status_code, heading(stopped)) == (429, "Too many tries from this network")
    assert stopped.headers["Retry-After"] == "600"
    assert not stopped.headers.getlist("Set-Cookie")
    assert site.provider.sign_in.hasher.verifications == before
    assert Guesser(site.browser()).guess(password=PASSWORD, peer="192.0.2.8").status_code == 303
    site.clock.advance(timedelta(seconds=600))
    assert Guesser(site.browser()).guess(password=PASSWORD).status_code == 303


def test_failing_often_at_one_name_stops_no_address(build: Build) -> None:
    site = build(failed_names_per_ten_minutes=2)
    stranger = Guesser(site.browser())
    for _ in range(5):
        assert stranger.guess("918NOBODY01").status_code == 422
    assert stranger.guess(password=PASSWORD).status_code == 303


def test_an_address_that_is_stopped_still_lets_the_owner_in_at_a_known_device(build: Build) -> None:
    site = build(failed_names_per_ten_minutes=2)
    owner = site.browser()
    owner.sign_in_to()
    sprayer = Guesser(site.browser())
    for number in range(3):
        last = sprayer.guess(f"918NOBODY{number:02}", peer=UNKNOWN)
    assert last.status_code == 429
    assert "code" in owner.sign_in_to(prompt="login")


def test_a_trusted_network_has_ten_times_the_limits(build: Build) -> None:
    site = build(failed_names_per_ten_minutes=1, trusted_networks=(ip_network("198.51.100.0/24"),))
    inside, outside = Guesser(site.browser()), Guesser(site.browser())
    for number in range(10):
        assert inside.guess(f"918NOBODY{number:02}", peer="198.51.100.9").status_code == 422
    assert inside.guess(peer="198.51.100.9").status_code == 429
    assert outside.guess("918NOBODY01").status_code == 422
    assert outside.guess().status_code == 429


def test_an_address_may_try_sixty_times_a_minute(build: Build) -> None:
    site = build(sign_ins_per_minute=3)
    stranger = Guesser(site.browser())
    assert [stranger.guess().status_code for _ in range(4)] == [422, 422, 422, 429]
    stopped = stranger.guess()
    assert 1 <= int(stopped.headers["Retry-After"]) <= 61
    site.clock.advance(timedelta(seconds=int(stopped.headers["Retry-After"])))
    assert stranger.guess().status_code == 422


@pytest.mark.parametrize(
    ("proxies", "hops"),
    [
        pytest.param((), ("203.0.113.{}",), id="a stranger's header is not believed"),
        pytest.param((PROXY,), ("203.0.113.{}, 198.51.100.1",), id="only the entry the proxy wrote counts"),
        pytest.param((PROXY,), ("203.0.113.{}, rubbish",), id="behind what cannot be read nothing counts"),
        pytest.param((PROXY,), ("198.51.100.1",), id="one person behind the proxy"),
        pytest.param((PROXY,), ("2001:db8::{}",), id="one IPv6 subscriber, many interfaces"),
    ],
)
def test_no_forwarding_header_makes_one_sprayer_many(
    build: Build, proxies: tuple[str, ...], hops: tuple[str, ...]
) -> None:
    site = build(failed_names_per_ten_minutes=2, trusted_proxies=tuple(map(ip_network, proxies)))
    sprayer = Guesser(site.browser())
    answers = [
        sprayer.guess(
            f"918NOBODY{number:02}", peer=PROXY, headers={"X-Forwarded-For": hops[0].format(number + 1)}
        ).status_code
        for number in range(3)
    ]
    assert answers == [422, 422, 429]


def test_people_behind_a_trusted_proxy_are_counted_apart(build: Build) -> None:
    site = build(failed_names_per_ten_minutes=1, trusted_proxies=(ip_network(PROXY),))
    for person in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"):
        guesser = Guesser(site.browser())
        header = {"X-Forwarded-For": f"203.0.113.99, {person}"}
        assert guesser.guess("918NOBODY01", peer=PROXY, headers=header).status_code == 422
        assert guesser.guess("918NOBODY02", peer=PROXY, headers=header).status_code == 429


def test_a_success_is_no_failure_of_its_address(build: Build) -> None:
    site = build(failed_names_per_ten_minutes=1)
    for _ in range(3):
        assert "code" in received(_sign_in(site.browser()))


def _sign_in(visitor: Visitor) -> TestResponse:
    return visitor.log_in(login_page(visitor))
