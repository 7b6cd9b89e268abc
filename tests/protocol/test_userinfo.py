"""UserInfo: what each scope says of the person, and to whom it says nothing."""

from datetime import date, timedelta
from typing import Any

import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from idp.db import account, employer, person
from idp.db.account import Account, AccountState
from idp.db.employer import Employer
from idp.db.person import Person
from tests.protocol.refusals import refusal
from tests.site import ISSUER, Site

ENDED = (401, "invalid_token", "the access token has expired or was revoked")
CHALLENGE = (
    'Bearer realm="userinfo", error="invalid_token", '
    'error_description="the access token has expired or was revoked"'
)
EVERYTHING = "openid profile email esr birthdate offline_access"


@pytest.fixture
def token(site: Site) -> str:
    access_token: str = site.tokens(scope="openid email")["access_token"]
    return access_token


def call(site: Site, method: str = "GET", **kwargs: Any) -> TestResponse:  # noqa: ANN401 - werkzeug's
    return Browser(site.flask).open("/userinfo", method=method, base_url=ISSUER, **kwargs)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


CLAIMS: list[tuple[str, dict[str, object]]] = [
    ("openid", {}),
    (
        "openid profile",
        {"name": "Jane Smith", "given_name": "Jane", "family_name": "Smith", "locale": "en"},
    ),
    ("openid email", {"email": "918jsmith01@example.nhs.uk", "email_verified": False}),
    (
        "openid esr",
        {
            "esr_username": "918JSMITH01",
            "esr_employer": {"code": "918", "name": "NHS Blood and Transplant", "ods_code": "T1150"},
            "esr_roles": ["Staff Nurse"],
        },
    ),
    ("openid birthdate", {"birthdate": "1984-02-29"}),
    ("openid offline_access", {}),
    (
        EVERYTHING,
        {
            "name": "Jane Smith",
            "given_name": "Jane",
            "family_name": "Smith",
            "locale": "en",
            "email": "918jsmith01@example.nhs.uk",
            "email_verified": False,
            "esr_username": "918JSMITH01",
            "esr_employer": {"code": "918", "name": "NHS Blood and Transplant", "ods_code": "T1150"},
            "esr_roles": ["Staff Nurse"],
            "birthdate": "1984-02-29",
        },
    ),
]


@pytest.mark.parametrize(("scope", "claims"), CLAIMS)
def test_each_scope_gives_its_claims(site: Site, scope: str, claims: dict[str, object]) -> None:
    site.add_client("records", scope=EVERYTHING)
    visitor = site.browser()
    response = visitor.follow(visitor.authorize("records", scope=scope))
    response = visitor.log_in(response)
    if response.status_code == 200:  # some of it is only given with the person's consent
        assert {"birthdate", "offline_access"} & set(scope.split())
        response = visitor.follow(visitor.submit(response, decision="allow"))
    code = response.location.partition("?code=")[2].partition("&")[0]
    tokens = site.redeem(code, "records").get_json()
    answer = site.userinfo(tokens["access_token"])
    sub = site.claims(tokens["id_token"])["sub"]
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {"sub": sub, **claims}


def test_what_nobody_knows_is_left_out(site: Site) -> None:
    """OpenID Connect Core §5.3.2, for someone with one name and an employment without a job title."""
    now = site.clock.now()
    who, which = site.provider.randomness.uuid(), site.provider.randomness.uuid()
    with site.provider.database.write() as connection:
        employer.add(connection, Employer("432", "ESNEFT", None, "Colchester", None))
        born = date(2000, 12, 1)
        person.add(connection, Person(who, None, "Sŵn", "swn@example.nhs.uk", None, None, born, "cy", now))
        row = Account(
            id=which,
            person_id=who,
            employer_code="432",
            username="432SSWN01",
            job_title=None,
            locality=None,
            state=AccountState.ACTIVE,
            password_hash=site.password_hash,
            password_changed_at=None,
            ends_on=None,
            created_at=now,
            last_sign_in_at=None,
        )
        account.add(connection, row)
    code = site.browser().sign_in_to(username="432SSWN01", scope="openid profile esr")["code"]
    answer = site.userinfo(site.redeem(code).get_json()["access_token"]).get_json()
    assert answer == {
        "sub": str(which),
        "name": "Sŵn",
        "family_name": "Sŵn",
        "locale": "cy",
        "esr_username": "432SSWN01",
        "esr_employer": {"code": "432", "name": "ESNEFT", "ods_code": None},
        "esr_roles": [],
    }


def test_the_token_may_come_in_a_header_or_in_a_posted_form(site: Site, token: str) -> None:
    answers = [
        call(site, headers=bearer(token)),
        call(site, headers={"Authorization": f"bearer  {token} "}),
        call(site, "POST", headers=bearer(token)),
        call(site, "POST", data={"access_token": token}),
        call(site, "POST", headers=bearer(token), data='{"a": 1}', content_type="application/json"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.data for answer in answers}) == 1


def test_the_token_does_not_come_in_an_address(site: Site, token: str) -> None:
    response = Browser(site.flask).get(f"/userinfo?access_token={token}", base_url=ISSUER)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="userinfo"'


def test_the_token_comes_once(site: Site, token: str) -> None:
    twice = (400, "invalid_request", "the access token came twice")
    assert refusal(call(site, "POST", headers=bearer(token), data={"access_token": token})) == twice
    assert refusal(call(site, "POST", data={"access_token": [token, token]})) == twice


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer  "}],
)
def test_without_a_token_the_challenge_tells_no_error(shared_site: Site, headers: dict[str, str]) -> None:
    """RFC 6750 §3.1."""
    response = call(shared_site, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="userinfo"'
    assert response.get_json() == {}


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "\u00e9", "a" * 9000, '", error="x'])
def test_what_is_no_token_is_refused(shared_site: Site, token: str) -> None:
    response = call(shared_site, headers=bearer(token))
    assert refusal(response) == ENDED
    assert response.headers["WWW-Authenticate"] == CHALLENGE


def test_an_expired_token_is_refused(site: Site, token: str) -> None:
    site.clock.advance(timedelta(seconds=300))
    assert refusal(site.userinfo(token)) == ENDED


def test_a_revoked_token_is_refused_though_it_was_just_accepted(site: Site, token: str) -> None:
    assert site.userinfo(token).status_code == 200
    assert site.post("/revoke", token=token).status_code == 200
    assert refusal(site.userinfo(token)) == ENDED


def test_without_openid_nothing_is_said(site: Site) -> None:
    token = site.tokens(scope="email profile")["access_token"]
    response = site.userinfo(token)
    assert refusal(response) == (
        403,
        "insufficient_scope",
        "the access token was not granted openid",
    )
    assert response.headers["WWW-Authenticate"].startswith(
        'Bearer realm="userinfo", error="insufficient_scope"'
    )


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.LEAVER, AccountState.INACTIVE])
def test_nothing_is_said_of_an_account_that_has_ended(site: Site, token: str, state: AccountState) -> None:
    with site.provider.database.write() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        assert account.set_state(connection, found.id, AccountState.ACTIVE, state)
    assert refusal(site.userinfo(token)) == ENDED


def test_employment_ends_with_its_last_day(site: Site) -> None:
    site.clock.advance(timedelta(hours=16, minutes=58))
    site.add_account("918AJONES01", ends_on=date(2026, 11, 23))
    code = site.browser().sign_in_to(username="918AJONES01")["code"]
    token = site.redeem(code).get_json()["access_token"]
    site.clock.advance(timedelta(seconds=119))
    assert site.userinfo(token).status_code == 200
    site.clock.advance(timedelta(seconds=1))
    assert refusal(site.userinfo(token)) == ENDED
