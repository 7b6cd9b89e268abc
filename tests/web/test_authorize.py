"""The hub answers in the mode the client asked for, and tells the browser where forms may lead."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.db import account
from idp.db.account import AccountState
from tests.site import CALLBACK, ISSUER, PASSWORD, Site, Visitor, received, request_for
from tests.web.forms import form_of, heading, login_page

ORIGIN = "https://payslips.example.nhs.uk"


def form_action(page: TestResponse) -> str:
    found = re.search(r"form-action ([^;]+);", page.headers["Content-Security-Policy"])
    assert found
    return found[1]


def signed_in(site: Site) -> Visitor:
    visitor = site.browser()
    visitor.log_in(login_page(visitor))
    return visitor


def test_an_answer_by_form_post_is_a_page_that_may_post_to_the_client_alone(site: Site) -> None:
    page = signed_in(site).authorize(response_mode="form_post")
    assert (page.status_code, heading(page)) == (200, "Returning you to your application")
    assert form_action(page) == f"'self' {ORIGIN}"
    action, fields = form_of(page)
    assert action == CALLBACK
    assert fields.keys() == {"code", "state", "iss"}
    assert page.headers["Cache-Control"] == "no-store"
    assert "onload" not in page.text
    assert site.redeem(fields["code"]).status_code == 200


def test_form_post_works_after_a_login_and_escapes_what_it_carries(site: Site) -> None:
    visitor = site.browser()
    page = login_page(visitor, response_mode="form_post", state='"><script>alert(1)</script>')
    page = visitor.log_in(page)
    assert form_of(page)[1]["state"] == '"><script>alert(1)</script>'
    assert "<script>alert" not in page.text


def test_an_error_goes_by_form_post_too(site: Site) -> None:
    page = signed_in(site).authorize(response_mode="form_post", scope="openid birthdate")
    action, fields = form_of(page)
    assert (action, fields["error"]) == (CALLBACK, "invalid_scope")
    assert form_action(page) == f"'self' {ORIGIN}"


def test_the_pages_on_the_way_may_lead_to_this_request_s_client_alone(site: Site) -> None:
    site.add_client("rota", client_name="Rota", first_party=False)
    visitor = site.browser()
    page = login_page(visitor, "rota", prompt="login")
    assert form_action(page) == f"'self' {ORIGIN}"
    failed = visitor.submit(page, username="918JSMITH01", password="wrong")
    assert form_action(failed) == f"'self' {ORIGIN}"
    consent = visitor.log_in(failed)
    assert form_action(consent) == f"'self' {ORIGIN}"
    select = visitor.follow(visitor.authorize(prompt="select_account"))
    assert form_action(select) == f"'self' {ORIGIN}"
    assert form_action(visitor.get("/")) == "'self'"


def test_a_fragment_answer_stays_out_of_the_query(site: Site) -> None:
    answer = signed_in(site).authorize(response_mode="fragment")
    assert answer.location.startswith(f"{CALLBACK}#code=")
    assert "?" not in answer.location


def test_an_error_names_a_reference_that_explains_it(site: Site) -> None:
    answer = received(site.browser().authorize(code_challenge=None))
    assert answer["error"] == "invalid_request"
    assert re.search(r"\(reference [0-9A-Z]{4}-[0-9A-Z]{2}\)$", answer["error_description"])


def test_a_posted_request_may_come_twice_and_is_refused_as_such(site: Site) -> None:
    visitor = site.browser()
    pairs = [*request_for().items(), ("client_id", "another")]
    posted = visitor.browser.post(
        "/authorize",
        base_url=ISSUER,
        data="&".join(f"{name}={value}" for name, value in pairs),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert posted.status_code == 303
    assert "Its request names more than one application." in visitor.follow(posted).text


def test_a_request_without_a_person_leaves_nothing_behind(site: Site) -> None:
    visitor = signed_in(site)
    answer = visitor.authorize()
    assert "code" in received(answer)
    assert not answer.headers.getlist("Set-Cookie")


def test_a_login_is_only_asked_for_at_our_own_address(site: Site) -> None:
    visitor = site.browser()
    answer = visitor.browser.get(
        "/authorize",
        base_url="https://evil.example",
        query_string=request_for(),
        headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"},
    )
    assert answer.location.startswith(f"{ISSUER}/login?")
    page = login_page(visitor)
    assert "evil.example" not in visitor.submit(page, username="918JSMITH01", password=PASSWORD).location


def test_a_raw_byte_in_the_query_is_refused_to_who_is_signed_in_too(site: Site) -> None:
    visitor = signed_in(site)
    query = urlencode(request_for(login_hint="jane")).replace("jane", "j\xe9ne")
    answer = visitor.browser.get("/authorize", base_url=ISSUER, environ_overrides={"QUERY_STRING": query})
    assert (answer.status_code, heading(answer)) == (400, "We could not read this request")


NEW = "Cloud.Tiger.Sock48"


def due(site: Site) -> Visitor:
    """The browser of someone whose password must be changed."""
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    return site.browser()


def submitted(visitor: Visitor, page: TestResponse) -> TestResponse:
    """The login form posted, and no redirect followed beyond the hub's own."""
    posted = visitor.submit(page, username="918JDOE01", password=PASSWORD)
    return visitor.get(posted.location.removeprefix(ISSUER))


def change(visitor: Visitor, page: TestResponse) -> TestResponse:
    return visitor.follow(visitor.submit(page, password=NEW, confirm_password=NEW))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="nothing special"),
        pytest.param({"prompt": "login"}, id="prompt=login"),
        pytest.param({"prompt": "select_account"}, id="prompt=select_account"),
        pytest.param({"prompt": "consent"}, id="prompt=consent"),
        pytest.param({"max_age": "0"}, id="max_age=0"),
    ],
)
def test_whose_password_is_due_changes_it_first_and_then_gets_what_was_asked_for(
    site: Site, asked: dict[str, str]
) -> None:
    visitor = due(site)
    page = login_page(visitor, **asked)
    handle = form_of(page)[0].split("request=")[1]
    hub = submitted(visitor, page)
    assert hub.location == f"{ISSUER}/change-password?request={handle}"
    site.clock.advance(timedelta(minutes=5))
    answer = change(visitor, visitor.follow(hub))
    if asked == {"prompt": "consent"}:
        answer = visitor.follow(visitor.submit(answer, decision="allow"))
    tokens = site.redeem(received(answer)["code"])
    claims = site.claims(tokens.get_json()["id_token"])
    assert (claims["acr"], claims["amr"]) == ("AAL1_USERPASS", ["pwd"])
    assert claims["auth_time"] == int(site.clock.now().timestamp()) - 300


@pytest.mark.parametrize("path", ["authorize", "consent", "select-account"])
def test_with_a_due_password_every_way_leads_to_the_new_one(site: Site, path: str) -> None:
    site.add_client("rota", client_name="Rota", first_party=False)
    visitor = due(site)
    page = login_page(visitor, "rota", prompt="select_account")
    handle = form_of(page)[0].split("request=")[1]
    submitted(visitor, page)
    address = f"/authorize/{handle}" if path == "authorize" else f"/{path}?request={handle}"
    assert heading(visitor.follow(visitor.get(address))) == "You need a new password"
    consent = change(visitor, visitor.follow(visitor.get(address)))
    assert 'value="allow"' in consent.text


def test_consent_that_is_posted_with_a_due_password_is_not_given(site: Site) -> None:
    site.add_client("rota", client_name="Rota", first_party=False)
    visitor = site.browser()
    consent = visitor.log_in(login_page(visitor, "rota"))
    action, fields = form_of(consent)
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    visitor.log_in(visitor.get(action.replace("/consent", "/login")), "918JDOE01")
    refused = visitor.post(action, {**fields, "decision": "allow"})
    assert refused.status_code == 403
    assert heading(visitor.follow(visitor.get(action))) == "You need a new password"


def test_another_application_asks_for_the_password_again_while_it_is_due(site: Site) -> None:
    site.add_client("rota", client_name="Rota")
    visitor = due(site)
    visitor.log_in(login_page(visitor), "918JDOE01")
    assert received(visitor.authorize("rota", prompt="none"))["error"] == "login_required"
    page = visitor.follow(visitor.authorize("rota"))
    assert heading(page) == "Log in with your credentials"
    assert heading(visitor.log_in(page, "918JDOE01")) == "You need a new password"


def test_who_has_a_due_password_and_is_not_the_hinted_person_is_sent_back(site: Site) -> None:
    hint = site.tokens()["id_token"]
    visitor = due(site)
    answer = received(visitor.log_in(login_page(visitor, id_token_hint=hint), "918JDOE01"))
    assert answer["error"] == "login_required"


def test_a_session_that_was_open_when_the_password_became_due_logs_in_first(site: Site) -> None:
    site.add_account("918JDOE01")
    visitor = site.browser()
    page = login_page(visitor, prompt="consent")
    handle = form_of(page)[0].split("request=")[1]
    consent = visitor.log_in(page, "918JDOE01")
    assert 'value="allow"' in consent.text
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JDOE01")
        assert found is not None
        account.set_state(connection, found.id, AccountState.ACTIVE, AccountState.MUST_CHANGE_PASSWORD)
    assert heading(visitor.follow(visitor.get(f"/authorize/{handle}"))) == "Log in with your credentials"
    assert heading(visitor.follow(visitor.get("/change-password"))) == "Log in with your credentials"
