"""A client gives a token back (RFC 7009)."""

from collections import Counter
from typing import Any

import pytest

from tests.crowd import together
from tests.protocol.refusals import refusal
from tests.site import Site


@pytest.fixture
def tokens(site: Site) -> dict[str, Any]:
    return site.tokens()


def revoke(site: Site, token: str, client_id: str = "payslips", **form: str) -> None:
    answer = site.post("/revoke", client_id, token=token, **form)
    assert (answer.status_code, answer.get_json()) == (200, {})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "saml2"])
def test_an_access_token_goes_alone(site: Site, tokens: dict[str, Any], hint: str) -> None:
    """RFC 7009 §2.2.1: a hint nobody knows is no error."""
    fresh = site.refresh(tokens["refresh_token"]).get_json()
    revoke(site, tokens["access_token"], token_type_hint=hint)
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.userinfo(fresh["access_token"]).status_code == 200
    assert site.refresh(fresh["refresh_token"]).status_code == 200


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token"])
def test_a_refresh_token_takes_all_with_it(site: Site, tokens: dict[str, Any], hint: str) -> None:
    fresh = site.refresh(tokens["refresh_token"]).get_json()
    revoke(site, fresh["refresh_token"], token_type_hint=hint)
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.userinfo(fresh["access_token"]).status_code == 401
    assert site.refresh(fresh["refresh_token"]).status_code == 400


def test_a_refresh_token_that_was_used_takes_all_with_it_as_well(site: Site, tokens: dict[str, Any]) -> None:
    fresh = site.refresh(tokens["refresh_token"]).get_json()
    revoke(site, tokens["refresh_token"])
    assert site.refresh(fresh["refresh_token"]).status_code == 400


def test_the_session_and_other_sign_ins_stay(site: Site) -> None:
    visitor = site.browser()
    first, second = site.tokens(visitor=visitor), site.tokens(visitor=visitor)
    revoke(site, first["refresh_token"])
    assert site.userinfo(second["access_token"]).status_code == 200
    assert "code=" in visitor.authorize(prompt="none").location


def test_the_tokens_of_another_client_are_not_touched(site: Site, tokens: dict[str, Any]) -> None:
    site.add_client("learning")
    revoke(site, tokens["access_token"], "learning")
    revoke(site, tokens["refresh_token"], "learning")
    assert site.userinfo(tokens["access_token"]).status_code == 200
    assert site.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "ŵ", "a" * 9000])
def test_what_is_no_token_is_gone_already(shared_site: Site, token: str) -> None:
    revoke(shared_site, token)


def test_revoking_twice_is_no_error(site: Site, tokens: dict[str, Any]) -> None:
    for _ in range(2):
        revoke(site, tokens["access_token"])
        revoke(site, tokens["refresh_token"])


def test_twelve_at_once_are_all_told_yes(site: Site, tokens: dict[str, Any]) -> None:
    answers = together(lambda: site.post("/revoke", token=tokens["access_token"]).status_code)
    assert Counter(answers) == {200: 12}
    answers = together(lambda: site.post("/revoke", token=tokens["refresh_token"]).status_code)
    assert Counter(answers) == {200: 12}


def test_a_public_client_gives_its_own_tokens_back(site: Site) -> None:
    site.add_client("rota", None)
    tokens = site.tokens("rota")
    revoke(site, tokens["refresh_token"], "rota")
    assert site.userinfo(tokens["access_token"]).status_code == 401


def test_an_id_token_is_not_revoked(site: Site, tokens: dict[str, Any]) -> None:
    revoke(site, tokens["id_token"])
    assert site.userinfo(tokens["access_token"]).status_code == 200


def test_who_revokes_must_prove_itself_and_name_a_token(site: Site, tokens: dict[str, Any]) -> None:
    assert refusal(site.post("/revoke", None, token=tokens["access_token"])) == (
        401,
        "invalid_client",
        "client authentication failed",
    )
    assert refusal(site.post("/revoke", token="")) == (400, "invalid_request", "token is missing")
    assert site.userinfo(tokens["access_token"]).status_code == 200
