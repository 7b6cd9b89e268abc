"""What an operator finds under the reference of a refusal, and that no secret is among it."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from idp.db import trace
from idp.db.trace import Trace
from idp.protocol import errors
from tests.protocol import assertions
from tests.protocol.assertions import Key
from tests.protocol.refusals import reference_of
from tests.site import CALLBACK, ISSUER, VERIFIER, Site, received

SECRET = "a-secret-nobody-may-read"


def trace_of(site: Site, response: TestResponse) -> Trace:
    """The row behind a JSON refusal."""
    return found(site, reference_of(response.get_json()["error_description"]))


def found(site: Site, reference: str) -> Trace:
    with site.provider.database.read() as connection:
        row = trace.find(connection, reference)
    assert row is not None
    return row


def post(site: Site, path: str = "/token", authorization: str | None = None, **form: str) -> TestResponse:
    headers = {} if authorization is None else {"Authorization": authorization}
    return Browser(site.flask).post(path, base_url=ISSUER, data=form, headers=headers)


def basic(client_id: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"


def test_the_operator_learns_what_the_client_must_not(site: Site) -> None:
    site.add_client("rota", None)
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    causes = [
        (
            basic("payslips", SECRET),
            "payslips",
            {"cause": "the client secret is not right", "registered_method": "client_secret_basic"},
        ),
        (basic("nobody", SECRET), "nobody", {"cause": "no client has that client_id"}),
        # A secret in the wrong place: only its beginning is kept.
        (basic("Zm9vYmFyYmF6cXV4", "payslips"), "Zm9vYmFy…", {"cause": "no client has that client_id"}),
        (
            basic("rota", SECRET),
            "rota",
            {"cause": "the client secret is not right", "registered_method": "none"},
        ),
    ]
    for authorization, client_id, detail in causes:
        row = trace_of(site, post(site, authorization=authorization, **form))
        assert (row.request, row.problem, row.client_id) == ("POST /token", "invalid_client", client_id)
        assert row.detail == {**detail, "client_id": client_id}
        assert row.at == site.clock.now()


def test_a_wrong_redirect_uri_is_shown_beside_the_right_one(site: Site) -> None:
    code = site.browser().sign_in_to()["code"]
    row = trace_of(site, site.redeem(code, redirect_uri=CALLBACK + "/"))
    assert row.detail == {
        "cause": "redirect_uri is not the one of the authorization request",
        "received": f"{CALLBACK}/",
        "registered": CALLBACK,
    }


def test_an_unregistered_redirect_uri_is_shown_beside_the_registered_ones(site: Site) -> None:
    page = site.browser().authorize(redirect_uri=CALLBACK + "/")
    row = only_trace(site, page)
    assert (row.request, row.problem, row.client_id) == (
        "GET /authorize",
        "redirect_uri_unregistered",
        "payslips",
    )
    assert row.detail == {"received": f"{CALLBACK}/", "registered": [CALLBACK]}


def only_trace(site: Site, page: TestResponse) -> Trace:
    """The row whose reference the page shows."""
    references = set(re.findall(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}\b", page.text))
    (reference,) = references
    return found(site, reference)


def test_what_the_redirect_says_can_be_looked_up(site: Site) -> None:
    answer = received(site.browser().authorize(code_challenge_method="plain"))
    row = found(site, reference_of(answer["error_description"]))
    assert (row.problem, row.client_id) == ("invalid_request", "payslips")
    assert row.detail == {"cause": "code_challenge_method must be S256", "received": "plain"}


def rows(site: Site) -> Iterator[str]:
    """Every row of every table that an operator reads, as text."""
    engine = create_engine(site.provider.database.url)
    with engine.connect() as connection:
        for table in ("traces", "audit"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):  # noqa: S608 - two literals
                yield str(tuple(row))
    engine.dispose()


def test_no_secret_code_or_token_is_in_an_answer_or_behind_it(
    site: Site, client_keys: dict[str, Key], capsys: pytest.CaptureFixture[str]
) -> None:
    assertions.add_client(site, client_keys)
    tokens = site.tokens()
    spent = site.browser().sign_in_to()["code"]
    site.redeem(spent)
    assertion = assertions.sign(
        assertions.claims(site, aud="https://else.example"), client_keys["EC"], "ES256"
    )
    auth = basic("payslips", "a-secret")
    redeeming = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    refused = [
        post(site, authorization=basic("payslips", SECRET), grant_type="client_credentials"),
        post(site, client_id="payslips", client_secret=SECRET, grant_type="client_credentials"),
        post(site, authorization=basic("nobody", SECRET), grant_type="client_credentials"),
        post(site, authorization=f"Basic {SECRET}", grant_type="client_credentials"),
        post(site, authorization=auth, grant_type=SECRET),
        post(site, authorization=auth, grant_type="client_credentials", scope=SECRET),
        post(site, authorization=auth, **{**redeeming, "code": SECRET}),
        post(site, authorization=auth, **{**redeeming, "code": spent}),
        post(site, authorization=auth, grant_type="refresh_token", refresh_token=SECRET),
        post(
            site,
            authorization=auth,
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            scope=SECRET,
        ),
        post(
            site,
            client_assertion_type=assertions.TYPE,
            client_assertion=assertion,
            grant_type="client_credentials",
        ),
        post(site, client_assertion_type=SECRET, client_assertion=assertion, grant_type="client_credentials"),
        post(site, "/introspect", authorization=basic("payslips", SECRET), token=tokens["access_token"]),
        post(site, "/revoke", authorization=basic("payslips", SECRET), token=tokens["refresh_token"]),
        site.userinfo(tokens["access_token"] + SECRET),
        site.browser().authorize(code_challenge=SECRET),
        site.browser().authorize(id_token_hint=tokens["id_token"] + SECRET),
    ]
    assert {response.status_code for response in refused} == {303, 400, 401}
    site.redeem(spent)
    secrets = [
        SECRET,
        "a-secret'",
        spent,
        assertion,
        VERIFIER,
        *secret_tokens(tokens),
        auth.removeprefix("Basic "),
    ]
    said = [response.text for response in refused] + [str(response.headers) for response in refused]
    written = [*rows(site), capsys.readouterr().out]
    assert len(written) > 20
    assert [secret for secret in secrets if any(secret in one for one in said + written)] == []


def secret_tokens(tokens: dict[str, Any]) -> list[str]:
    return [tokens["access_token"], tokens["refresh_token"], tokens["id_token"]]


def test_what_the_database_cannot_hold_is_kept_as_well_as_it_can(site: Site) -> None:
    row = trace_of(site, post(site, authorization=basic("a%00b", "x"), grant_type="client_credentials"))
    assert row.client_id == "a\N{REPLACEMENT CHARACTER}b"
    forged = assertions.unsigned({"sub": "a\ud800b"})
    answer = post(
        site, client_assertion_type=assertions.TYPE, client_assertion=forged, grant_type="client_credentials"
    )
    assert trace_of(site, answer).client_id == "a?b"


def test_a_description_holds_no_character_that_oauth_forbids(site: Site) -> None:
    """RFC 6749 §5.2: neither quotes nor backslashes, and ASCII only."""
    answer = post(site, authorization=basic("payslips", "a-secret"), grant_type='"\\ŵ')
    description = json.loads(answer.data)["error_description"]
    assert description.isascii()
    assert not set(description) & set('"\\')
    with pytest.raises(ValueError, match="forbidden characters"):
        errors.Refusal("invalid_request", 'it was "this"')
