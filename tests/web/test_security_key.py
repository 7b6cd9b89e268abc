"""Security keys that their makers vouch for, over HTTP: assurance cases WA-09 and WA-14."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from idp import app as composition
from idp.db import account, audit, passkey
from idp.settings import Settings
from tests.authenticator import BE, BS, MODEL, UP, UV, Authenticator, Vendor
from tests.passkeys import Offered, offered, phone, said
from tests.site import ISSUER, Site, Visitor, body, received
from tests.web.conftest import Build
from tests.web.forms import heading, login_page

VENDOR = Vendor()
OTHER_MODEL = UUID("9c835346-796b-4c27-8898-d6032f515cc5")
LEVEL_3 = ("AAL3_FIDO2", ["pwd", "hwk", "user", "mfa"])
LEVEL_2 = ("AAL2_ANY", ["pwd", "swk", "user", "mfa"])
ONLY = "You need a security key of a kind that your organisation has chosen."


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """The file of those who are trusted: of two makers, one of them `VENDOR`."""
    path = tmp_path / "roots.pem"
    path.write_bytes(Vendor("Keys of York").root_pem + VENDOR.root_pem)
    return path


def ward(build: Build, **settings: Any) -> Site:  # noqa: ANN401 - whatever settings hold
    return build(trusted_networks=(ip_network("0.0.0.0/32"),), **settings)


def adding(site: Site) -> Offered:
    """What Jane is offered, who has just logged in on the ward with her password."""
    visitor = site.browser()
    visitor.log_in(visitor.get("/login"))
    page = visitor.get("/passkey/add")
    assert heading(page) == "Add a passkey"
    return offered(visitor, page)


def reached(site: Site, visitor: Visitor) -> tuple[str, list[str]]:
    claims = site.claims(site.tokens(visitor=visitor)["id_token"])
    return claims["acr"], claims["amr"]


def log_in(site: Site, device: Authenticator) -> dict[str, Any]:
    """The ID Token of a new browser."""
    visitor = site.browser()
    answer = offered(visitor, login_page(visitor)).get(device)
    code = received(visitor.get(said(answer)["location"].removeprefix(ISSUER)))["code"]
    return site.claims(body(site.redeem(code))["id_token"])


def stored(site: Site) -> list[bool]:
    """Of every passkey of Jane's, whether it is attested."""
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
        assert found is not None
        return [each.is_attested for each in passkey.of_account(connection, found.id)]


def test_a_key_whose_maker_is_trusted_reaches_level_3(build: Build, roots: Path) -> None:
    site = ward(build, security_key_roots=roots)
    device = Authenticator.security_key(ISSUER, VENDOR)
    offer = adding(site)
    assert offer.options(name="x")["attestation"] == "direct"

    assert offer.create(device).status_code == 200

    assert stored(site) == [True]
    assert reached(site, offer.visitor) == LEVEL_3
    claims = log_in(site, device)
    assert (claims["acr"], claims["amr"]) == ("AAL3_FIDO2", ["hwk", "user", "mfa"])
    with site.provider.database.read() as connection:
        named = [each.event for each in audit.latest(connection, 50)]
    assert "sign_in.security_key" in named
    assert "second_factor.security_key" in named


@pytest.mark.parametrize(
    "device",
    [
        pytest.param(Authenticator.security_key(ISSUER, Vendor()), id="a foreign root of the same name"),
        pytest.param(Authenticator.security_key(ISSUER), id="no attestation"),
        pytest.param(Authenticator.security_key(ISSUER, VENDOR, OTHER_MODEL), id="another model"),
        pytest.param(Authenticator(ISSUER), id="a telephone"),
    ],
)
class TestAnyOther:
    def test_it_stays_at_level_2(self, build: Build, roots: Path, device: Authenticator) -> None:
        site = ward(build, security_key_roots=roots, security_key_models=frozenset({MODEL}))
        offer = adding(site)

        assert offer.create(device).status_code == 200

        assert stored(site) == [False]
        assert reached(site, offer.visitor) == LEVEL_2
        assert log_in(site, device)["acr"] == "AAL2_ANY"

    def test_it_is_refused_where_attestation_is_required(
        self, build: Build, roots: Path, device: Authenticator
    ) -> None:
        site = ward(
            build,
            security_key_roots=roots,
            security_key_models=frozenset({MODEL}),
            passkey_attestation="required",
        )
        offer = adding(site)

        answer = offer.create(device)

        assert answer.status_code == 422
        assert said(answer)["error"] == "attestation"
        assert stored(site) == []
        with site.provider.database.read() as connection:
            (event,) = [each for each in audit.latest(connection, 50) if each.event == "factor.added"]
        assert (event.outcome, event.detail) == ("failed", {"factor": "passkey", "cause": "not_attested"})
        assert site.claims(site.tokens(visitor=offer.visitor)["id_token"])["acr"] == "AAL1_USERPASS"


def test_an_attested_key_that_could_be_copied_stays_at_level_2(build: Build, roots: Path) -> None:
    site = ward(build, security_key_roots=roots)
    offer = adding(site)
    device = Authenticator(ISSUER, flags=UP | UV | BE | BS, model=MODEL, vendor=VENDOR)

    assert offer.create(device).status_code == 200

    assert reached(site, offer.visitor) == LEVEL_2


def test_where_only_security_keys_may_be_added_the_page_says_so(build: Build, roots: Path) -> None:
    site = ward(build, security_key_roots=roots, passkey_attestation="required")
    offer = adding(site)
    page = offer.visitor.get("/passkey/add")
    assert ONLY in page.text
    assert "This device cannot be used." in offer.words["error-attestation"]

    assert offer.create(Authenticator.security_key(ISSUER, VENDOR)).status_code == 200
    assert reached(site, offer.visitor) == LEVEL_3


def test_without_roots_nothing_is_attested(build: Build) -> None:
    site = ward(build)
    offer = adding(site)
    assert offer.options(name="x")["attestation"] == "none"
    assert ONLY not in offer.visitor.get("/passkey/add").text

    assert offer.create(Authenticator.security_key(ISSUER, VENDOR)).status_code == 200

    assert reached(site, offer.visitor) == LEVEL_2


def test_a_passkey_from_before_attestation_was_required_goes_on_working(
    build: Build, roots: Path, keys_dir: Path
) -> None:
    before, device = ward(build), phone()
    adding(before).create(device)
    settings = Settings(
        issuer=ISSUER,
        database_url=before.provider.database.url,
        keys_dir=keys_dir,
        security_key_roots=roots,
        passkey_attestation="required",
    )
    provider = composition.assemble(settings, clock=before.clock)
    site = replace(before, provider=provider, flask=composition.create_app(settings, provider))

    assert log_in(site, device)["acr"] == "AAL2_ANY"
    provider.database.close()
