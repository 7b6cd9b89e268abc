"""Operators see whether NHS Care Identity can be used as it is set up, and what to register there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from tests.care import client_key
from tests.cli.conftest import Operator
from tests.upstream import CLIENT_ID, Upstream, replacing


@pytest.fixture
def upstream(idp: Operator, tmp_path: Path) -> Iterator[Upstream]:
    """NHS Care Identity, and we are its client."""
    with Upstream(idp.clock) as upstream:
        idp.settings |= {
            "IDP_CARE_IDENTITY_ISSUER": upstream.issuer,
            "IDP_CARE_IDENTITY_CLIENT_ID": CLIENT_ID,
            "IDP_CARE_IDENTITY_KEY": str(client_key(tmp_path)),
        }
        yield upstream


def test_what_it_says_and_what_it_has_to_know_is_shown(idp: Operator, upstream: Upstream) -> None:
    said = idp.json("care-identity", "check")

    assert said["provider"] == {
        "issuer": upstream.issuer,
        "authorization_endpoint": f"{upstream.issuer}/authorize",
        "token_endpoint": f"{upstream.issuer}/token",
        "userinfo_endpoint": f"{upstream.issuer}/userinfo",
        "keys": ["rsa-1"],
        "acr_values": ["AAL3_ANY"],
        "max_age": 0,
    }
    (key,) = said["client"].pop("jwks")["keys"]
    assert (key["kty"], "d" in key) == ("EC", False)
    issuer = idp.settings["IDP_ISSUER"]
    assert said["client"] == {
        "client_id": "999999999999.apps.national",
        "redirect_uri": f"{issuer}/care-identity/return",
        "jwks_uri": f"{issuer}/care-identity/jwks.json",
        "backchannel_logout_uri": f"{issuer}/care-identity/logout",
    }
    assert idp.does("care-identity", "check").startswith("NHS Care Identity answers, and has keys.\n")


def test_one_that_cannot_be_used_is_refused_with_the_cause(idp: Operator, upstream: Upstream) -> None:
    upstream.change_jwks = replacing(keys=[])
    assert "has no key for RS256" in idp.refused("care-identity", "check")

    upstream.change_discovery = replacing(issuer="https://another.example")
    assert "is of the issuer 'https://another.example'" in idp.refused("care-identity", "check")

    upstream.answers["/.well-known/openid-configuration"] = lambda _request: Response(status=503)
    assert "it answers with status 503" in idp.refused("care-identity", "check")


def test_without_settings_there_is_nothing_to_check(idp: Operator) -> None:
    assert "Set IDP_CARE_IDENTITY_ISSUER" in idp.refused("care-identity", "check")
