"""`idp care-identity`: whether NHS Care Identity answers, and what it has to know of us."""

import json

import click

from idp import assembly
from idp.cli.command import Answer, Refusal, operates
from idp.cli.installation import Installation
from idp.cli.table import pairs
from idp.services.http import Breaker
from idp.services.upstream import Unreachable
from idp.services.upstream_metadata import UpstreamMetadata


@click.group(name="care-identity")
def care_identity() -> None:
    """See whether NHS Care Identity answers, and what to register there."""


@care_identity.command()
@operates
def check(installation: Installation) -> Answer:
    """Fetch its discovery document and its keys, as a login would, and show what to register there."""
    settings, now = installation.settings, installation.now()
    client = assembly.upstream_client(settings, installation.clock, installation.randomness)
    if client is None:
        raise Refusal(
            "NHS Care Identity is not set up here. Set IDP_CARE_IDENTITY_ISSUER, IDP_CARE_IDENTITY_CLIENT_ID "
            "and IDP_CARE_IDENTITY_KEY."
        )
    there = UpstreamMetadata(client.issuer, Breaker())
    try:
        metadata, names = there.document(now), there.key_names(now)
    except Unreachable as unreachable:
        raise Refusal(f"NHS Care Identity cannot be used: {unreachable}") from unreachable
    if not names:
        raise Refusal(f"NHS Care Identity cannot be used: {metadata.jwks_uri} has no key for RS256")
    found = {
        "issuer": client.issuer,
        "authorization_endpoint": metadata.authorization_endpoint,
        "token_endpoint": metadata.token_endpoint,
        "userinfo_endpoint": metadata.userinfo_endpoint,
        "keys": list(names),
        "acr_values": list(settings.care_identity_acr_values),
        "max_age": int(settings.care_identity_max_age.total_seconds()),
    }
    ours = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "jwks_uri": f"{settings.issuer}/care-identity/jwks.json",
        "backchannel_logout_uri": f"{settings.issuer}/care-identity/logout",
        "jwks": client.public_jwks,
    }
    return Answer(
        {"provider": found, "client": ours},
        [
            "NHS Care Identity answers, and has keys.",
            "",
            *pairs((name, _text(value)) for name, value in found.items()),
            "",
            "Registered there should be:",
            "",
            *pairs((name, _text(value)) for name, value in ours.items() if name != "jwks"),
            "",
            json.dumps(ours["jwks"]),
        ],
    )


def _text(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value
