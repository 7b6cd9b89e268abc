"""Read what a browser passes on from an authenticator, believing none of it.

Web Authentication Level 3 §5.1, §5.8.1, §6.1, §6.5.4. Sizes are limited before anything is parsed, and what
is parsed is read to its last byte. Here, too, is refused what py_webauthn lets pass: a page inside another
site's page (§13.4.9), and backup flags that cannot be.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, Self
from uuid import UUID

from idp.services import cbor

TRANSPORTS: Final = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})

_LONGEST_CREDENTIAL_ID = 1023
_LARGEST: Mapping[str, int] = {
    "rawId": _LONGEST_CREDENTIAL_ID,
    "clientDataJSON": 4096,
    "attestationObject": 16_384,
    "authenticatorData": 4096,
    "signature": 1024,
    "userHandle": 64,
}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
# 256 bits, as `randomness.token` writes them.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

_FLAGS, _COUNTER, _END, _MODEL_BYTES = 32, 33, 37, 16
_USER_PRESENT, _USER_VERIFIED, _BACKUP_ELIGIBLE, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_HAS_CREDENTIAL, _HAS_EXTENSIONS = 0x40, 0x80


class Flaw(StrEnum):
    """What is wrong with an answer, as the audit log names it."""

    MALFORMED = "malformed"
    CHALLENGE = "no_challenge"
    TYPE = "wrong_type"
    ORIGIN = "wrong_origin"
    EMBEDDED = "embedded"
    RELYING_PARTY = "wrong_relying_party"
    NOT_PRESENT = "user_not_present"
    NOT_VERIFIED = "user_not_verified"
    BACKUP = "impossible_backup_state"
    KEY = "unsuitable_key"
    ATTESTATION = "not_attested"
    SIGNATURE = "wrong_signature"


class Flawed(Exception):
    """The answer proves nothing."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Assertion:
    """What `navigator.credentials.get` gave."""

    credential_id: bytes
    client_data: bytes
    challenge: str
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes | None

    @classmethod
    def read(cls, text: str) -> Self:
        """From JSON. Raises `Flawed`."""
        credential_id, response = _envelope(text)
        client_data = _bytes(response, "clientDataJSON")
        return cls(
            credential_id=credential_id,
            client_data=client_data,
            challenge=_challenge(client_data),
            authenticator_data=_bytes(response, "authenticatorData"),
            signature=_bytes(response, "signature"),
            user_handle=None if response.get("userHandle") is None else _bytes(response, "userHandle"),
        )


@dataclass(frozen=True, slots=True)
class Registration:
    """What `navigator.credentials.create` gave."""

    credential_id: bytes
    client_data: bytes
    challenge: str
    attestation_object: bytes
    transports: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """From JSON. Raises `Flawed`."""
        credential_id, response = _envelope(text)
        client_data = _bytes(response, "clientDataJSON")
        given = response.get("transports")
        named = {each for each in given if isinstance(each, str)} if isinstance(given, list) else set()
        return cls(
            credential_id=credential_id,
            client_data=client_data,
            challenge=_challenge(client_data),
            attestation_object=_bytes(response, "attestationObject"),
            transports=tuple(sorted(named & TRANSPORTS)),
        )


@dataclass(frozen=True, slots=True)
class Attestation:
    """An attestation object: the authenticator's own data, and a statement about it in some format."""

    format: str
    statement: Mapping[Any, Any]
    authenticator_data: bytes

    @classmethod
    def read(cls, raw: bytes) -> Self:
        """From CBOR. Raises `Flawed`."""
        read, end = _cbor(raw, 0)
        match read:
            case {"fmt": str(named), "attStmt": dict(statement), "authData": bytes(said)} if end == len(raw):
                return cls(named, statement, said)
        raise Flawed(Flaw.MALFORMED)


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """What an authenticator says of a ceremony; of a new credential also its `model` (AAGUID) and its id."""

    sign_count: int
    is_backup_eligible: bool
    is_backed_up: bool
    model: UUID | None
    credential_id: bytes | None

    @classmethod
    def read(cls, raw: bytes, relying_party_id: str) -> Self:
        """Its user was there for us, and was verified: else it raises `Flawed`."""
        if len(raw) < _END:
            raise Flawed(Flaw.MALFORMED)
        if raw[:_FLAGS] != sha256(relying_party_id.encode()).digest():
            raise Flawed(Flaw.RELYING_PARTY)
        flags = raw[_FLAGS]
        if not flags & _USER_PRESENT:
            raise Flawed(Flaw.NOT_PRESENT)
        if not flags & _USER_VERIFIED:
            raise Flawed(Flaw.NOT_VERIFIED)
        if flags & _BACKED_UP and not flags & _BACKUP_ELIGIBLE:
            raise Flawed(Flaw.BACKUP)
        model, credential_id = _to_the_end(raw, flags)
        return cls(
            sign_count=int.from_bytes(raw[_COUNTER:_END]),
            is_backup_eligible=bool(flags & _BACKUP_ELIGIBLE),
            is_backed_up=bool(flags & _BACKED_UP),
            model=model,
            credential_id=credential_id,
        )


def check_client_data(raw: bytes, kind: str, origin: str) -> None:
    """Make sure that our own page asked, for this kind of ceremony. Raises `Flawed`."""
    said = _object(raw)
    if said.get("type") != kind:
        raise Flawed(Flaw.TYPE)
    if said.get("origin") != origin:
        raise Flawed(Flaw.ORIGIN)
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise Flawed(Flaw.EMBEDDED)


def _to_the_end(raw: bytes, flags: int) -> tuple[UUID | None, bytes | None]:
    """The credential in it, if any, when nothing is left over."""
    model, credential_id, end = None, None, _END
    if flags & _HAS_CREDENTIAL:
        model, credential_id, end = _credential(raw)
    if flags & _HAS_EXTENSIONS:
        extensions, end = _cbor(raw, end)
        if not isinstance(extensions, dict):
            raise Flawed(Flaw.MALFORMED)
    if end != len(raw):
        raise Flawed(Flaw.MALFORMED)
    return model, credential_id


def _credential(raw: bytes) -> tuple[UUID | None, bytes, int]:
    start = _END + _MODEL_BYTES + 2
    length = int.from_bytes(raw[start - 2 : start])
    end = start + length
    if not 0 < length <= _LONGEST_CREDENTIAL_ID or end > len(raw):
        raise Flawed(Flaw.MALFORMED)
    key, after = _cbor(raw, end)
    if not isinstance(key, dict):
        raise Flawed(Flaw.MALFORMED)
    model = UUID(bytes=raw[_END : _END + _MODEL_BYTES])
    # All zeros: it does not say.
    return (model if model.int else None), raw[start:end], after


def _cbor(raw: bytes, start: int) -> tuple[cbor.Item, int]:
    try:
        return cbor.read(raw, start)
    except ValueError as error:
        raise Flawed(Flaw.MALFORMED) from error


def _envelope(text: str) -> tuple[bytes, dict[str, Any]]:
    """The credential's id, and the response in it."""
    credential = _object(text)
    response = credential.get("response")
    is_named = credential.get("id") == credential.get("rawId")
    if not is_named or credential.get("type") != "public-key" or not isinstance(response, dict):
        raise Flawed(Flaw.MALFORMED)
    credential_id = _bytes(credential, "rawId")
    if not credential_id:
        raise Flawed(Flaw.MALFORMED)
    return credential_id, response


def _challenge(client_data: bytes) -> str:
    found = _object(client_data).get("challenge")
    if not isinstance(found, str) or not _CHALLENGE.fullmatch(found):
        raise Flawed(Flaw.CHALLENGE)
    return found


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        read = json.loads(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise Flawed(Flaw.MALFORMED) from error
    if not isinstance(read, dict):
        raise Flawed(Flaw.MALFORMED)
    return read


def _bytes(holder: Mapping[str, Any], name: str) -> bytes:
    value = holder.get(name)
    if not isinstance(value, str) or len(value) > (4 * _LARGEST[name] + 2) // 3:
        raise Flawed(Flaw.MALFORMED)
    if not _BASE64URL.fullmatch(value):
        raise Flawed(Flaw.MALFORMED)
    try:
        return urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error as error:
        raise Flawed(Flaw.MALFORMED) from error
