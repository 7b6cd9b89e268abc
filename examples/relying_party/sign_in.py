"""Sign people in with OpenID Connect: the module to read before integrating.

OpenID Connect Core 1.0 §3.1 (code flow), §5.3 (UserInfo), §12 (refresh); RFC 7636 (PKCE); RFC 9207 (`iss` in
the response); OpenID Connect RP-Initiated Logout 1.0.

Authlib keeps `state`, `nonce` and the PKCE verifier in the session, sends the requests and checks the ID
Token's signature, times, `nonce` and `at_hash`. It leaves to its caller, so it is done here: that the
discovery document is the issuer's own; `iss` and `state` of *every* response, errors too; that there is an ID
Token at all, and its `aud`; `auth_time` after `max_age`; `acr` when one was demanded; `sub` of UserInfo and
of a refreshed ID Token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, session
from joserfc.errors import InvalidClaimError, JoseError
from werkzeug.datastructures import MultiDict

from relying_party import hops
from relying_party.refusal import Refused
from relying_party.settings import Settings

CLOCK_LEEWAY = 30
HTTP_TIMEOUT = 5
KEYS_MAX_AGE = 600
RENEW_BEFORE = 10
ASSURANCES: Mapping[str, tuple[str, ...]] = {
    "two-factor": ("AAL2_TOTP", "AAL2_ANY", "AAL3_FIDO2", "AAL3_SMARTCARD"),
    "smartcard": ("AAL3_SMARTCARD",),
}
"""The classes of sign-in (`acr`) that are strong enough, by what we call it in a link."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, and the tokens we hold for them. Times in seconds since 1970.

    `claims` are the ID Token's and UserInfo's together; `response_iss` is what RFC 9207 brought.
    """

    claims: Mapping[str, Any]
    id_token: str
    access_token: str
    refresh_token: str | None
    scope: str
    expires_at: int
    nonce: str
    response_iss: str | None

    def must_renew(self, now: float) -> bool:
        """Whether the access token is spent, or so nearly that it may be on arrival."""
        return self.expires_at - RENEW_BEFORE <= now


class IdentityProvider:
    """The identity provider, as one registered client sees it."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._settings = settings
        self._keys_fetched_at = 0.0
        # types-Authlib leaves register() and most of the client unannotated.
        oauth: Any = OAuth(app)
        self._client: Any = oauth.register(
            name="esr",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            # Everything else is learned from here: endpoints, keys, algorithms.
            server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic",
                "default_timeout": HTTP_TIMEOUT,
                "verify": str(settings.ca_file) if settings.ca_file else True,
                "trust_env": False,  # no proxy between us and a provider on this machine
                "hooks": {
                    "response": [hops.record_response]
                },  # for the token inspector; leave it out in yours
            },
        )

    def start(self, options: Mapping[str, str], acr_values: Sequence[str] = ()) -> Response:
        """Send the browser to the provider; `options` are further parameters, such as `prompt`.

        With `acr_values`, only a sign-in of one of these classes will do; not `essential`, they were a wish.
        """
        hops.start_over()
        demanded = {"id_token": {"acr": {"essential": True, "values": acr_values}}}
        claims = {"claims": json.dumps(demanded)} if acr_values else {}
        with _explained():
            self.metadata()
            response: Response = self._client.authorize_redirect(
                self._settings.redirect_uri, **options, **claims
            )
        hops.record_redirect("Authorization request: send the browser to sign in", response.location or "")
        return response

    def finish(self, response: MultiDict[str, str], url: str) -> SignedIn:
        """Turn the provider's `response`, the query of `url`, into a signed-in person.

        Raises Refused when the provider says no, or when anything does not fit what was asked.
        """
        hops.record_redirect("Authorization response: the browser comes back", url)
        asked = self._check_response(response)
        with _explained():
            self._fetch_keys_if_old()
            token = self._client.authorize_access_token(
                claims_options=self._expected_claims(), leeway=CLOCK_LEEWAY
            )
        # Authlib checks an ID Token if there is one. Without one, nobody has signed in.
        if "id_token" not in token:
            raise Refused("no_id_token", "the token response has no ID Token")
        claims = token["userinfo"]
        _check_auth_time(claims, asked)
        _check_acr(claims, asked)
        return SignedIn(
            claims={**claims, **self._userinfo(token["access_token"], str(claims["sub"]))},
            id_token=token["id_token"],
            access_token=token["access_token"],
            refresh_token=token.get("refresh_token"),
            scope=token.get("scope", self._settings.scope),
            expires_at=_expires_at(token),
            nonce=claims["nonce"],
            response_iss=response.get("iss"),
        )

    def refresh(self, signed_in: SignedIn) -> SignedIn:
        """Swap the refresh token for new tokens; one request at a time: each refresh token works once.

        Raises Refused with `invalid_grant` when the person has to sign in again.
        """
        if signed_in.refresh_token is None:
            raise Refused("no_refresh_token", "the provider gave this application no refresh token")
        with _explained():
            token = self._client.fetch_access_token(
                grant_type="refresh_token",
                refresh_token=signed_in.refresh_token,
                scope=signed_in.scope,  # never more than was granted
            )
            if "id_token" in token:
                claims = self._client.parse_id_token(
                    token, nonce=None, claims_options=self._expected_claims(), leeway=CLOCK_LEEWAY
                )
                _check_same_sign_in(signed_in, claims)
        return replace(
            signed_in,
            id_token=token.get("id_token", signed_in.id_token),
            access_token=token["access_token"],
            # No new one means: go on with the old one (RFC 6749 §6).
            refresh_token=token.get("refresh_token", signed_in.refresh_token),
            scope=token.get("scope", signed_in.scope),
            expires_at=_expires_at(token),
        )

    def ask_userinfo(self, signed_in: SignedIn) -> SignedIn:
        """Ask again who this is; raises Refused when the access token is no longer accepted."""
        claims = self._userinfo(signed_in.access_token, str(signed_in.claims["sub"]))
        return replace(signed_in, claims={**signed_in.claims, **claims})

    def sign_out(self, signed_in: SignedIn) -> Response:
        """Send the browser to the provider to end the session there too (RP-Initiated Logout §2)."""
        with _explained():
            self.metadata()
            response: Response = self._client.logout_redirect(
                post_logout_redirect_uri=self._settings.post_logout_redirect_uri,
                id_token_hint=signed_in.id_token,
                client_id=self._settings.client_id,
            )
        response.status_code = 303  # whatever the form was sent with, go on with GET
        return response

    def signed_out(self) -> bool:
        """Whether the browser comes from the sign-out we sent it to, and not from a stranger's link."""
        try:
            self._client.validate_logout_response()
        except AuthlibBaseError:
            return False
        return True

    def metadata(self) -> Mapping[str, Any]:
        """Return the discovery document; raises Refused if it is not the issuer's own (Discovery §4.3)."""
        with _explained():
            metadata: Mapping[str, Any] = self._client.load_server_metadata()
        if metadata.get("issuer") != self._settings.issuer:
            raise Refused("iss_mismatch", f"the discovery document is of {metadata.get('issuer')!r}")
        return metadata

    def keys(self) -> Mapping[str, Any]:
        """Return the provider's public keys as a JWK Set."""
        with _explained():
            self._fetch_keys_if_old()
            keys: Mapping[str, Any] = self._client.fetch_jwk_set()
        return keys

    def _check_response(self, response: MultiDict[str, str]) -> Mapping[str, list[str]]:
        """Return what was asked, if `response` answers a request of this browser and grants it."""
        if any(len(values) > 1 for _, values in response.lists()):
            raise Refused("invalid_response", "a parameter is repeated")
        # RFC 9207 §2.4. First of all: with several providers, even the error belongs to the one that was
        # asked.
        expected = self._settings.issuer
        promised = self.metadata().get("authorization_response_iss_parameter_supported", False)
        if response.get("iss", None if promised else expected) != expected:
            raise Refused("iss_mismatch", f"expected {expected}, received {response.get('iss', 'none')}")
        state = response.get("state")
        kept = self._client.framework.get_state_data(session, state) if state else None
        if kept is None:
            raise Refused("state_mismatch", "this browser has not sent a request with this state")
        asked = parse_qs(urlsplit(kept["url"]).query)
        if "error" in response or "code" not in response:
            self._client.framework.clear_state_data(session, state)
            if asked.get("prompt") == ["none"] and response.get("error") == "login_required":
                session.pop("signed_in", None)  # the provider's session has ended: so does ours
            raise Refused(response.get("error", "invalid_response"), response.get("error_description", ""))
        return asked

    def _expected_claims(self) -> dict[str, dict[str, object]]:
        # Authlib compares `iss` by default, but `aud` only if told to: without it, any client's ID Token
        # would do.
        return {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }

    def _fetch_keys_if_old(self) -> None:
        # An unknown key is fetched by Authlib at once; this forgets a withdrawn one.
        now = time.monotonic()
        if now - self._keys_fetched_at > KEYS_MAX_AGE or not self._keys_fetched_at:
            self._client.fetch_jwk_set(force=True)
            self._keys_fetched_at = now

    def _userinfo(self, access_token: str, sub: str) -> Mapping[str, Any]:
        # Not the whole token response: Authlib would refresh it by itself, and we would miss the new
        # refresh token.
        token = {"access_token": access_token, "token_type": "Bearer"}
        with _explained():
            claims: Mapping[str, Any] = self._client.userinfo(token=token)
        # OpenID Connect Core §5.3.2: a token swapped underway would bring someone else's claims.
        if claims.get("sub") != sub:
            raise Refused("sub_mismatch", "UserInfo describes another person than the ID Token")
        return claims


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the libraries raise into Refused."""
    try:
        yield
    except AuthlibBaseError as error:
        raise Refused(error.error or "oauth_error", error.description or "") from error
    except InvalidClaimError as error:
        is_nonce = error.claim == "nonce"
        raise Refused("nonce_mismatch" if is_nonce else error.error, error.description) from error
    except JoseError as error:
        raise Refused(error.error, error.description) from error
    except requests.HTTPError as error:
        spent = error.response.status_code == HTTPStatus.UNAUTHORIZED
        raise Refused("invalid_token" if spent else "provider_unreachable", str(error)) from error
    except (requests.RequestException, ValueError) as error:
        raise Refused("provider_unreachable", str(error)) from error


def _check_auth_time(claims: Mapping[str, Any], asked: Mapping[str, list[str]]) -> None:
    """OpenID Connect Core §3.1.3.7: whoever asks for a recent sign-in checks that it is one."""
    for max_age in asked.get("max_age", []):
        if time.time() - claims.get("auth_time", 0) > int(max_age) + CLOCK_LEEWAY:
            raise Refused("too_old", f"auth_time is {claims.get('auth_time', 'missing')}")


def _check_acr(claims: Mapping[str, Any], asked: Mapping[str, list[str]]) -> None:
    """OpenID Connect Core §5.5.1.1: whoever demands a class of sign-in checks that it is one of those."""
    for demanded in asked.get("claims", []):
        acr_values = json.loads(demanded)["id_token"]["acr"]["values"]
        if claims.get("acr") not in acr_values:
            raise Refused("too_weak", f"acr is {claims.get('acr', 'missing')}")


def _check_same_sign_in(signed_in: SignedIn, claims: Mapping[str, Any]) -> None:
    """OpenID Connect Core §12.2: a refreshed ID Token is about the same sign-in of the same person."""
    if claims["sub"] != signed_in.claims["sub"]:
        raise Refused("sub_mismatch", "the refreshed ID Token is about another person")
    if claims.get("nonce", signed_in.nonce) != signed_in.nonce:
        raise Refused("nonce_mismatch", "the refreshed ID Token has another nonce")
    if claims.get("auth_time", 0) != signed_in.claims.get("auth_time", claims.get("auth_time", 0)):
        raise Refused("sub_mismatch", "the refreshed ID Token is about another sign-in")


def _expires_at(token: Mapping[str, Any]) -> int:
    # Authlib works it out from expires_in, which the provider may leave out (RFC 6749 §5.1).
    return int(token.get("expires_at") or time.time())
