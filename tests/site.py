"""A whole provider for one test: an installation with staff and clients, driven over HTTP."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from idp import app as composition
from idp.db import account, client, employer, person, signing_key
from idp.db.account import Account, AccountState
from idp.db.employer import Employer
from idp.db.person import Person
from idp.policy import client_metadata
from idp.policy.client_metadata import ClientMetadata
from idp.protocol import pkce
from idp.provider import Provider
from idp.services.digest import digest
from idp.services.hashing import HashParameters
from idp.settings import Settings
from tests.fakes import FakeClock

ISSUER = "https://id.example.nhs.uk"
PASSWORD = "Tin.Horse.Lamp19"
HASHES = HashParameters(memory=64, passes=1)
"""A hash of next to no cost: what one costs is for the tests of hashing, and those of servers."""

CALLBACK = "https://payslips.example.nhs.uk/callback"
SIGNED_OUT = "https://payslips.example.nhs.uk/signed-out"
VERIFIER = "a-verifier-of-forty-three-characters-or-more-0"


@dataclass
class Site:
    """The provider under test, its staff and its clients."""

    provider: Provider
    flask: Flask
    clock: FakeClock
    password_hash: str
    secrets: dict[str, str] = field(default_factory=dict)

    def browser(self) -> "Visitor":
        """A fresh browser at the issuer's origin."""
        return Visitor(self)

    def add_client(
        self, client_id: str = "payslips", secret: str | None = "a-secret", **metadata: object
    ) -> str:
        """Register a client; by default a confidential first-party one that may do everything."""
        members: dict[str, object] = {
            "client_name": "Payslips",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [SIGNED_OUT],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email esr",
            "first_party": True,
            **metadata,
        }
        if secret is None and "token_endpoint_auth_method" not in members:
            members["token_endpoint_auth_method"] = "none"
        parsed = client_metadata.parse(members)
        assert isinstance(parsed, ClientMetadata), parsed
        now = self.clock.now()
        row = client.Client(
            client_id=client_id,
            metadata=client_metadata.to_json(parsed),
            secret_digest=None if secret is None else digest(secret),
            created_at=now,
            updated_at=now,
            disabled_at=None,
        )
        with self.provider.database.write() as connection:
            client.add(connection, row)
        if secret is not None:
            self.secrets[client_id] = secret
        return client_id

    def add_account(
        self,
        username: str = "918JSMITH01",
        *,
        state: AccountState = AccountState.ACTIVE,
        ends_on: date | None = None,
        person_id: UUID | None = None,
        language: str = "en",
    ) -> Account:
        """Someone on the staff, whose password is `PASSWORD`."""
        randomness, now = self.provider.randomness, self.clock.now()
        who = person_id or randomness.uuid()
        made = Account(
            id=randomness.uuid(),
            person_id=who,
            employer_code=username[:3],
            username=username,
            job_title="Staff Nurse",
            locality="Bristol",
            state=state,
            password_hash=None if state is AccountState.PENDING else self.password_hash,
            password_changed_at=None,
            ends_on=ends_on,
            created_at=now,
            last_sign_in_at=None,
        )
        with self.provider.database.write() as connection:
            if employer.find(connection, username[:3]) is None:
                employer.add(
                    connection,
                    Employer(username[:3], "NHS Blood and Transplant", "T1150", "Bristol", "0117 496 0000"),
                )
            if person_id is None:
                email = f"{username.lower()}@example.nhs.uk"
                born = date(1984, 2, 29)
                person.add(connection, Person(who, "Jane", "Smith", email, None, None, born, language, now))
            account.add(connection, made)
        return made

    def post(self, path: str, client_id: str | None = "payslips", **form: str) -> TestResponse:
        """What a client's server posts, authenticated with its secret."""
        auth = (client_id, self.secrets[client_id]) if client_id in self.secrets else None
        if client_id is not None and auth is None:
            form.setdefault("client_id", client_id)
        return Browser(self.flask).post(path, base_url=ISSUER, data=form, auth=auth)

    def redeem(self, code: str, client_id: str | None = "payslips", **form: str) -> TestResponse:
        """Exchange a code."""
        fields = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER, **form}
        return self.post("/token", client_id, grant_type="authorization_code", code=code, **fields)

    def refresh(self, token: str, client_id: str | None = "payslips", **form: str) -> TestResponse:
        """Use a refresh token."""
        return self.post("/token", client_id, grant_type="refresh_token", refresh_token=token, **form)

    def tokens(
        self, client_id: str = "payslips", visitor: "Visitor | None" = None, **asked: str
    ) -> dict[str, Any]:
        """Sign in and exchange the code."""
        visitor = visitor or self.browser()
        code = visitor.sign_in_to(client_id, **asked)["code"]
        answer = self.redeem(code, client_id, redirect_uri=asked.get("redirect_uri", CALLBACK))
        assert answer.status_code == 200, answer.text
        return body(answer)

    def userinfo(self, access_token: str) -> TestResponse:
        """Ask UserInfo."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return Browser(self.flask).get("/userinfo", base_url=ISSUER, headers=headers)

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a signed token, checked with the published keys."""
        keys = KeySet.import_key_set(json.loads(self.provider.keyring.jwks()))
        return jwt.decode(token, keys, algorithms=["RS256", "ES256", "EdDSA"]).claims


class Visitor:
    """A person's browser: keeps cookies, follows nothing by itself, fills forms as a person would."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.browser = Browser(site.flask)

    def get(self, path: str, **kwargs: Any) -> TestResponse:  # noqa: ANN401 - werkzeug's
        return self.browser.get(path, base_url=ISSUER, **kwargs)

    def post(self, path: str, data: Mapping[str, str], **kwargs: Any) -> TestResponse:  # noqa: ANN401 - the same
        return self.browser.post(path, base_url=ISSUER, data=dict(data), **kwargs)

    def authorize(self, client_id: str = "payslips", **asked: str | None) -> TestResponse:
        """Start an authorization request; a value of None leaves a parameter out."""
        return self.get("/authorize?" + urlencode(request_for(client_id, **asked)))

    def follow(self, response: TestResponse) -> TestResponse:
        """Follow redirects as long as they stay with us."""
        while response.status_code == 303 and response.location.startswith(ISSUER):
            response = self.get(response.location.removeprefix(ISSUER))
        return response

    def submit(self, page: TestResponse, **fields: str) -> TestResponse:
        """Fill in the page's form and send it."""
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        found = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert found, page.text
        return self.post(found[1].replace("&amp;", "&"), {**hidden, **fields})

    def log_in(
        self, page: TestResponse, username: str = "918JSMITH01", password: str = PASSWORD
    ) -> TestResponse:
        """Fill in the login page, and go where it leads."""
        return self.follow(self.submit(page, username=username, password=password))

    def sign_in_to(
        self, client_id: str = "payslips", username: str = "918JSMITH01", **asked: str | None
    ) -> dict[str, str]:
        """Go through the login page and the consent page when there is one; what the client receives."""
        response = self.follow(self.authorize(client_id, **asked))
        if response.status_code == 200 and 'name="password"' in response.text:
            response = self.log_in(response, username)
        if response.status_code == 200 and 'value="allow"' in response.text:
            response = self.follow(self.submit(response, decision="allow"))
        return received(response)


def request_for(client_id: str = "payslips", **asked: str | None) -> dict[str, str]:
    """The parameters of an authorization request that is right unless `asked` makes it wrong."""
    parameters = {
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": pkce.challenge(VERIFIER),
        "code_challenge_method": "S256",
        **asked,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def body(answer: TestResponse) -> dict[str, Any]:
    """The JSON object of an answer."""
    decoded: dict[str, Any] = json.loads(answer.text)
    return decoded


def received(response: TestResponse) -> dict[str, str]:
    """The parameters a client receives in a redirect's query."""
    assert response.status_code == 303, (response.status_code, response.text[:2000])
    assert not response.location.startswith(ISSUER), response.location
    return dict(parse_qsl(urlsplit(response.location).query))


def build(
    url: str,
    keys_dir: Path,
    rows: list[signing_key.SigningKey],
    password_hash: str,
    now: datetime,
    **more: Any,  # noqa: ANN401 - settings
) -> Site:
    """An installation on a migrated database, with signing keys that were made before."""
    cost = {"hash_memory_kib": HASHES.memory, "hash_passes": HASHES.passes}
    settings = Settings(issuer=ISSUER, database_url=url, keys_dir=keys_dir, **{**cost, **more})
    clock = FakeClock(now)
    provider = composition.assemble(settings, clock=clock)
    with provider.database.write() as connection:
        for row in rows:
            signing_key.add(connection, row)
    return Site(provider, composition.create_app(settings, provider), clock, password_hash)
