"""The demo's relying parties: the two that people see, and those that programs test with.

Each secret is a file of its own in DIR/clients, made once: the database knows its digest alone. A client
that signs its assertions has its private JWK Set there.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from idp.cli.demo.files import write
from idp.cli.demo.place import Place, bundled
from idp.services.randomness import SystemRandomness

SELF_SERVICE: Final = "my-esr-self-service"
LEARNING: Final = "learning"

_P256_BYTES: Final = 32
_SCOPE: Final = "openid profile email esr"
_BASIC: Final = "client_secret_basic"
_CODE: Final = ("authorization_code",)
_REFRESH: Final = ("authorization_code", "refresh_token")
_OWN: Final = ("client_credentials",)


@dataclass(frozen=True, slots=True)
class Client:
    """A client and its registration, but for its public keys, which follow from the private ones."""

    client_id: str
    metadata: Mapping[str, Any]

    @property
    def auth_method(self) -> str:
        """How it proves itself."""
        method: str = self.metadata["token_endpoint_auth_method"]
        return method

    def credentials(self, folder: Path) -> Path | None:
        """The file with its secret or its private keys; a public client has none."""
        match self.auth_method:
            case "none":
                return None
            case "private_key_jwt":
                return folder / f"{self.client_id}.jwks.json"
            case _:
                return folder / f"{self.client_id}.secret"

    def has_credentials(self, folder: Path) -> bool:
        """Whether nothing is missing."""
        path = self.credentials(folder)
        return path is None or path.exists()

    def make_credentials(self, folder: Path) -> None:
        """Draw a secret, or a key pair, unless there is one."""
        path = self.credentials(folder)
        if path is None or path.exists():
            return
        text = _private_jwks(self.client_id) if path.suffix == ".json" else SystemRandomness().token()
        write(path, f"{text}\n")

    def secret(self, folder: Path) -> str | None:
        """The secret, of a client that has one."""
        path = self.credentials(folder)
        return path.read_text().strip() if path is not None and path.suffix == ".secret" else None

    def public_jwks(self, folder: Path) -> dict[str, Any] | None:
        """The public half of its keys, of a client that has some."""
        path = self.credentials(folder)
        if path is None or path.suffix != ".json":
            return None
        keys = json.loads(path.read_text())["keys"]
        return {"keys": [{name: value for name, value in key.items() if name != "d"} for key in keys]}


def clients(place: Place) -> tuple[Client, ...]:
    """Every client of a demo."""
    shared = {"redirect_uris": [place.test_redirect_uri], "scope": _SCOPE, "first_party": True}
    offline = {**shared, "scope": f"{_SCOPE} offline_access"}
    # RFC 8252 §7.3: a native application may listen on any port of the loopback address.
    native = {**shared, "redirect_uris": ["http://127.0.0.1/callback", place.test_redirect_uri]}
    third_party = {**shared, "first_party": False, "subject_type": "pairwise"}
    return (
        Client(SELF_SERVICE, _example("self_service.json", 8001, place.port + 1)),
        Client(LEARNING, _example("learning.json", 8003, place.port + 3)),
        Client("test-code", _metadata("Test: code", _BASIC, _CODE, shared)),
        Client("test-refresh", _metadata("Test: refresh", _BASIC, _REFRESH, offline)),
        Client("test-service", _metadata("Test: service", _BASIC, _OWN, {"scope": "staff.read"})),
        Client(
            "test-public",
            _metadata("Test: public", "none", _REFRESH, {**native, "application_type": "native"}),
        ),
        Client("test-private-key", _metadata("Test: private key", "private_key_jwt", _REFRESH, offline)),
        Client("rota-planner", _metadata("Rota Planner", _BASIC, _REFRESH, third_party)),
    )


def _metadata(name: str, method: str, grants: Sequence[str], more: Mapping[str, Any]) -> dict[str, Any]:
    return {"client_name": name, "token_endpoint_auth_method": method, "grant_types": list(grants), **more}


def _example(name: str, written: int, actual: int) -> dict[str, Any]:
    """The metadata of an example, at the port it has here."""
    text = (bundled("examples") / name).read_text(encoding="utf-8")
    metadata: dict[str, Any] = json.loads(text.replace(f"localhost:{written}", f"localhost:{actual}"))
    return metadata


def _private_jwks(client_id: str) -> str:
    """A new ES256 key as a JWK Set (RFC 7518 §6.2)."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    coordinates = numbers.public_numbers
    key = {"kty": "EC", "crv": "P-256", "kid": f"{client_id}-1", "use": "sig", "alg": "ES256"}
    key |= {
        "x": _base64url(coordinates.x),
        "y": _base64url(coordinates.y),
        "d": _base64url(numbers.private_value),
    }
    return json.dumps({"keys": [key]})


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(_P256_BYTES)).rstrip(b"=").decode()
