"""Where a demo lives: its folder, its ports, its database, and the addresses that follow from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import idp
from idp.cli.serve import DEMO_MARKER

PORTS: Final = {
    "the identity provider": 0,
    "My ESR Self-Service": 1,
    "the smartcard origin": 2,
    "Learning": 3,
    "the stand-in for NHS Care Identity": 4,
    "the card authority": 6,
}
"""What listens where, counted from the demo's port."""

_TEST_PORT: Final = 5
LAST_PORT: Final = 6
"""Ports up to here, counted from the demo's, belong to it."""

SQLITE_FILE: Final = "idp.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One demo. `folder` is absolute; `host` is the address the identity provider listens on."""

    folder: Path
    host: str
    port: int
    workers: int
    database_url: str

    @property
    def issuer(self) -> str:
        """A name, not an address: passkeys need one."""
        return f"http://localhost:{self.port}"

    @property
    def self_service(self) -> str:
        """Where the first relying party is."""
        return f"http://localhost:{self.port + 1}"

    @property
    def learning(self) -> str:
        """Where the second relying party is."""
        return f"http://localhost:{self.port + 3}"

    @property
    def test_redirect_uri(self) -> str:
        """Where test clients get their answers; nothing of the demo listens there."""
        return f"http://localhost:{self.port + _TEST_PORT}/callback"

    @property
    def smartcard_port(self) -> int:
        """Where browsers are asked for a smartcard."""
        return self.port + PORTS["the smartcard origin"]

    @property
    def smartcard_origin(self) -> str:
        """The address of that; a name, as the certificate has it."""
        return f"https://localhost:{self.smartcard_port}"

    @property
    def authority_port(self) -> int:
        """Where the authority of the smartcards says which are revoked."""
        return self.port + PORTS["the card authority"]

    @property
    def revocation_list(self) -> str:
        """The address of its list."""
        return f"http://127.0.0.1:{self.authority_port}/cards.crl"

    @property
    def care_identity_port(self) -> int:
        """Where the stand-in for NHS Care Identity listens."""
        return self.port + PORTS["the stand-in for NHS Care Identity"]

    @property
    def care_identity(self) -> str:
        """Its address, which is its name as an issuer too."""
        return f"http://localhost:{self.care_identity_port}"

    @property
    def care_identity_key(self) -> Path:
        """With which the identity provider proves itself there."""
        return self.folder / "care-identity.pem"

    @property
    def care_identity_people(self) -> Path:
        """Who has a Smartcard there."""
        return self.folder / "care-identity.json"

    @property
    def mailbox(self) -> str:
        """A page with every message sent."""
        return f"{self.issuer}/dev/outbox"

    @property
    def keys(self) -> Path:
        """The key folder, which holds the mark that this is a demo."""
        return self.folder / "keys"

    @property
    def marker(self) -> Path:
        """Exists in a demo's key folder alone."""
        return self.keys / DEMO_MARKER

    @property
    def outbox(self) -> Path:
        """One .eml file for each message sent."""
        return self.folder / "outbox"

    @property
    def clients(self) -> Path:
        """Secrets and private keys of the demo's clients."""
        return self.folder / "clients"

    @property
    def ca(self) -> Path:
        """The certificate of the demo's own authority: of cards, and of servers on localhost."""
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The authority's key."""
        return self.folder / "ca.key"

    @property
    def server_certificate(self) -> Path:
        """What a server on localhost shows."""
        return self.folder / "localhost.pem"

    @property
    def server_key(self) -> Path:
        """The key to that."""
        return self.folder / "localhost.key"

    @property
    def cards(self) -> Path:
        """Smartcards: each a .p12 file for browsers, and as .pem and .key for programs."""
        return self.folder / "cards"

    def p12(self, card: str) -> Path:
        """What to import into a browser for the card of that name."""
        return self.cards / f"{card}.p12"

    @property
    def logs(self) -> Path:
        """What each process of the demo has to say."""
        return self.folder / "logs"

    @property
    def description(self) -> Path:
        """The demo for programs."""
        return self.folder / "demo.json"


def bundled(name: str) -> Path:
    """A folder that comes with us: inside the package when installed, beside it in a checkout."""
    package = Path(idp.__file__).resolve().parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name
