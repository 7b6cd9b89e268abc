"""What an upstream provider says is believed when it is proved, and nobody waits for one that is gone."""

import base64
import hashlib
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.wrappers import Request, Response

from idp.services.http import Breaker
from idp.services.upstream import (
    Assertion,
    KeyUnusable,
    LoggedOut,
    NotBelieved,
    PrivateKey,
    Unreachable,
    UpstreamClient,
)
from tests.crowd import together
from tests.fakes import FakeClock, FakeRandomness
from tests.upstream import (
    ANY_RSA,
    CLIENT_ID,
    EC,
    NEXT,
    NUMBER,
    RSA,
    STRANGER,
    Change,
    Sign,
    Upstream,
    answering,
    encoded,
    later,
    public_key_as_secret,
    replacing,
    signing,
    unsigned,
)

NOW = datetime(2026, 3, 14, 7, 30, tzinfo=UTC)
HERE = "https://idp.example/care-identity/return"
VERIFIER = "dBjftJeZ4CVP-mBG2lKX9nGoAxJaA8Xdi5PrVdOoWwo"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
NONCE = "n-0S6_WzA2Mj"
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/jwks.json"


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


RSA_PEM = pem(rsa.generate_private_key(65537, 2048))
EC_PEM = pem(ec.generate_private_key(ec.SECP256R1()))
KEY = PrivateKey.parse(RSA_PEM)


@dataclass(frozen=True, slots=True)
class Pair:
    """The provider, and our client of it."""

    provider: Upstream
    client: UpstreamClient
    clock: FakeClock

    def url(self, **changes: Any) -> str:  # noqa: ANN401 - whatever is asked
        asked: dict[str, Any] = {
            "state": "af0ifjsldkj",
            "nonce": NONCE,
            "code_challenge": CHALLENGE,
            "acr_values": ("AAL3_ANY",),
            "max_age": 0,
            "prompt": "login",
            "ui_locales": "cy",
        }
        return self.client.authorization_url(**{**asked, **changes})

    def code(self) -> str:
        return parse_qs(urlsplit(self.provider.authorize(self.url())).query)["code"][0]

    def redeem(self, *, nonce: str = NONCE, verifier: str = VERIFIER) -> Assertion:
        return self.client.redeem(self.code(), code_verifier=verifier, nonce=nonce, now=self.clock.now())

    def refused(self) -> str:
        with pytest.raises(NotBelieved) as refused:
            self.redeem()
        return refused.value.reason.value

    def refused_logout(self, token: str) -> str:
        with pytest.raises(NotBelieved) as refused:
            self.client.read_logout(token, self.clock.now())
        return refused.value.reason.value


@pytest.fixture
def pair() -> Iterator[Pair]:
    clock = FakeClock(NOW)
    with Upstream(clock, client_jwks=KEY.public_jwks) as provider:
        client = UpstreamClient(
            provider.issuer, CLIENT_ID, KEY, HERE, clock=clock, randomness=FakeRandomness()
        )
        yield Pair(provider, client, clock)


# What is sent, and what comes of it.


def test_the_browser_is_sent_with_what_was_asked_for(pair: Pair) -> None:
    url = pair.url()
    assert url.startswith(f"{pair.provider.issuer}/authorize?")
    assert parse_qsl(urlsplit(url).query) == [
        ("response_type", "code"),
        ("client_id", "999999999999.apps.national"),
        ("redirect_uri", "https://idp.example/care-identity/return"),
        ("scope", "openid nhsperson"),
        ("state", "af0ifjsldkj"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("acr_values", "AAL3_ANY"),
        ("max_age", "0"),
        ("prompt", "login"),
        ("ui_locales", "cy"),
    ]


def test_what_is_not_asked_for_is_not_sent(pair: Pair) -> None:
    url = pair.url(acr_values=(), max_age=None, prompt=None, ui_locales=None)
    assert {"acr_values", "max_age", "prompt", "ui_locales"}.isdisjoint(parse_qs(urlsplit(url).query))


def test_an_endpoint_may_have_a_query_of_its_own(pair: Pair) -> None:
    pair.provider.change_discovery = replacing(
        authorization_endpoint=f"{pair.provider.issuer}/authorize?realm=oidc"
    )
    assert "/authorize?realm=oidc&response_type=code&" in pair.url()


def test_a_code_becomes_what_is_said_of_a_person(pair: Pair) -> None:
    assert pair.redeem() == Assertion(
        issuer=pair.provider.issuer,
        subject="656005750104",
        sid="upstream-sid-1",
        acr="AAL3_ANY",
        amr=("N3_SMARTCARD",),
        auth_time=NOW,
        nhsid_useruid="656005750104",
        level="3",
    )


def test_the_client_signs_for_itself(pair: Pair) -> None:
    code = pair.code()
    pair.client.redeem(code, code_verifier=VERIFIER, nonce=NONCE, now=NOW)
    sent = next(form for path, form in pair.provider.asked if path == "/token")
    assertion = jwt.decode(
        sent.pop("client_assertion"),
        KeySet.import_key_set({"keys": KEY.public_jwks["keys"]}),
    )
    assert sent == {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://idp.example/care-identity/return",
        "code_verifier": VERIFIER,
        "client_id": "999999999999.apps.national",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert assertion.header == {"alg": "RS256", "kid": KEY.kid, "typ": "JWT"}
    assert len(assertion.claims.pop("jti")) == 43
    assert assertion.claims == {
        "iss": "999999999999.apps.national",
        "sub": "999999999999.apps.national",
        "aud": f"{pair.provider.issuer}/token",
        "iat": 1773473400,
        "exp": 1773473460,
    }


def test_no_two_assertions_are_alike(pair: Pair) -> None:
    pair.redeem()
    pair.redeem()
    first, second = (form["client_assertion"] for path, form in pair.provider.asked if path == "/token")
    assert first != second


def test_userinfo_is_asked_only_for_what_the_token_leaves_out(pair: Pair) -> None:
    pair.provider.change_id_token = replacing(nhsid_useruid="656005750105")
    assert pair.redeem().nhsid_useruid == "656005750105"
    assert "/userinfo" not in pair.provider.paths


def test_a_provider_may_have_no_userinfo(pair: Pair) -> None:
    pair.provider.change_discovery = replacing(userinfo_endpoint=None)
    assert pair.redeem().nhsid_useruid is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (replacing(sid=None, acr=None, amr=None, auth_time=None), (None, None, (), None, "3")),
        (
            replacing(authentication_assurance_level=3),
            ("upstream-sid-1", "AAL3_ANY", ("N3_SMARTCARD",), NOW, "3"),
        ),
        (
            replacing(authentication_assurance_level=None, amr=[], auth_time=1773473399.5),
            ("upstream-sid-1", "AAL3_ANY", (), NOW - timedelta(seconds=0.5), None),
        ),
    ],
)
def test_what_is_said_of_the_sign_in_is_told_as_it_is(
    pair: Pair, change: Change, expected: tuple[object, ...]
) -> None:
    pair.provider.change_id_token = change
    told = pair.redeem()
    assert (told.sid, told.acr, told.amr, told.auth_time, told.level) == expected


def at_hash_of(*, right: bool) -> Change:
    def change(claims: dict[str, Any]) -> None:
        digest = hashlib.sha256(b"at-2" if right else b"at-3").digest()
        claims["at_hash"] = base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")

    return change


@pytest.mark.parametrize(
    "change",
    [
        replacing(aud=[CLIENT_ID]),
        replacing(azp=CLIENT_ID),
        later("exp", timedelta(minutes=-5, seconds=-29)),
        later("iat", timedelta(seconds=30)),
        at_hash_of(right=True),
        replacing(nbf=1773473400),
    ],
)
def test_these_are_ours(pair: Pair, change: Change) -> None:
    pair.provider.change_id_token = change
    assert pair.redeem().subject == NUMBER


# What is not believed.


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replacing(iss="https://evil.example"), "wrong_issuer"),
        (replacing(iss=None), "wrong_issuer"),
        (replacing(aud="another"), "wrong_audience"),
        (replacing(aud=[CLIENT_ID, "another"]), "wrong_audience"),
        (replacing(aud=[]), "wrong_audience"),
        (replacing(aud=None), "wrong_audience"),
        (replacing(azp="another"), "wrong_audience"),
        (replacing(nonce="another"), "wrong_nonce"),
        (replacing(nonce=None), "wrong_nonce"),
        (later("exp", timedelta(minutes=-5, seconds=-30)), "expired"),
        (later("iat", timedelta(seconds=31)), "not_yet_valid"),
        (replacing(nbf=1773473431), "not_yet_valid"),
        (at_hash_of(right=False), "wrong_access_token"),
        (replacing(sub=None), "malformed"),
        (replacing(sub=""), "malformed"),
        (replacing(sub=656005750104), "malformed"),
        (replacing(sub="x" * 256), "malformed"),
        (replacing(exp=None), "malformed"),
        (replacing(exp="tomorrow"), "malformed"),
        (replacing(exp=True), "malformed"),
        (replacing(exp=10**18), "malformed"),
        (replacing(exp=float("nan")), "malformed"),
        (replacing(iat=None), "malformed"),
        (replacing(iat=-1), "malformed"),
        (replacing(auth_time="now"), "malformed"),
        (replacing(nonce=["n-0S6_WzA2Mj"]), "malformed"),
        (replacing(acr=3), "malformed"),
        (replacing(amr="N3_SMARTCARD"), "malformed"),
        (replacing(amr=[1]), "malformed"),
        (replacing(amr=["N3_SMARTCARD", "\0"]), "malformed"),
        (replacing(amr=["x" * 256]), "malformed"),
        (replacing(sid={"a": 1}), "malformed"),
        (replacing(authentication_assurance_level=[3]), "malformed"),
        (replacing(authentication_assurance_level=True), "malformed"),
        (replacing(authentication_assurance_level="3\0"), "malformed"),
        (replacing(nhsid_useruid=656005750104), "malformed"),
    ],
)
def test_an_id_token_is_not_believed(pair: Pair, change: Change, reason: str) -> None:
    pair.provider.change_id_token = change
    assert pair.refused() == reason


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (unsigned, "wrong_algorithm"),
        (public_key_as_secret, "wrong_algorithm"),
        (signing(EC, alg="ES256", kid="ec-1"), "wrong_algorithm"),
        (signing(ANY_RSA, alg="PS256"), "wrong_algorithm"),
        (signing(ANY_RSA, alg="RS512"), "wrong_algorithm"),
        (signing(STRANGER), "bad_signature"),
        (signing(NEXT, kid="rsa-1"), "bad_signature"),
        (signing(NEXT, kid="rsa-2"), "unknown_key"),
        (signing(RSA, kid="ec-1"), "unknown_key"),
        (signing(RSA, typ="at+jwt"), "wrong_type"),
        (signing(RSA, typ="logout+jwt"), "wrong_type"),
        (lambda _: "", "malformed"),
        (lambda _: "e30", "wrong_algorithm"),
        (lambda _: "....", "malformed"),
        (lambda _: f"{encoded([])}.{encoded({})}.", "malformed"),
        (lambda _: f"{encoded({'alg': 'RS256', 'kid': 'rsa-1'})}.e30", "malformed"),
        (lambda _: f"{encoded({'alg': 'RS256', 'kid': ['rsa-1']})}.e30.e30", "unknown_key"),
        (lambda _: "é" * 50, "malformed"),
        (lambda claims: signing()({**claims, "more": "x" * 8000}), "malformed"),
    ],
)
def test_a_signature_is_not_believed(pair: Pair, sign: Sign, reason: str) -> None:
    pair.provider.sign = sign
    assert pair.refused() == reason


def test_a_signature_is_of_what_is_signed(pair: Pair) -> None:
    def forge(claims: dict[str, Any]) -> str:
        header, _, signature = signing()(claims).split(".")
        return f"{header}.{encoded({**claims, 'acr': 'AAL3_SMARTCARD'})}.{signature}"

    pair.provider.sign = forge
    assert pair.refused() == "bad_signature"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replacing(sub="656005750105"), "subject_differs"),
        (replacing(sub=None), "subject_differs"),
        (replacing(nhsid_useruid=1), "malformed"),
    ],
)
def test_userinfo_is_not_believed(pair: Pair, change: Change, reason: str) -> None:
    pair.provider.change_userinfo = change
    assert pair.refused() == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replacing(id_token=None), "malformed"),
        (replacing(id_token=["a"]), "malformed"),
        (replacing(access_token=None), "malformed"),
        (replacing(access_token="a\r\nX-Forwarded-For: 127.0.0.1"), "malformed"),
        (replacing(token_type="mac"), "malformed"),
        (replacing(access_token="made-up"), "refused_by_provider"),
    ],
)
def test_a_token_response_is_not_believed(pair: Pair, change: Change, reason: str) -> None:
    pair.provider.change_token_response = change
    assert pair.refused() == reason


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"[" * 100_000, b'"\xff"', b"{"])
def test_what_is_no_json_is_not_believed(pair: Pair, body: bytes) -> None:
    pair.provider.answers["/token"] = lambda _: Response(body)
    assert pair.refused() == "malformed"


def test_a_refusal_is_told_with_its_word(pair: Pair) -> None:
    with pytest.raises(NotBelieved) as refused:
        pair.redeem(verifier="another" * 10)
    assert str(refused.value) == "refused_by_provider: token endpoint: 400 invalid_grant"

    pair.provider.answers["/token"] = lambda _: Response("<h1>Unauthorised</h1>", 401)
    with pytest.raises(NotBelieved, match=r"token endpoint: 401 without a reason$"):
        pair.redeem()


def test_the_nonce_is_that_of_this_request(pair: Pair) -> None:
    with pytest.raises(NotBelieved, match="wrong_nonce"):
        pair.redeem(nonce="of another browser")


@pytest.mark.parametrize("code", ["", "a\nb", "é", "x" * 2049])
def test_what_is_no_code_is_not_even_asked_about(pair: Pair, code: str) -> None:
    with pytest.raises(NotBelieved, match="malformed"):
        pair.client.redeem(code, code_verifier=VERIFIER, nonce=NONCE, now=NOW)
    assert pair.provider.asked == []


# A provider that is not there, or not as it must be.


@pytest.mark.parametrize(
    "change",
    [
        replacing(issuer="https://evil.example"),
        replacing(issuer=None),
        replacing(token_endpoint=None),
        replacing(token_endpoint="http://idp.example/token"),
        replacing(token_endpoint="ftp://127.0.0.1/token"),
        replacing(authorization_endpoint="javascript:alert(1)"),
        replacing(authorization_endpoint=["https://idp.example/"]),
        replacing(authorization_endpoint="https://user:secret@idp.example/"),
        replacing(jwks_uri="http://169.254.169.254/latest"),
        replacing(userinfo_endpoint="x" * 3000),
    ],
)
def test_a_document_that_leads_elsewhere_is_no_document(pair: Pair, change: Change) -> None:
    pair.provider.change_discovery = change
    with pytest.raises(Unreachable):
        pair.url()


@pytest.mark.parametrize("path", [DISCOVERY, JWKS, "/token", "/userinfo"])
@pytest.mark.parametrize(
    "answer",
    [
        Response("busy", 503),
        Response("gone", 404),
        Response("", 302, {"Location": "http://127.0.0.1:1/"}),
        Response(b"x" * 300_000),
    ],
    ids=["503", "404", "a redirect", "without end"],
)
def test_who_does_not_answer_properly_is_unreachable(pair: Pair, path: str, answer: Response) -> None:
    pair.provider.answers[path] = lambda _: answer
    with pytest.raises(Unreachable):
        pair.redeem()


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b"{}", b'{"keys": 1}'])
def test_what_is_no_document_is_unreachable_too(pair: Pair, path: str, body: bytes) -> None:
    pair.provider.answers[path] = lambda _: Response(body)
    with pytest.raises(Unreachable):
        pair.redeem()


def test_nobody_waits_long_and_the_next_not_at_all(pair: Pair) -> None:
    def slow(_: Request) -> Response:
        time.sleep(4)
        return Response("")

    pair.provider.answers[DISCOVERY] = slow
    started = time.monotonic()
    with pytest.raises(Unreachable, match="too long"):
        pair.url()
    assert 2.5 < time.monotonic() - started < 3.5

    started = time.monotonic()
    for ask in (pair.url, lambda: pair.client.read_logout(pair.provider.logout_token(), NOW)):
        with pytest.raises(Unreachable, match="a moment ago"):
            ask()
    assert time.monotonic() - started < 0.5
    assert pair.provider.paths == [DISCOVERY]

    del pair.provider.answers[DISCOVERY]
    pair.clock.advance(timedelta(seconds=30))
    assert pair.redeem().subject == NUMBER


@contextmanager
def held_up(provider: Upstream, path: str) -> Iterator[threading.Semaphore]:
    """The provider thinks about what it is asked there until this ends; released once for each question."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    def slow(_: Request) -> Response:
        asked.release()
        go_on.wait(2)
        return answering({"error": "server_error"}, 500)

    provider.answers[path] = slow
    try:
        yield asked
    finally:
        go_on.set()
        del provider.answers[path]


@pytest.mark.parametrize("path", [JWKS, "/token", "/userinfo"])
def test_no_more_wait_at_once_than_may_and_what_is_slow_is_not_gone(pair: Pair, path: str) -> None:
    """Whoever waits holds a request thread, and others need those to log in with a password."""
    client = UpstreamClient(
        *(pair.provider.issuer, CLIENT_ID, KEY, HERE),
        clock=pair.clock,
        randomness=FakeRandomness(),
        places=1,
    )
    codes = [pair.code() for _ in range(3)]

    def redeem(code: str) -> Assertion:
        return client.redeem(code, code_verifier=VERIFIER, nonce=NONCE, now=NOW)

    with ThreadPoolExecutor(1) as waiting:
        with held_up(pair.provider, path) as asked:
            first = waiting.submit(redeem, codes[0])
            assert asked.acquire(timeout=2)
            started = time.monotonic()
            with pytest.raises(Unreachable, match="as many wait for it as may"):
                redeem(codes[1])
            assert time.monotonic() - started < 0.5
        assert isinstance(first.exception(), Unreachable)
    pair.clock.advance(timedelta(seconds=30))
    later_on = client.redeem(codes[2], code_verifier=VERIFIER, nonce=NONCE, now=pair.clock.now())
    assert later_on.subject == NUMBER


def test_who_looks_for_a_key_holds_nobody_up_whose_key_is_known(pair: Pair) -> None:
    """Anybody can post a token that names a key of their own making."""
    pair.redeem()
    pair.clock.advance(timedelta(minutes=1))
    made_up = signing(STRANGER, kid="made up")
    pair.provider.sign, ours = made_up, pair.provider.sign
    token = pair.provider.logout_token()
    pair.provider.sign = ours
    with ThreadPoolExecutor(1) as stranger, held_up(pair.provider, JWKS) as asked:
        stranger.submit(pair.client.read_logout, token, pair.clock.now())
        assert asked.acquire(timeout=2)
        started = time.monotonic()
        assert pair.redeem().subject == NUMBER
        assert time.monotonic() - started < 1


def test_who_has_gone_is_unreachable(pair: Pair) -> None:
    code = pair.code()
    pair.provider.stop()
    with pytest.raises(Unreachable):
        pair.client.redeem(code, code_verifier=VERIFIER, nonce=NONCE, now=NOW)
    with pytest.raises(Unreachable, match="a moment ago"):
        pair.url()


@pytest.mark.parametrize(
    "answer",
    [
        answering({"error": "server_error"}, 500),
        answering({"error": "server_error"}, 400),
        Response("Request blocked", 403),
        Response("", 302, {"Location": "https://firewall.example/blocked"}),
        Response(b"x" * 300_000),
        Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["500", "400", "403", "a redirect", "without end", "compressed"],
)
def test_a_code_that_is_trouble_shuts_nobody_else_out(pair: Pair, answer: Response) -> None:
    """A firewall in front of the provider answers in its own way to a code that looks like an attack."""
    good = pair.code()
    pair.provider.answers["/token"] = lambda _: answer
    with pytest.raises((Unreachable, NotBelieved)):
        pair.client.redeem("made-up", code_verifier=VERIFIER, nonce=NONCE, now=NOW)

    del pair.provider.answers["/token"]
    assert pair.client.redeem(good, code_verifier=VERIFIER, nonce=NONCE, now=NOW).subject == NUMBER


def test_a_breaker_may_be_shared(pair: Pair) -> None:
    breaker = Breaker()
    breaker.failed(pair.provider.issuer, NOW)
    client = UpstreamClient(
        pair.provider.issuer,
        CLIENT_ID,
        KEY,
        HERE,
        clock=pair.clock,
        randomness=FakeRandomness(),
        breaker=breaker,
    )
    with pytest.raises(Unreachable, match="a moment ago"):
        _ = client.demands_iss


# What is kept, and for how long.


def test_what_was_found_is_kept_for_a_while(pair: Pair) -> None:
    pair.redeem()
    pair.redeem()
    assert (pair.provider.paths.count(DISCOVERY), pair.provider.paths.count(JWKS)) == (1, 1)

    pair.clock.advance(timedelta(minutes=10))
    pair.redeem()
    assert (pair.provider.paths.count(DISCOVERY), pair.provider.paths.count(JWKS)) == (1, 2)

    pair.clock.advance(timedelta(minutes=50))
    pair.redeem()
    assert (pair.provider.paths.count(DISCOVERY), pair.provider.paths.count(JWKS)) == (2, 3)


def test_a_clock_that_was_set_back_keeps_nothing_alive(pair: Pair) -> None:
    pair.redeem()
    pair.clock.advance(timedelta(days=-1))
    pair.redeem()
    assert (pair.provider.paths.count(DISCOVERY), pair.provider.paths.count(JWKS)) == (2, 2)


def test_many_at_once_ask_once(pair: Pair) -> None:
    together(pair.url)
    assert pair.provider.paths == [DISCOVERY]


def test_a_new_key_is_looked_for(pair: Pair) -> None:
    pair.redeem()
    pair.provider.keys, pair.provider.sign = [RSA, NEXT], signing(NEXT, kid="rsa-2")
    pair.clock.advance(timedelta(minutes=1))
    assert pair.redeem().subject == NUMBER


def test_a_made_up_key_is_not_looked_for_again_and_again(pair: Pair) -> None:
    pair.redeem()
    pair.clock.advance(timedelta(minutes=1))
    pair.provider.sign = signing(STRANGER, kid="made up")
    for _ in range(5):
        assert pair.refused_logout(pair.provider.logout_token()) == "unknown_key"
    assert pair.provider.paths.count(JWKS) == 2


def test_a_key_that_was_taken_away_is_forgotten(pair: Pair) -> None:
    pair.redeem()
    pair.provider.keys = [NEXT]
    pair.clock.advance(timedelta(minutes=10))
    assert pair.refused() == "unknown_key"


def test_the_only_key_needs_no_name(pair: Pair) -> None:
    pair.provider.keys, pair.provider.sign = [RSA, EC], signing(RSA, kid=None)
    assert pair.redeem().subject == NUMBER


def test_of_several_keys_one_is_named(pair: Pair) -> None:
    pair.provider.keys, pair.provider.sign = [RSA, NEXT], signing(RSA, kid=None)
    assert pair.refused() == "unknown_key"


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"kty": "oct"},
        {"n": "AQAB"},
        {"n": 5},
        {"n": RSA.as_dict(private=False)["n"][:171]},
    ],
)
def test_a_key_of_another_use_is_none(pair: Pair, change: dict[str, object]) -> None:
    def other(document: dict[str, Any]) -> None:
        document["keys"] = [None, {**document["keys"][0], **change}]

    pair.provider.change_jwks = other
    assert pair.refused() == "unknown_key"


def test_whether_every_answer_names_its_issuer_is_known(pair: Pair) -> None:
    assert pair.client.demands_iss
    pair.provider.change_discovery = replacing(authorization_response_iss_parameter_supported="true")
    pair.clock.advance(timedelta(hours=1))
    assert not pair.client.demands_iss


# Logout.


def test_a_logout_is_read(pair: Pair) -> None:
    token = pair.provider.logout_token()
    assert pair.client.read_logout(token, NOW) == LoggedOut("656005750104", "upstream-sid-1", NOW)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sid": None}, ("656005750104", None)),
        ({"sub": None}, (None, "upstream-sid-1")),
        ({"exp": None}, ("656005750104", "upstream-sid-1")),
        ({"exp": None, "iat": 1773473071}, ("656005750104", "upstream-sid-1")),
    ],
)
def test_a_logout_may_leave_something_out(
    pair: Pair, values: dict[str, object], said: tuple[str | None, str | None]
) -> None:
    told = pair.client.read_logout(pair.provider.logout_token(**values), NOW)
    assert (told.subject, told.sid) == said


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", "Logout+JWT"])
def test_a_logout_token_may_be_named_one(pair: Pair, typ: str) -> None:
    pair.provider.sign = signing(typ=typ)
    assert pair.client.read_logout(pair.provider.logout_token(), NOW).subject == NUMBER


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"iss": "https://evil.example"}, "wrong_issuer"),
        ({"aud": "another"}, "wrong_audience"),
        ({"events": None}, "wrong_type"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "wrong_type"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": True}}, "wrong_type"),
        ({"events": ["http://schemas.openid.net/event/backchannel-logout"]}, "wrong_type"),
        ({"nonce": "n-0S6_WzA2Mj"}, "wrong_type"),
        ({"sub": None, "sid": None}, "malformed"),
        ({"jti": None}, "malformed"),
        ({"iat": None}, "malformed"),
        ({"iat": 1773473431}, "not_yet_valid"),
        ({"exp": 1773473370}, "expired"),
        ({"exp": None, "iat": 1773473070}, "expired"),
        ({"sub": 1}, "malformed"),
    ],
)
def test_a_logout_is_not_believed(pair: Pair, values: dict[str, object], reason: str) -> None:
    assert pair.refused_logout(pair.provider.logout_token(**values)) == reason


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (unsigned, "wrong_algorithm"),
        (public_key_as_secret, "wrong_algorithm"),
        (signing(EC, alg="ES256", kid="ec-1"), "wrong_algorithm"),
        (signing(STRANGER), "bad_signature"),
        (signing(typ="at+jwt"), "wrong_type"),
    ],
)
def test_a_logout_that_somebody_else_signed_is_not_believed(pair: Pair, sign: Sign, reason: str) -> None:
    pair.provider.sign = sign
    assert pair.refused_logout(pair.provider.logout_token()) == reason


def test_an_id_token_is_no_logout_token(pair: Pair) -> None:
    sent: list[str] = []

    def keep(response: dict[str, Any]) -> None:
        sent.append(response["id_token"])

    pair.provider.change_token_response = keep
    pair.redeem()
    assert pair.refused_logout(sent[0]) == "wrong_type"


# Our own key, and whom we may be configured for.


@pytest.mark.parametrize(("text", "kty", "alg"), [(RSA_PEM, "RSA", "RS256"), (EC_PEM, "EC", "ES256")])
def test_our_key_is_shown_without_its_secret(text: bytes, kty: str, alg: str) -> None:
    key = PrivateKey.parse(text)
    (shown,) = key.public_jwks["keys"]
    assert (shown["kty"], shown["alg"], shown["use"], shown["kid"]) == (kty, alg, "sig", key.kid)
    assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(shown)
    assert len(key.kid) == 43


def test_keys_that_follow_the_first_are_published_and_sign_nothing(pair: Pair) -> None:
    rsa_key, ec_key = PrivateKey.parse(RSA_PEM), PrivateKey.parse(EC_PEM)
    both = PrivateKey.parse(EC_PEM + RSA_PEM)
    assert both.public_jwks == {"keys": [*ec_key.public_jwks["keys"], *rsa_key.public_jwks["keys"]]}
    assert (both.kid, both.alg) == (ec_key.kid, "ES256")
    pair.provider.client_jwks = both.public_jwks
    client = UpstreamClient(
        pair.provider.issuer, CLIENT_ID, both, HERE, clock=pair.clock, randomness=FakeRandomness()
    )
    assert client.redeem(pair.code(), code_verifier=VERIFIER, nonce=NONCE, now=NOW).subject == NUMBER


def test_an_ec_key_signs_for_us_too(pair: Pair) -> None:
    key = PrivateKey.parse(EC_PEM)
    pair.provider.client_jwks = key.public_jwks
    client = UpstreamClient(
        pair.provider.issuer, CLIENT_ID, key, HERE, clock=pair.clock, randomness=FakeRandomness()
    )
    told = client.redeem(pair.code(), code_verifier=VERIFIER, nonce=NONCE, now=NOW)
    assert told.subject == NUMBER


WRONG_KEYS = {
    "nothing": b"",
    "a certificate": b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "a public key": rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "a weak key": pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - that is its fault
    "another curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "another kind": pem(ed25519.Ed25519PrivateKey.generate()),
    "under a password": pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"secret")),
    "a second key that is cut": EC_PEM + RSA_PEM[:300],
    "noise": b"-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("text", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_what_is_no_key_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="holds"):
        PrivateKey.parse(text)


def test_a_key_file_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "care-identity.pem"
    with pytest.raises(KeyUnusable, match="cannot be read: No such file"):
        PrivateKey.load(path)
    path.write_bytes(EC_PEM)
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        PrivateKey.load(path)
    path.chmod(stat.S_IRUSR)
    assert PrivateKey.load(path).alg == "ES256"
    path.chmod(0o600)
    path.write_bytes(WRONG_KEYS["a weak key"])
    with pytest.raises(KeyUnusable, match=r"care-identity\.pem holds an RSA key of less than 2048 bits"):
        PrivateKey.load(path)


@pytest.mark.parametrize(
    ("issuer", "problem"),
    [
        ("http://cis2.example", "must begin with https://"),
        ("http://127.0.0.1.evil.example", "must begin with https://"),
        ("cis2.example", "is not an http or https address"),
        ("https://cis2.example/?realm=oidc", "may not have a query"),
        ("https://cis2.example/#x", "fragment"),
        ("https://user:secret@cis2.example/", "credentials"),
    ],
)
def test_an_issuer_to_configure_is_judged(issuer: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        UpstreamClient(issuer, CLIENT_ID, KEY, HERE, clock=FakeClock(NOW), randomness=FakeRandomness())
