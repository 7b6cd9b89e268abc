"""Saying who one is: what is accepted, what is asked for again, and that no answer tells who is known."""

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from ipaddress import ip_network

import pytest
from werkzeug.test import TestResponse

from idp.accounts.identity import Enclosed, Identity
from idp.db import account, recovery_request
from idp.db.account import AccountState
from idp.policy.recovery import Kind
from idp.services.digest import digest
from tests.observed import statements
from tests.site import ISSUER, Site, Visitor
from tests.web.asking import JANE, PAGES, ask, shape
from tests.web.conftest import Build
from tests.web.forms import cookies_set, form_of, heading, login_page, summary

NAMES = {
    "/forgotten": "Forgotten",
    "/request": "Request Username/Password",
    "/unlock": "Unlock Account",
}


def enclosed(site: Site, answer: TestResponse) -> Enclosed:
    """What was put away for the worker."""
    key = digest(cookies_set(answer)["__Host-asked"]["value"])
    with site.provider.database.read() as connection:
        row = recovery_request.find(connection, key)
    assert row is not None
    return Enclosed.open(site.provider.masters, row.kind, row.digest, row.sealed)


def stored(site: Site, answer: TestResponse) -> Identity:
    """Whom the worker is to look for."""
    return enclosed(site, answer).identity


@pytest.mark.parametrize("path", PAGES)
def test_the_page_asks_who_one_is_and_stores_nothing(site: Site, path: str) -> None:
    with statements() as seen:
        page = site.browser().get(path)
    assert (page.status_code, heading(page)) == (200, NAMES[path])
    assert seen == []
    assert f'href="{path}" aria-current="page"' in page.text


@pytest.mark.parametrize("path", PAGES)
def test_what_was_typed_is_put_away_for_a_worker_and_confirmed(site: Site, path: str) -> None:
    answer = ask(site.browser(), path)
    assert (answer.status_code, answer.location) == (303, f"{ISSUER}{path}/confirmation")
    assert stored(site, answer) == Identity(
        kind=Kind(path.removeprefix("/")),
        email="918jsmith01@example.nhs.uk",
        date_of_birth=date(1984, 2, 29),
        username=None,
        request=None,
    )


def test_the_worker_learns_whom_the_browser_knows_and_whether_the_network_is_trusted(build: Build) -> None:
    site = build(trusted_networks=(ip_network("198.51.100.0/24"),))
    visitor = site.browser()
    unknown = enclosed(site, ask(visitor, "/forgotten"))
    assert (unknown.known_device, unknown.is_trusted) == (None, False)
    visitor.log_in(login_page(visitor))
    known = enclosed(site, ask(visitor, "/forgotten"))
    with site.provider.database.read() as connection:
        owner = account.find(connection, "918JSMITH01")
    assert owner is not None
    known_devices = site.provider.sign_in.known_devices
    assert known_devices.knows(known.known_device, owner.person_id, site.clock.now())
    action, hidden = form_of(visitor.get("/forgotten"))
    peer = {"REMOTE_ADDR": "198.51.100.9"}
    answer = visitor.post(action, {**hidden, **JANE}, environ_overrides=peer)
    assert enclosed(site, answer).is_trusted


def test_the_browser_keeps_what_it_asked_for_an_hour(site: Site) -> None:
    cookie = cookies_set(ask(site.browser(), "/forgotten"))["__Host-asked"]
    assert len(cookie["value"]) == 43
    assert cookie["max-age"] == "3600"
    assert (cookie["path"], cookie["samesite"]) == ("/", "Lax")
    assert {"secure", "httponly"} <= cookie.keys()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        pytest.param({"email": " Jane.Smith@NHS.example "}, {"email": "jane.smith@nhs.example"}, id="case"),
        pytest.param({"username": " 432jsmith01 "}, {"username": "432JSMITH01"}, id="a username"),
        pytest.param({"username": " \t "}, {"username": None}, id="a blank username"),
        pytest.param({"dob_month": "Chwefror"}, {"date_of_birth": date(1984, 2, 29)}, id="a Welsh month"),
        pytest.param({"dob_day": "01"}, {"date_of_birth": date(1984, 2, 1)}, id="a leading zero"),
    ],
)
def test_people_type_in_their_own_way(site: Site, typed: dict[str, str], meant: dict[str, object]) -> None:
    identity = stored(site, ask(site.browser(), "/forgotten", **typed))
    assert {name: getattr(identity, name) for name in meant} == meant


NO_EMAIL = ("email", "Enter the email address associated with your account")
NOT_AN_EMAIL = ("email", "Enter an email address like first.last@domain.com")
NO_DATE = ("dob-day", "Enter your date of birth, for example 15 3 1984")
NOT_A_USERNAME = ("username", "Enter a username like 999JSMITH01, or leave it empty")


@pytest.mark.parametrize(
    ("typed", "problems"),
    [
        pytest.param(
            {"email": "", "dob_day": "", "dob_month": "", "dob_year": "", "username": "Jane"},
            [NO_EMAIL, NO_DATE, NOT_A_USERNAME],
            id="everything at once",
        ),
        pytest.param({"email": " \t "}, [NO_EMAIL], id="a blank address"),
        pytest.param({"email": "first.last"}, [NOT_AN_EMAIL], id="no address"),
        pytest.param({"email": "jane@localhost"}, [NOT_AN_EMAIL], id="no domain"),
        pytest.param({"email": "a@example.nhs.uk,b@example.nhs.uk"}, [NOT_AN_EMAIL], id="two addresses"),
        pytest.param({"email": "a@example.nhs.uk\r\nBcc: b@x.example"}, [NOT_AN_EMAIL], id="CR LF"),
        pytest.param({"email": "a@example.nhs.uk\n"}, [NOT_AN_EMAIL], id="LF at the end"),
        pytest.param({"email": '"a b"@example.nhs.uk'}, [NOT_AN_EMAIL], id="quoted"),
        pytest.param({"email": "Jane <a@example.nhs.uk>"}, [NOT_AN_EMAIL], id="with a name"),
        pytest.param({"email": "j\u0430ne@example.nhs.uk"}, [NOT_AN_EMAIL], id="a Cyrillic a"),
        pytest.param({"email": "jane@ex\u212aample.nhs.uk"}, [NOT_AN_EMAIL], id="a Kelvin sign"),
        pytest.param({"email": f"{'x' * 250}@nhs.uk"}, [NOT_AN_EMAIL], id="too long"),
        pytest.param(
            {"dob_month": ""}, [("dob-month", "Your date of birth must include a month")], id="no month"
        ),
        pytest.param(
            {"dob_day": "30"}, [("dob-day", "Your date of birth must be a day in the calendar")], id="30 Feb"
        ),
        pytest.param(
            {"dob_day": "1", "dob_year": "2999"},
            [("dob-day", "Your date of birth must be in the past")],
            id="unborn",
        ),
        pytest.param(
            {"dob_year": "1899", "dob_day": "1"},
            [("dob-year", "The year of your date of birth must be 1900 or later")],
            id="too long ago",
        ),
        pytest.param({"username": "JSMITH01"}, [NOT_A_USERNAME], id="no employer"),
        pytest.param({"username": "918JSM\u0130TH01"}, [NOT_A_USERNAME], id="a dotted I"),
    ],
)
def test_what_cannot_be_right_is_asked_for_again_in_one_go_and_kept(
    site: Site, typed: dict[str, str], problems: list[tuple[str, str]]
) -> None:
    visitor = site.browser()
    page = visitor.get("/forgotten")
    fields = {**JANE, **{name.replace("_", "-"): value for name, value in typed.items()}}
    with statements() as seen:
        answer = visitor.submit(page, **fields)
    assert answer.status_code == 422
    assert "<title>Error: Forgotten" in answer.text
    assert summary(answer) == problems
    assert seen == []
    kept = {html.unescape(value) for value in re.findall(r'value="([^"]*)"', answer.text)}
    assert {value for value in fields.values() if value} <= kept
    assert visitor.submit(answer, **JANE).status_code == 303


def test_a_field_that_comes_twice_counts_as_left_out(site: Site) -> None:
    visitor = site.browser()
    action, hidden = form_of(visitor.get("/forgotten"))
    sent = [*hidden.items(), *JANE.items(), ("email", "b@example.nhs.uk")]
    page = visitor.browser.post(
        action, base_url=ISSUER, data="&".join(f"{name}={value}" for name, value in sent), content_type=FORM
    )
    assert summary(page) == [NO_EMAIL]


FORM = "application/x-www-form-urlencoded"


def nothing(_site: Site) -> None:
    pass


def an_account(state: AccountState) -> Callable[[Site], object]:
    return lambda site: site.add_account("918JDOE01", state=state)


STRANGERS = [
    pytest.param({"email": "nobody@example.nhs.uk"}, nothing, id="an address nobody has"),
    pytest.param({"dob_day": "28"}, nothing, id="another date of birth"),
    pytest.param({"username": "918NOBODY01"}, nothing, id="a username nobody has"),
    pytest.param({"username": "918JSMITH01"}, nothing, id="her own username"),
    pytest.param(
        {"username": "918JDOE01"}, an_account(AccountState.ACTIVE), id="the username of somebody else"
    ),
    *(
        pytest.param({"email": "918jdoe01@example.nhs.uk"}, an_account(state), id=state.value)
        for state in AccountState
    ),
]


@pytest.mark.parametrize(("typed", "prepare"), STRANGERS)
@pytest.mark.parametrize("path", PAGES)
def test_a_member_and_a_stranger_get_the_same_answer_for_the_same_work(
    site: Site, path: str, typed: dict[str, str], prepare: Callable[[Site], object]
) -> None:
    prepare(site)
    visitors = (site.browser(), site.browser())
    pages = [visitor.get(path) for visitor in visitors]
    fields = {name.replace("_", "-"): value for name, value in typed.items()}
    answers, work = [], []
    for visitor, page, more in zip(visitors, pages, ({}, fields), strict=True):
        with statements() as seen:
            answer = visitor.submit(page, **{**JANE, **more})
        with statements() as after:
            confirmation = visitor.follow(answer)
        answers.append((shape(answer), shape(confirmation)))
        work.append((seen, after))
    assert answers[0] == answers[1]
    assert work[0] == work[1]
    assert answers[0][0][:2] == (303, f"https://id.example.nhs.uk{path}/confirmation")
    assert len([sql for sql in work[0][0] if sql.startswith("INSERT")]) == 4, "three counters, one request"


class TestFromAnApplication:
    @pytest.mark.parametrize("path", PAGES)
    def test_the_waiting_request_is_carried_along(self, site: Site, path: str) -> None:
        visitor = site.browser()
        query = f"?{form_of(login_page(visitor))[0].partition('?')[2]}"
        page = visitor.get(f"{path}{query}")
        assert form_of(page)[0] == f"{path}{query}"
        assert f'href="/unlock{query}"' in page.text
        wrong = visitor.submit(page, **{**JANE, "email": ""})
        answer = visitor.submit(wrong, **JANE)
        assert answer.location == f"{ISSUER}{path}/confirmation{query}"
        assert stored(site, answer).request == query.removeprefix("?request=")
        assert f'href="/login{query}"' in visitor.follow(answer).text

    @pytest.mark.parametrize(
        "query", ["?request=x", "?request=" + "x" * 43, "?request=%22%3E%3Cb%3E", "?request=a&request=b"]
    )
    def test_what_is_no_waiting_request_is_left_behind(self, site: Site, query: str) -> None:
        visitor = site.browser()
        page = visitor.get(f"/forgotten{query}")
        assert form_of(page)[0] == "/forgotten"
        answer = ask(visitor, "/forgotten", query=query)
        assert answer.location == f"{ISSUER}/forgotten/confirmation"
        assert stored(site, answer).request is None

    def test_another_browser_s_request_is_left_behind(self, site: Site) -> None:
        query = f"?{form_of(login_page(site.browser()))[0].partition('?')[2]}"
        answer = ask(site.browser(), "/forgotten", query=query)
        assert stored(site, answer).request is None

    def test_the_page_is_in_the_language_of_the_login(self, site: Site) -> None:
        visitor = site.browser()
        query = f"?{form_of(login_page(visitor, ui_locales='cy'))[0].partition('?')[2]}"
        assert '<html lang="cy">' in visitor.get(f"/forgotten{query}").text
        answer = ask(visitor, "/forgotten", query=query)
        assert '<html lang="cy">' in visitor.follow(answer).text


class TestTooMuch:
    def test_the_eleventh_request_of_an_address_waits(self, site: Site) -> None:
        visitor = site.browser()
        assert [ask(visitor, path).status_code for path in (*PAGES, *PAGES, *PAGES, "/unlock")] == [303] * 10
        stopped = ask(visitor, "/forgotten")
        assert (stopped.status_code, heading(stopped)) == (429, "Too many requests from this network")
        assert not stopped.headers.getlist("Set-Cookie")
        assert 1 <= int(stopped.headers["Retry-After"]) <= 601
        site.clock.advance(timedelta(seconds=int(stopped.headers["Retry-After"])))
        assert ask(visitor, "/forgotten").status_code == 303

    def test_a_form_to_fill_in_again_is_no_request(self, site: Site) -> None:
        visitor = site.browser()
        assert [ask(visitor, "/forgotten", email="x").status_code for _ in range(11)] == [422] * 11
        assert ask(visitor, "/forgotten").status_code == 303

    def test_another_address_and_a_hospital_have_limits_of_their_own(self, build: Build) -> None:
        site = build(recovery_per_ten_minutes=1, trusted_networks=(ip_network("198.51.100.0/24"),))
        visitor = site.browser()
        for peer, allowed in (("192.0.2.7", 1), ("192.0.2.8", 1), ("198.51.100.9", 10)):
            answers = [from_address(visitor, peer) for _ in range(allowed + 1)]
            assert answers == [303] * allowed + [429], peer

    def test_all_together_may_ask_so_often_an_hour(self, build: Build) -> None:
        site = build(recovery_per_hour=2)
        visitor = site.browser()
        assert [ask(visitor, "/forgotten").status_code for _ in range(2)] == [303, 303]
        busy = ask(visitor, "/unlock")
        assert busy.status_code == 503
        assert heading(busy) == "Very many people are asking for login details at the moment"
        assert int(busy.headers["Retry-After"]) >= 1

    def test_what_is_too_much_is_the_same_for_a_member_and_a_stranger(self, build: Build) -> None:
        site = build(recovery_per_ten_minutes=1)
        visitor = site.browser()
        ask(visitor, "/forgotten")
        member, stranger = ask(visitor, "/forgotten"), ask(visitor, "/forgotten", email="nobody@nhs.example")
        assert shape(member) == shape(stranger)
        assert member.status_code == 429


def from_address(visitor: Visitor, peer: str) -> int:
    action, hidden = form_of(visitor.get("/forgotten"))
    answer = visitor.post(action, {**hidden, **JANE}, environ_overrides={"REMOTE_ADDR": peer})
    return answer.status_code
