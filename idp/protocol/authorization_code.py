"""The authorization code grant: issue a code for a validated request, exchange it once.

RFC 6749 §4.1, OpenID Connect Core §3.1.3, RFC 9700 §2.1. The gate is one UPDATE that spends the code for the
authenticated client; expiry, redirect URI and PKCE are checked on the row it returns, so a wrong verifier
costs the code. A code that comes again revokes everything its first use gave (RFC 6749 §4.1.2).
"""

from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.db import Connection, audit, authorization_code, consent, grant, refresh_token
from idp.db.audit import AuditEvent
from idp.db.authorization_code import AuthorizationCode
from idp.db.grant import Grant
from idp.db.refresh_token import RefreshToken
from idp.policy.authentication import Authentication
from idp.policy.consent import is_needed
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.protocol import pkce, token_response
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.clients import RegisteredClient
from idp.protocol.errors import Refusal
from idp.protocol.request import ProtocolRequest
from idp.services.digest import digest
from idp.services.randomness import Randomness


def issue(
    connection: Connection,
    randomness: Randomness,
    lifetimes: Lifetimes,
    request: AuthorizationRequest,
    authentication: Authentication,
    now: datetime,
) -> str:
    """Store a new code for the request and return it. One statement."""
    code = randomness.token()
    authorization_code.add(
        connection,
        AuthorizationCode(
            digest=digest(code),
            client_id=request.client.client_id,
            grant_id=randomness.uuid(),
            account_id=authentication.account_id,
            sid=authentication.sid,
            redirect_uri=request.redirect_uri,
            scope=tuple(sorted(request.asked.scope)),
            nonce=request.nonce,
            code_challenge=request.code_challenge,
            auth_time=authentication.auth_time,
            acr=authentication.acr,
            amr=authentication.amr,
            created_at=now,
            expires_at=now + lifetimes.code,
            nhsid_useruid=authentication.nhsid_useruid,
        ),
    )
    return code


@dataclass(frozen=True, slots=True)
class _Redeemed:
    grant: Grant
    nonce: str | None
    refresh_token: str | None


class AuthorizationCodeGrant(BaseGrant, TokenEndpointMixin):
    """Exchanges a code for tokens."""

    GRANT_TYPE = "authorization_code"
    request: ProtocolRequest

    def validate_token_request(self) -> None:
        """Who asks, and whether it asks in full. Raises `Refusal`; nothing has changed then."""
        self.request.client = client = self.server.authenticate_client(self.request)
        self.server.check_grant_type(client, self.GRANT_TYPE)
        for name in ("code", "redirect_uri"):
            if name not in self.request.form:
                raise Refusal("invalid_request", f"{name} is missing")

    def create_token_response(self) -> tuple[int, dict[str, object], tuple[tuple[str, str], ...]]:
        """Spend the code, commit, then sign. A refusal commits too: the code stays spent."""
        now = self.server.clock.now()
        client = self.request.client
        with self.server.database.write() as connection:
            outcome = self._redeem(connection, client, now)
        if isinstance(outcome, Refusal):
            raise outcome
        body = self.server.tokens.for_grant(
            client,
            outcome.grant,
            scope=frozenset(outcome.grant.scope),
            refresh_token=outcome.refresh_token,
            nonce=outcome.nonce,
            now=now,
        )
        return 200, body, token_response.HEADERS

    def _redeem(self, connection: Connection, client: RegisteredClient, now: datetime) -> _Redeemed | Refusal:
        presented = digest(self.request.form["code"])
        code = authorization_code.redeem(connection, presented, client.client_id, now)
        if code is None:
            return self._refuse_spent(connection, presented, client, now)
        problem = self._problem(code, now)
        if problem is not None:
            _record(connection, self.request, code, now, outcome="refused", cause=problem.description)
            return problem
        made = _grant_of(code, now)
        if not grant.add_if_live(connection, made, now):
            return Refusal("invalid_grant", "the session, the account or the client has ended")
        if self._is_withdrawn(connection, client, code):
            grant.revoke(connection, made.id, now)
            problem = Refusal("invalid_grant", "what the person had allowed was withdrawn")
            _record(connection, self.request, code, now, outcome="refused", cause=problem.description)
            return problem
        raw = self.server.randomness.token() if client.may_refresh else None
        if raw is not None:
            refresh_token.add(connection, _first_refresh_token(raw, made, self.server.lifetimes, now))
        _record(connection, self.request, code, now, outcome="success", cause=None)
        return _Redeemed(made, code.nonce, raw)

    def _refuse_spent(
        self, connection: Connection, presented: bytes, client: RegisteredClient, now: datetime
    ) -> Refusal:
        grant_id = authorization_code.find_redeemed(connection, presented, client.client_id)
        if grant_id is None:
            return Refusal("invalid_grant", "this client has no such code")
        grant.revoke(connection, grant_id, now)
        audit.record(
            connection,
            AuditEvent(
                at=now,
                event=EventName.CODE_REPLAYED,
                outcome="revoked",
                client_id=client.client_id,
                grant_id=grant_id,
                address=self.request.address,
            ),
        )
        return Refusal("invalid_grant", "the code was used before; what it gave is revoked")

    def _is_withdrawn(
        self, connection: Connection, client: RegisteredClient, code: AuthorizationCode
    ) -> bool:
        """Whether the consent that the code rests on is gone.

        Asked after the grant was made, for which the session's row is held: in that order who withdraws a
        consent holds them, too.
        """
        first_party, asked = client.metadata.first_party, frozenset(code.scope)
        if not is_needed(first_party=first_party, asked=asked, granted=frozenset()):
            return False
        granted = consent.hold(connection, code.account_id, code.client_id)
        return is_needed(first_party=first_party, asked=asked, granted=granted)

    def _problem(self, code: AuthorizationCode, now: datetime) -> Refusal | None:
        form = self.request.form
        if code.expires_at <= now:
            return Refusal("invalid_grant", "the code has expired")
        if form["redirect_uri"] != code.redirect_uri:
            return Refusal(
                "invalid_grant",
                "redirect_uri is not the one of the authorization request",
                explained={"received": form["redirect_uri"][:2048], "registered": code.redirect_uri},
            )
        if not pkce.verifies(form.get("code_verifier"), code.code_challenge):
            return Refusal("invalid_grant", "code_verifier does not match the code_challenge")
        return None


def _grant_of(code: AuthorizationCode, now: datetime) -> Grant:
    return Grant(
        id=code.grant_id,
        client_id=code.client_id,
        account_id=code.account_id,
        sid=code.sid,
        scope=code.scope,
        auth_time=code.auth_time,
        acr=code.acr,
        amr=code.amr,
        offline="offline_access" in code.scope,
        created_at=now,
        nhsid_useruid=code.nhsid_useruid,
    )


def _first_refresh_token(raw: str, made: Grant, lifetimes: Lifetimes, now: datetime) -> RefreshToken:
    idle, absolute = lifetimes.refresh(offline=made.offline)
    # A session ends so long after its sign-in; a grant that begins late in it does not prolong it.
    ends_at = made.auth_time + absolute
    return RefreshToken(
        digest=digest(raw),
        client_id=made.client_id,
        grant_id=made.id,
        parent_digest=None,
        scope=made.scope,
        created_at=now,
        expires_at=min(now + idle, ends_at),
        ends_at=ends_at,
        rotated_at=None,
    )


def _record(
    connection: Connection,
    request: ProtocolRequest,
    code: AuthorizationCode,
    now: datetime,
    *,
    outcome: str,
    cause: str | None,
) -> None:
    audit.record(
        connection,
        AuditEvent(
            at=now,
            event=EventName.CODE_REDEEMED,
            outcome=outcome,
            account_id=code.account_id,
            client_id=code.client_id,
            sid=code.sid,
            grant_id=code.grant_id,
            address=request.address,
            detail=None if cause is None else {"cause": cause},
        ),
    )
