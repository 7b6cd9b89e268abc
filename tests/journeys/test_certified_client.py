"""A relying-party library that we did not write completes every step, with every check it makes.

pyoidc, which the OpenID Foundation has certified as a relying party (https://openid.net/certification). The
person goes through our pages; everything else is the library's doing.
"""

# mypy: allow-untyped-calls
# pyoidc has annotations in part.

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey
from oic import rndstr
from oic.oauth2.message import ErrorResponse
from oic.oic import Client
from oic.oic.message import (
    AccessTokenResponse,
    AuthorizationResponse,
    OpenIDSchema,
    RegistrationResponse,
)
from oic.utils.authn.client import CLIENT_AUTHN_METHOD
from oic.utils.keyio import KeyBundle, KeyJar

from tests.journeys.live import LiveServer, Person
from tests.site import CALLBACK, SIGNED_OUT

SCOPE = ["openid", "profile", "email", "esr"]


class RelyingParty:
    """An application made with pyoidc: discovered, registered by hand, and signed in to by one person."""

    def __init__(
        self,
        server: LiveServer,
        client_id: str,
        auth_method: str = "client_secret_basic",
        **assertion: object,  # how it signs for itself, where it does
    ) -> None:
        self._authentication = {"authn_method": auth_method, **assertion}
        self.state = rndstr()
        self.oic: Any = Client(
            client_id=client_id,
            client_authn_method=CLIENT_AUTHN_METHOD,
            config={"issuer": server.issuer, "code_challenge": {"method": "S256", "length": 64}},
        )
        self.oic.provider_config(server.issuer)
        registered = RegistrationResponse(
            client_id=client_id,
            redirect_uris=[CALLBACK],
            post_logout_redirect_uris=[SIGNED_OUT],
            token_endpoint_auth_method=auth_method,
        )
        if client_id in server.site.secrets:
            registered["client_secret"] = server.site.secrets[client_id]
        self.oic.store_registration_info(registered)

    def sign_in(self, person: Person, **more: str) -> AccessTokenResponse:
        """Send the person to sign in, and exchange what they bring back."""
        challenge, verifier = self.oic.add_code_challenge()
        asked = self.oic.construct_AuthorizationRequest(
            request_args={
                "client_id": self.oic.client_id,
                "response_type": "code",
                "scope": SCOPE,
                "redirect_uri": CALLBACK,
                "state": self.state,
                "nonce": rndstr(),
                **challenge,
                **more,
            }
        )
        callback = person.sign_in(asked.request(self.oic.authorization_endpoint))
        assert callback.startswith(f"{CALLBACK}?")
        answer = self.oic.parse_response(
            AuthorizationResponse, info=urlsplit(callback).query, sformat="urlencoded"
        )
        assert isinstance(answer, AuthorizationResponse), answer
        tokens = self.oic.do_access_token_request(
            state=self.state,
            request_args={"code": answer["code"], "redirect_uri": CALLBACK, "code_verifier": verifier},
            **self._authentication,
        )
        assert isinstance(tokens, AccessTokenResponse), tokens
        return tokens

    def refresh(self) -> AccessTokenResponse | ErrorResponse:
        """Swap the refresh token."""
        answer: AccessTokenResponse | ErrorResponse
        answer = self.oic.do_access_token_refresh(state=self.state, **self._authentication)
        return answer

    def userinfo(self, method: str = "GET") -> dict[str, Any]:
        """What UserInfo says; the library compares its subject with the ID Token's."""
        claims = self.oic.do_user_info_request(method=method, state=self.state)
        assert isinstance(claims, OpenIDSchema), claims
        return dict(claims.to_dict())

    def sign_out_address(self) -> str:
        """Where the person is sent to sign out."""
        asked = self.oic.construct_EndSessionRequest(
            state=self.state, request_args={"post_logout_redirect_uri": SIGNED_OUT, "state": "bye"}
        )
        return str(asked.request(self.oic.end_session_endpoint))


@pytest.fixture
def person(server: LiveServer) -> Iterator[Person]:
    with server.person() as somebody:
        yield somebody


def test_it_signs_in_reads_refreshes_and_signs_out(server: LiveServer, person: Person) -> None:
    application = RelyingParty(server, "payslips")

    tokens = application.sign_in(person)
    first = tokens["id_token"]
    assert first.jws_header["alg"] == "RS256"
    assert (first["iss"], first["aud"], first["acr"]) == (server.issuer, ["payslips"], "AAL1_USERPASS")

    claims = application.userinfo()
    assert claims["sub"] == first["sub"]
    assert (claims["name"], claims["esr_username"]) == ("Jane Smith", "918JSMITH01")

    refreshed = application.refresh()
    assert isinstance(refreshed, AccessTokenResponse), refreshed
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert {name: refreshed["id_token"][name] for name in ("sub", "sid", "auth_time")} == {
        name: first[name] for name in ("sub", "sid", "auth_time")
    }
    assert application.userinfo("POST") == claims

    goodbye = person.get(application.sign_out_address())
    assert goodbye.headers["Location"] == f"{SIGNED_OUT}?state=bye"
    ended = application.refresh()
    assert isinstance(ended, ErrorResponse)
    assert ended["error"] == "invalid_grant"
    asked_again = person.get(f"{server.issuer}/authorize?{_query_of(application)}")
    assert (asked_again.status_code, 'name="password"' in asked_again.text) == (200, True)


def test_a_second_application_opens_without_a_second_login(server: LiveServer, person: Person) -> None:
    server.site.add_client("rota", "another-secret", id_token_signed_response_alg="ES256")
    here = RelyingParty(server, "payslips").sign_in(person)["id_token"]

    there = RelyingParty(server, "rota").sign_in(person, prompt="none")["id_token"]

    assert there.jws_header["alg"] == "ES256"
    assert (there["sub"], there["sid"], there["auth_time"]) == (here["sub"], here["sid"], here["auth_time"])


def test_it_may_send_its_secret_in_the_body(server: LiveServer, person: Person) -> None:
    server.site.add_client("post", "a secret: 100% ŵ&+/", token_endpoint_auth_method="client_secret_post")
    application = RelyingParty(server, "post", "client_secret_post")

    application.sign_in(person)

    assert isinstance(application.refresh(), AccessTokenResponse)


def test_it_may_sign_for_itself(server: LiveServer, person: Person) -> None:
    key = ECKey.generate_key("P-256")
    public = {"keys": [{**key.as_dict(private=False), "kid": "1", "use": "sig", "alg": "ES256"}]}
    server.site.add_client("signs", None, token_endpoint_auth_method="private_key_jwt", jwks=public)
    application = RelyingParty(server, "signs", "private_key_jwt", algorithm="ES256", lifetime=60)
    application.oic.keyjar[""] = [KeyBundle([{**key.as_dict(private=True), "kid": "1", "use": "sig"}])]

    assert application.sign_in(person)["id_token"]["sub"] == application.userinfo()["sub"]


def test_it_refuses_an_id_token_of_another_key(server: LiveServer, person: Person) -> None:
    """Or else its checks, on which the others rest, would be no checks."""
    strangers = RSAKey.generate_key(2048).as_dict(private=False)
    application = RelyingParty(server, "payslips")
    application.oic.keyjar = KeyJar()
    application.oic.keyjar[server.issuer] = [KeyBundle([{**strangers, "use": "sig"}])]

    with pytest.raises(Exception, match="alg=RS256"):
        application.sign_in(person)


def _query_of(application: RelyingParty) -> str:
    challenge, _ = application.oic.add_code_challenge()
    asked = {"client_id": application.oic.client_id, "response_type": "code", "redirect_uri": CALLBACK}
    return "&".join(f"{name}={value}" for name, value in {**asked, "scope": "openid", **challenge}.items())
