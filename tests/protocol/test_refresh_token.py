"""Refresh tokens rotate; a lost answer may be asked for again, and a stolen token ends its whole family."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from idp.db import account, browser_session, client, refresh_token
from idp.db.account import AccountState
from idp.protocol import refresh_token as rotation
from idp.services.digest import digest
from tests.crowd import together
from tests.protocol.refusals import refusal
from tests.site import Site

ENDED = (400, "invalid_grant", "the session, the account or the client has ended")
NO_SUCH = (400, "invalid_grant", "this client has no such refresh token")
EXPIRED = (400, "invalid_grant", "the refresh token has expired")
REUSED = (400, "invalid_grant", "the refresh token was used before; the whole family is revoked")
WIDER = (400, "invalid_scope", "the scope is wider than what was granted")


@pytest.fixture
def tokens(site: Site) -> dict[str, Any]:
    """What a confidential client got at sign-in."""
    return site.tokens(scope="openid email profile")


@pytest.fixture
def public_tokens(site: Site) -> dict[str, Any]:
    """What a public client got at sign-in."""
    site.add_client("rota", None)
    return site.tokens("rota")


def refreshed(site: Site, token: str, client_id: str = "payslips", **form: str) -> dict[str, Any]:
    answer = site.refresh(token, client_id, **form)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def later(site: Site, **by: float) -> None:
    site.clock.advance(timedelta(**by))


def test_a_refresh_token_gives_new_tokens_and_its_successor(site: Site, tokens: dict[str, Any]) -> None:
    later(site, minutes=4)
    fresh = refreshed(site, tokens["refresh_token"])
    assert fresh.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "scope",
        "refresh_token",
        "id_token",
    }
    assert (fresh["token_type"], fresh["expires_in"], fresh["scope"]) == (
        "Bearer",
        300,
        "openid profile email",
    )
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert site.userinfo(fresh["access_token"]).status_code == 200
    assert refreshed(site, fresh["refresh_token"])


def test_the_id_token_keeps_when_and_how_the_person_signed_in(site: Site, tokens: dict[str, Any]) -> None:
    """OpenID Connect Core §12.2."""
    first = site.claims(tokens["id_token"])
    later(site, minutes=20)
    second = site.claims(refreshed(site, tokens["refresh_token"])["id_token"])
    assert first["nonce"] == "a-nonce"
    assert "nonce" not in second
    assert second["iat"] - first["iat"] == 1200
    for kept in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert second[kept] == first[kept]


@pytest.mark.parametrize("seconds", [0, 10])
def test_a_confidential_client_that_lost_the_answer_gets_the_same_child(
    site: Site, tokens: dict[str, Any], seconds: int
) -> None:
    first = refreshed(site, tokens["refresh_token"])
    later(site, seconds=seconds)
    again = refreshed(site, tokens["refresh_token"])
    assert again["refresh_token"] == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    assert refreshed(site, again["refresh_token"])


def test_after_ten_seconds_a_used_token_is_a_stolen_one(site: Site, tokens: dict[str, Any]) -> None:
    fresh = refreshed(site, tokens["refresh_token"])
    later(site, seconds=10.001)
    assert refusal(site.refresh(tokens["refresh_token"])) == REUSED
    assert refusal(site.refresh(fresh["refresh_token"])) == ENDED
    assert site.userinfo(fresh["access_token"]).status_code == 401
    assert site.userinfo(tokens["access_token"]).status_code == 401


def test_once_the_child_was_used_its_parent_is_a_stolen_one(site: Site, tokens: dict[str, Any]) -> None:
    child = refreshed(site, tokens["refresh_token"])
    grandchild = refreshed(site, child["refresh_token"])
    assert refusal(site.refresh(tokens["refresh_token"])) == REUSED
    assert refusal(site.refresh(grandchild["refresh_token"])) == ENDED


def test_a_public_client_never_repeats(site: Site, public_tokens: dict[str, Any]) -> None:
    fresh = refreshed(site, public_tokens["refresh_token"], "rota")
    assert refusal(site.refresh(public_tokens["refresh_token"], "rota")) == REUSED
    assert refusal(site.refresh(fresh["refresh_token"], "rota")) == ENDED
    assert site.userinfo(fresh["access_token"]).status_code == 401


def test_a_stolen_token_ends_its_own_family_only(site: Site, public_tokens: dict[str, Any]) -> None:
    others = site.tokens("rota")
    refreshed(site, public_tokens["refresh_token"], "rota")
    assert refusal(site.refresh(public_tokens["refresh_token"], "rota")) == REUSED
    assert refreshed(site, others["refresh_token"], "rota")


def test_another_client_can_neither_use_nor_spoil_a_refresh_token(site: Site, tokens: dict[str, Any]) -> None:
    site.add_client("learning")
    assert refusal(site.refresh(tokens["refresh_token"], "learning")) == NO_SUCH
    fresh = refreshed(site, tokens["refresh_token"])
    later(site, seconds=60)
    assert refusal(site.refresh(tokens["refresh_token"], "learning")) == NO_SUCH
    assert refreshed(site, fresh["refresh_token"])


@pytest.mark.parametrize("token", ["x", "ŵ", "a" * 5000, "a.b.c", "%00"])
def test_what_is_no_refresh_token_is_refused(shared_site: Site, token: str) -> None:
    assert refusal(shared_site.refresh(token)) == NO_SUCH


def test_an_access_token_or_an_id_token_is_no_refresh_token(site: Site, tokens: dict[str, Any]) -> None:
    assert refusal(site.refresh(tokens["access_token"])) == NO_SUCH
    assert refusal(site.refresh(tokens["id_token"])) == NO_SUCH


def test_a_refresh_token_must_be_named(shared_site: Site) -> None:
    assert refusal(shared_site.refresh("")) == (400, "invalid_request", "refresh_token is missing")


@pytest.mark.parametrize(
    ("scope", "given", "has_id_token"),
    [
        ("openid email", "openid email", True),
        ("email openid", "openid email", True),
        ("profile", "profile", False),
        ("", "openid profile email", True),
    ],
)
def test_a_client_may_ask_for_less(
    site: Site, tokens: dict[str, Any], scope: str, given: str, *, has_id_token: bool
) -> None:
    """RFC 6749 §6: the new access token has less, the refresh token keeps what was granted."""
    fresh = refreshed(site, tokens["refresh_token"], scope=scope)
    assert fresh["scope"] == given
    assert ("id_token" in fresh) is has_id_token
    assert site.claims(fresh["access_token"])["scope"] == given
    assert refreshed(site, fresh["refresh_token"])["scope"] == "openid profile email"


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        pytest.param("openid esr", WIDER, id="registered, not granted"),
        pytest.param("openid payroll", WIDER, id="nobody knows it"),
        pytest.param(
            "openid  email",
            (400, "invalid_scope", "scope is a list of ASCII words, separated by single spaces"),
            id="malformed",
        ),
        pytest.param("a" * 1025, (400, "invalid_scope", "scope is longer than 1024 bytes"), id="too long"),
    ],
)
def test_asking_for_more_gives_nothing_and_spends_nothing(
    site: Site, tokens: dict[str, Any], scope: str, refused: tuple[int, str, str]
) -> None:
    assert refusal(site.refresh(tokens["refresh_token"], scope=scope)) == refused
    assert refreshed(site, tokens["refresh_token"])


def test_a_repeat_may_ask_for_less_but_not_for_more(site: Site, tokens: dict[str, Any]) -> None:
    first = refreshed(site, tokens["refresh_token"])
    again = refreshed(site, tokens["refresh_token"], scope="openid")
    assert (again["scope"], again["refresh_token"]) == ("openid", first["refresh_token"])
    assert refusal(site.refresh(tokens["refresh_token"], scope="openid esr")) == WIDER
    assert refreshed(site, first["refresh_token"])


def test_an_unused_token_ends_after_half_an_hour(site: Site, tokens: dict[str, Any]) -> None:
    later(site, minutes=29, seconds=59)
    fresh = refreshed(site, tokens["refresh_token"])
    later(site, minutes=30)
    assert refusal(site.refresh(fresh["refresh_token"])) == EXPIRED


def test_a_used_token_ends_twelve_hours_after_the_sign_in(site: Site, tokens: dict[str, Any]) -> None:
    token = tokens["refresh_token"]
    for _ in range(24):
        later(site, minutes=29, seconds=59)
        token = refreshed(site, token)["refresh_token"]
    told = site.post("/introspect", token=token).get_json()
    assert told["exp"] == 1795417200 + 12 * 3600
    later(site, seconds=24)
    assert refusal(site.refresh(token)) == EXPIRED


def test_a_family_that_begins_late_in_a_session_ends_with_it(site: Site) -> None:
    """Refresh tokens are tied to the session: single sign-on in its last hour does not prolong it."""
    visitor = site.browser()
    token = site.tokens(visitor=visitor)["refresh_token"]
    for _ in range(24):
        later(site, minutes=29)
        token = site.tokens(visitor=visitor)["refresh_token"]
    later(site, minutes=23, seconds=59)
    token = refreshed(site, token)["refresh_token"]
    later(site, seconds=1)
    assert refusal(site.refresh(token)) == EXPIRED


def test_offline_access_outlives_session_and_sign_out(site: Site) -> None:
    site.add_client("sync", scope="openid offline_access")
    visitor = site.browser()
    tokens = site.tokens("sync", visitor, scope="openid offline_access")
    page = visitor.get("/logout")
    visitor.follow(visitor.submit(page, decision="sign_out"))
    token = tokens["refresh_token"]
    for _ in range(6):
        later(site, days=13, hours=23)
        token = refreshed(site, token, "sync")["refresh_token"]
    later(site, days=6, hours=6)
    assert refusal(site.refresh(token, "sync")) == EXPIRED


def test_unused_offline_access_ends_after_a_fortnight(site: Site) -> None:
    site.add_client("sync", scope="openid offline_access")
    token = site.tokens("sync", scope="openid offline_access")["refresh_token"]
    later(site, days=14)
    assert refusal(site.refresh(token, "sync")) == EXPIRED


def test_sign_out_ends_what_hangs_on_the_session(site: Site) -> None:
    visitor = site.browser()
    tokens = site.tokens(visitor=visitor)
    visitor.follow(visitor.submit(visitor.get("/logout"), decision="sign_out"))
    assert refusal(site.refresh(tokens["refresh_token"])) == ENDED


def test_a_disabled_account_gets_nothing_more_and_what_it_had_stays_spent(
    site: Site, tokens: dict[str, Any]
) -> None:
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        assert account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.DISABLED)
    assert refusal(site.refresh(tokens["refresh_token"])) == ENDED


def test_ending_every_session_of_an_account_ends_offline_access_too(site: Site) -> None:
    site.add_client("sync", scope="openid offline_access")
    tokens = site.tokens("sync", scope="openid offline_access")
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        browser_session.end_all(connection, found.id, site.clock.now())
    assert refusal(site.refresh(tokens["refresh_token"], "sync")) == ENDED


def test_a_disabled_client_gets_nothing_more_though_this_worker_still_remembers_it(
    site: Site, tokens: dict[str, Any]
) -> None:
    with site.provider.database.write() as connection:
        client.set_disabled(connection, "payslips", disabled=True, now=site.clock.now())
    assert refusal(site.refresh(tokens["refresh_token"])) == ENDED
    later(site, seconds=5)
    assert refusal(site.refresh(tokens["refresh_token"])) == (
        401,
        "invalid_client",
        "client authentication failed",
    )


def test_a_client_that_may_not_refresh_is_told(site: Site) -> None:
    site.add_client("kiosk", grant_types=["authorization_code"])
    assert refusal(site.refresh("x", "kiosk")) == (
        400,
        "unauthorized_client",
        "this client is not registered for grant_type refresh_token",
    )


def test_a_refusal_that_comes_often_holds_on_to_nothing(site: Site, tokens: dict[str, Any]) -> None:
    """A shared exception would collect a traceback, and with it the form, at each raise."""
    site.post("/revoke", token=tokens["refresh_token"])
    for _ in range(3):
        assert refusal(site.refresh(tokens["refresh_token"])) == ENDED
    assert not [value for value in vars(rotation).values() if isinstance(value, BaseException)]


def test_a_child_is_known_to_no_one_without_the_key() -> None:
    """HMAC-SHA-256, here of RFC 4231 §4.3 (test case 2), in base64url."""
    child = rotation.derive_child(b"Jefe", "what do ya want for nothing?")
    assert child == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM"


def leaves(site: Site, *raw: str) -> list[bool]:
    """Which of these tokens could still be rotated."""
    with site.provider.database.read() as connection:
        rows = [refresh_token.find_any(connection, digest(token)) for token in raw]
    return [row is not None and row.rotated_at is None for row in rows]


def test_twelve_at_once_from_a_confidential_client_get_the_same_child(
    site: Site, tokens: dict[str, Any]
) -> None:
    answers = together(lambda: site.refresh(tokens["refresh_token"]))

    assert [answer.status_code for answer in answers] == [200] * 12
    (child,) = {answer.get_json()["refresh_token"] for answer in answers}
    assert len({answer.get_json()["access_token"] for answer in answers}) == 12
    assert leaves(site, tokens["refresh_token"], child) == [False, True]
    assert refreshed(site, child)


def test_twelve_at_once_from_a_public_client_end_the_family(
    site: Site, public_tokens: dict[str, Any]
) -> None:
    answers = together(lambda: site.refresh(public_tokens["refresh_token"], "rota"))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 11}
    assert {refusal(answer) for answer in answers if answer.status_code == 400} <= {REUSED, ENDED}
    (fresh,) = (answer.get_json() for answer in answers if answer.status_code == 200)
    assert refusal(site.refresh(fresh["refresh_token"], "rota")) == ENDED
    assert site.userinfo(fresh["access_token"]).status_code == 401
