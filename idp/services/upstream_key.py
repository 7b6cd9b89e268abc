"""Hold the key that we sign for ourselves with at an upstream OpenID Provider.

RFC 7523 §3, RFC 7638. An RSA or a P-256 key in a PEM file that only we may read. A file that others may read
is refused, not repaired: what it held may be known already. Keys that follow the first sign nothing, and are
published beside it: the next one must be known there before it signs.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, RSAKey

_LEAST_BITS: Final = 2048
_BEGIN: Final = re.compile(rb"(?=-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)")


class KeyUnusable(Exception):
    """The private key cannot be used as it is; the message tells the operator the remedy."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key that we sign for ourselves with; its name is its thumbprint (RFC 7638).

    `others` are published with it.
    """

    key: RSAKey | ECKey
    kid: str
    alg: str
    others: tuple["PrivateKey", ...] = ()

    @property
    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public halves, as a JSON Web Key Set."""
        return {"keys": [_public(each) for each in (self, *self.others)]}

    @classmethod
    def load(cls, path: Path) -> "PrivateKey":
        """Read a PEM file. Raises `KeyUnusable`."""
        try:
            text = path.read_bytes()
            mode = path.stat().st_mode
        except OSError as error:
            raise KeyUnusable(f"{path} cannot be read: {error.strerror}") from error
        if mode & 0o077:
            raise KeyUnusable(f"{path} is open to other users. Run `chmod 600 {path}`, or replace it")
        try:
            return cls.parse(text)
        except ValueError as error:
            raise KeyUnusable(f"{path} {error}") from error

    @classmethod
    def parse(cls, pem: bytes) -> "PrivateKey":
        """Read a PEM. ValueError, with the end of a sentence, for what is no private key that will do."""
        first, *rest = _BEGIN.split(pem)[1:] or [pem]
        return replace(cls._parse_one(first), others=tuple(map(cls._parse_one, rest)))

    @classmethod
    def _parse_one(cls, pem: bytes) -> "PrivateKey":
        try:
            private = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError("holds no private key in PEM without a password") from error
        match private:
            case rsa.RSAPrivateKey() if private.key_size < _LEAST_BITS:
                raise ValueError(f"holds an RSA key of less than {_LEAST_BITS} bits")
            case rsa.RSAPrivateKey():
                key: RSAKey | ECKey = RSAKey.import_key(pem)
                return cls(key, key.thumbprint(), "RS256")
            case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
                key = ECKey.import_key(pem)
                return cls(key, key.thumbprint(), "ES256")
        raise ValueError("holds a key that is neither RSA nor P-256")


def _public(one: PrivateKey) -> dict[str, Any]:
    public: dict[str, Any] = dict(one.key.as_dict(private=False))
    return {**public, "kid": one.kid, "use": "sig", "alg": one.alg}
