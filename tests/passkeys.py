"""Passkeys of a site's staff, and what the script of our pages does with them."""

import html
import json
import re
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from idp.accounts import browser_session
from idp.db import passkey
from idp.db.account import Account
from idp.db.passkey import Passkey
from idp.services import webauthn
from idp.services.authenticator import Registration
from idp.services.webauthn import Owner
from idp.web import browser
from tests.authenticator import Authenticator, Credential
from tests.site import ISSUER, Site, Visitor

_ANY_CHALLENGE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def give(site: Site, owner: Account, device: Authenticator, name: str = "My phone", **of: Any) -> Passkey:  # noqa: ANN401 - of a registration
    """Put a passkey into a device, and on record."""
    ceremonies = site.provider.passkeys.ceremonies
    known_as = Owner(owner.id.bytes, owner.username, "Jane Smith")
    options = webauthn.registration_options(
        ceremonies.party, _ANY_CHALLENGE, known_as, (), wants_attestation=device.vendor is not None
    )
    registration = Registration.read(device.create(options, **of))
    made = webauthn.verify_registration(ceremonies.party, registration, ceremonies.trust)
    row = Passkey(
        id=site.provider.randomness.uuid(),
        credential_id=made.credential_id,
        account_id=owner.id,
        name=name,
        public_key=made.public_key,
        sign_count=made.sign_count,
        model=made.model,
        transports=made.transports,
        is_backup_eligible=made.is_backup_eligible,
        is_backed_up=made.is_backed_up,
        is_attested=made.is_attested,
        created_at=site.clock.now(),
        last_used_at=None,
    )
    with site.provider.database.write() as connection:
        passkey.add(connection, row)
    return row


def phone() -> Authenticator:
    """A device whose passkeys are synced."""
    return Authenticator(ISSUER)


@dataclass
class Offered:
    """A ceremony that a page offers: the data attributes that the script reads."""

    visitor: Visitor
    words: dict[str, str]

    def ask(self, **fields: str) -> TestResponse:
        """Ask for the options."""
        return self._post(self.words["options"], fields)

    def options(self, **fields: str) -> dict[str, Any]:
        """The options."""
        answer = self.ask(**fields)
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        return said(answer)

    def answer(self, credential: str, **fields: str) -> TestResponse:
        """Send what the authenticator gave."""
        return self._post(self.words["answer"], {**fields, "credential": credential})

    def get(
        self,
        device: Authenticator,
        credential: Credential | None = None,
        **wrong: Any,  # noqa: ANN401 - of an authenticator
    ) -> TestResponse:
        """Use a passkey."""
        return self.answer(device.get(self.options(), credential, **wrong))

    def create(self, device: Authenticator, name: str = "My phone", **wrong: Any) -> TestResponse:  # noqa: ANN401 - the same
        """Make one."""
        return self.answer(device.create(self.options(name=name), **wrong), name=name)

    def _post(self, url: str, fields: dict[str, str]) -> TestResponse:
        sent = {"csrf_token": self.words["csrf"], "link": self.words.get("link", ""), **fields}
        return self.visitor.post(url, sent, headers={"Sec-Fetch-Site": "same-origin"})


def offered(visitor: Visitor, page: TestResponse) -> Offered:
    """What the page offers."""
    found = re.search(r"<div data-passkey=[^>]*>", page.text)
    assert found, page.text
    return Offered(visitor, {name: html.unescape(value) for name, value in _WORD.findall(found[0])})


def offered_to_step_up(visitor: Visitor) -> Offered:
    """What a page for second factors offers to the person of the session, without a waiting request."""
    visitor.get("/login")  # for the cookie of its form
    provider = visitor.site.provider
    form, sid = cookie(visitor, browser.FORM), session_of(visitor)
    token = browser.csrf_token(provider, f"{form} /passkey/mfa/verify {sid}")
    words = {"options": "/passkey/mfa/options", "answer": "/passkey/mfa/verify", "csrf": token}
    return Offered(visitor, words)


def session_of(visitor: Visitor) -> str:
    """The sid of the session in this browser, live or not."""
    with visitor.site.provider.database.read() as connection:
        found = browser_session.find_unended(connection, cookie(visitor, browser.SESSION))
    assert found is not None
    return str(found.sid)


def cookie(visitor: Visitor, name: str) -> str:
    """A cookie of ours."""
    found = visitor.browser.get_cookie(f"__Host-{name}", domain="id.example.nhs.uk")
    assert found is not None
    return found.value


def said(answer: TestResponse) -> dict[str, Any]:
    """The JSON of an answer."""
    assert answer.content_type == "application/json", (answer.status_code, answer.text[:500])
    read: dict[str, Any] = json.loads(answer.text)
    return read


_WORD = re.compile(r'data-([\w-]+)="([^"]*)"')
