"""Every table, imported once, so that migrations and their drift test see the whole schema."""

from idp.db import (
    account,
    attempt,
    audit,
    authorization_code,
    authorization_request,
    browser_session,
    client,
    client_assertion,
    consent,
    employer,
    grant,
    link,
    outbox,
    password_history,
    person,
    rate,
    refresh_token,
    revoked_access_token,
    signing_key,
    trace,
)
from idp.db.base import metadata

TABLES = (
    employer.employers,
    person.people,
    account.accounts,
    password_history.password_history,
    client.clients,
    client_assertion.client_assertions,
    signing_key.signing_keys,
    browser_session.browser_sessions,
    authorization_request.authorization_requests,
    authorization_code.authorization_codes,
    grant.grants,
    refresh_token.refresh_tokens,
    revoked_access_token.revoked_access_tokens,
    consent.consents,
    attempt.attempts,
    rate.rates,
    rate.address_failures,
    link.links,
    outbox.outbox,
    audit.audit,
    trace.traces,
)

__all__ = ["TABLES", "metadata"]
