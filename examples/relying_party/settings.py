"""Read the command line of an example application.

The secret comes from a file: a command line is visible to everyone on the machine, and an environment to
every child.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from relying_party.application import Application


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the provider is, who we are to it, and where we are ourselves.

    `other_url` is the neighbouring application's address, `ca_file` a certificate to trust besides the
    public ones.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    base_url: str
    scope: str
    other_url: str | None = None
    ca_file: Path | None = None

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends a signed-in browser back to: register exactly this."""
        return f"{self.base_url}/callback"

    @property
    def post_logout_redirect_uri(self) -> str:
        """Where the provider sends a signed-out browser back to: register exactly this."""
        return f"{self.base_url}/signed-out"


def read(application: Application, argv: Sequence[str]) -> tuple[Settings, int]:
    """Return the settings and the port to listen on; a wrong command line ends the program with a message."""
    parser = argparse.ArgumentParser(description=f"{application.name}: an example relying party.")
    parser.add_argument("--issuer", required=True, type=_address, help="address of the identity provider")
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret-file", required=True, type=Path, metavar="FILE")
    parser.add_argument("--port", required=True, type=int, help="port to listen on, at 127.0.0.1")
    parser.add_argument(
        "--base-url", type=_address, help="our own address; http://localhost:PORT if not given"
    )
    parser.add_argument("--scope", default=application.scope, help=f"default: {application.scope}")
    parser.add_argument("--other-url", type=_address, help=f"address of {application.other}")
    parser.add_argument("--ca-file", type=Path, metavar="PEM", help="CA of the provider's certificate")
    given = parser.parse_args(argv)
    try:
        client_secret = given.client_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"cannot read the client secret: {error}")
    if not client_secret:
        parser.error(f"{given.client_secret_file} is empty: write the client secret into it")
    if given.ca_file is not None and not given.ca_file.is_file():
        parser.error(f"{given.ca_file} is not a file: give the PEM of the provider's CA")
    settings = Settings(
        issuer=given.issuer,
        client_id=given.client_id,
        client_secret=client_secret,
        base_url=given.base_url or f"http://localhost:{given.port}",
        scope=given.scope,
        other_url=given.other_url,
        ca_file=given.ca_file,
    )
    return settings, given.port


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address like https://idp.example")
    return text.rstrip("/").removesuffix(":443" if parts.scheme == "https" else ":80")
