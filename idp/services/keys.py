"""Keep the two secrets that every node shares and no database holds: the master key and the pepper.

Every other key is derived from the master key for one purpose (HKDF-SHA256, RFC 5869), so no two uses can
be played against each other. Columns that must be read back are sealed with AES-256-GCM (NIST SP 800-38D)
under the key for "sealing"; the associated data ties a value to its row. Random nonces allow 2^32 seals
under one master key, far more than there are rows. A file that others may read is refused, not repaired:
what it held may be known already.
"""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER_FILE: Final = "master.key"
PEPPER_FILE: Final = "pepper.key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SEAL_VERSION: Final = b"\x01"


class KeysUnusable(Exception):
    """The key files cannot be used or made as they are; the message tells the operator the remedy."""


class KeysMissing(KeysUnusable):
    """A key file does not exist."""


class SealBroken(Exception):
    """What was sealed has been altered, belongs to another row, or was sealed under another master key."""


class MasterKeys:
    """The secrets of one installation: `pepper` for passwords, and a master key to derive and seal with."""

    __slots__ = ("_master", "_sealing", "pepper")

    def __init__(self, master: bytes, pepper: bytes) -> None:
        if len(master) != _KEY_BYTES or len(pepper) != _KEY_BYTES:
            raise ValueError(f"The master key and the pepper have {_KEY_BYTES} bytes each")
        self._master = master
        self.pepper = pepper
        self._sealing = AESGCM(self.derive("sealing"))

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Make both files (0600) in `directory` (0700 when new), durable on return, and load them.

        Raises `KeysUnusable` when either exists, or cannot be written: a key is never overwritten.
        """
        made: list[Path] = []
        try:
            _make_directory(directory)
            for name in (MASTER_FILE, PEPPER_FILE):
                _write_new(directory / name, made)
            _sync_directory(directory)
        except OSError as error:
            for path in made:
                path.unlink(missing_ok=True)
            raise KeysUnusable(_why_not_made(directory, error)) from error
        return cls.load(directory)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read both files of `directory`; raise `KeysMissing` or `KeysUnusable` with a remedy otherwise."""
        return cls(_read(directory / MASTER_FILE), _read(directory / PEPPER_FILE))

    def derive(self, purpose: str) -> bytes:
        """Return the 32 bytes that belong to `purpose`, the same on every node; keep them if asked often."""
        kdf = HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=b"esr-idp/1/" + purpose.encode())
        return kdf.derive(self._master)

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        """Encrypt `plain` so that only `open` with the same `aad` returns it: version, nonce, text, tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return _SEAL_VERSION + nonce + self._sealing.encrypt(nonce, plain, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Return what was sealed with `aad`; raise `SealBroken` for anything else."""
        version, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if version != _SEAL_VERSION or len(nonce) != _NONCE_BYTES:
            raise SealBroken("This is not a sealed value of a version we know")
        try:
            return self._sealing.decrypt(nonce, ciphertext, aad)
        except InvalidTag:
            raise SealBroken(
                "The sealed value was altered, moved, or sealed under another master key"
            ) from None


def _make_directory(directory: Path) -> None:
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True)
        _sync_directory(directory.parent)


def _write_new(path: Path, made: list[Path]) -> None:
    """Write a new random key to `path`, which must not exist, and note it in `made` as soon as it does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    made.append(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the new names durable too: a file's own fsync does not keep its entry in the directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _why_not_made(directory: Path, error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return (
            f"{error.filename} exists already and nothing was changed. If the keys in {directory} are "
            "in use, keep them; in a new installation, move them away and run `idp key init` again"
        )
    return f"Keys cannot be made in {directory}: {error.strerror}. Choose a folder that this user may write"


def _read(path: Path) -> bytes:
    """Return the key in `path`, having checked the very file that is read."""
    try:
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()).st_mode)
            text = file.read(1024)
    except FileNotFoundError:
        raise KeysMissing(
            f"{path} is missing. In a new installation run `idp key init`; otherwise restore its backup"
        ) from None
    except OSError as error:
        raise KeysUnusable(
            f"{path} cannot be read: {error.strerror}. Give it to the user that runs idp"
        ) from error
    return _decoded(path, text)


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise KeysUnusable(
            f"{path} is open to other users (mode {stat.S_IMODE(mode):04o}). Run `chmod 600 {path}`; "
            "if they may have read it, replace it"
        )


def _decoded(path: Path, text: bytes) -> bytes:
    try:
        key = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise KeysUnusable(f"{path} does not hold a key of {8 * _KEY_BYTES} bits. Restore its backup")
    return key
