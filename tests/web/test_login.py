"""Signing in at the central page, over HTTP."""

from tests.site import Site, body, received


def test_a_person_signs_in_and_the_client_receives_a_code(site: Site) -> None:
    visitor = site.browser()
    page = visitor.follow(visitor.authorize())
    assert page.status_code == 200
    assert "Log in with your credentials" in page.text
    answer = received(visitor.log_in(page))
    assert answer.keys() == {"code", "state", "iss"}
    assert answer["state"] == "a-state"
    assert answer["iss"] == "https://id.example.nhs.uk"
    tokens = body(site.redeem(answer["code"]))
    assert tokens["token_type"] == "Bearer"
    claims = site.claims(tokens["id_token"])
    assert claims["aud"] == "payslips"
    assert claims["nonce"] == "a-nonce"
    assert claims["acr"] == "AAL1_USERPASS"
    assert body(site.userinfo(tokens["access_token"])) == {"sub": claims["sub"]}
    assert site.refresh(tokens["refresh_token"]).status_code == 200


def test_a_second_application_needs_no_second_login(site: Site) -> None:
    site.add_client("learning", redirect_uris=["https://learning.example.nhs.uk/callback"])
    visitor = site.browser()
    visitor.sign_in_to("payslips")
    answer = received(visitor.authorize("learning", redirect_uri="https://learning.example.nhs.uk/callback"))
    assert "code" in answer
