"""A site where everybody has to prove a second factor, and people who have one."""

from dataclasses import replace
from pathlib import Path

from idp import app as composition
from idp.policy.second_factor import Rule
from idp.settings import Settings
from tests.accounts.second_factors import Telephone
from tests.accounts.second_factors import build as build_desk
from tests.site import ISSUER, Site


def demanding(site: Site, rule: Rule = Rule.ALWAYS, **changed: object) -> Site:
    """The same site under another rule."""
    provider = site.provider
    entry = replace(provider.entry, rule=rule)
    ruled = replace(
        provider,
        entry=entry,
        sign_in=replace(provider.sign_in, entry=entry),
        mfa=replace(provider.mfa, entry=entry),
        enrolments=replace(provider.enrolments, entry=entry),
        passkeys=replace(provider.passkeys, entry=entry),
        passkey_enrolment=replace(provider.passkey_enrolment, entry=entry),
        **changed,  # type: ignore[arg-type]  # what a test says
    )
    settings = Settings(issuer=ISSUER, database_url=provider.database.url, keys_dir=Path())
    return replace(site, provider=ruled, flask=composition.create_app(settings, ruled))


def telephone(site: Site, username: str = "918JSMITH01") -> Telephone:
    """The app of somebody who has had one for a while."""
    return build_desk(site).add_app(username)


def codes(site: Site, username: str = "918JSMITH01") -> tuple[str, ...]:
    """The recovery codes of somebody who has some."""
    return build_desk(site).add_codes(username)
