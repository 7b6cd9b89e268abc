import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.services.keys import KeysMissing, KeysUnusable, MasterKeys, SealBroken

# openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:00…00 -kdfopt info:esr-idp/1/sealing HKDF
SEALING_KEY = bytes.fromhex("b1d03b61a5674b33984d099d88f3c4b1f4c282ae9ed006cf001ef35fa5fc3888")
# AES-256-GCM under that key with the nonce 00…0b over "JBSWY3DPEHPK3PXP", for "totp:1".
SEALED = bytes.fromhex(
    "01000102030405060708090a0b9b21a6fef292e5230e31a0d90dd37cfed706ccc480ca01775e386136edf72f45"
)


@pytest.fixture
def keys() -> MasterKeys:
    return MasterKeys(master=bytes(32), pepper=b"\x01" * 32)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    MasterKeys.create(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("loose_umask")
def test_new_keys_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    MasterKeys.create(tmp_path / "keys")

    assert mode(tmp_path / "keys") == 0o700
    assert mode(tmp_path / "keys" / "master.key") == 0o600
    assert mode(tmp_path / "keys" / "pepper.key") == 0o600


def test_new_keys_may_go_into_a_folder_that_exists(tmp_path: Path) -> None:
    MasterKeys.create(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"master.key", "pepper.key"}


def test_what_was_created_is_what_is_loaded(tmp_path: Path) -> None:
    created = MasterKeys.create(tmp_path)
    loaded = MasterKeys.load(tmp_path)

    assert loaded.pepper == created.pepper
    assert loaded.derive("cookies") == created.derive("cookies")
    assert loaded.open(created.seal(b"secret", b"row 1"), b"row 1") == b"secret"


def test_each_installation_has_its_own(tmp_path: Path) -> None:
    one, other = MasterKeys.create(tmp_path / "one"), MasterKeys.create(tmp_path / "other")

    assert one.pepper != other.pepper
    assert one.derive("cookies") != other.derive("cookies")


@pytest.mark.parametrize("name", ["master.key", "pepper.key"])
def test_a_key_is_never_overwritten(directory: Path, name: str) -> None:
    for path in directory.iterdir():
        if path.name != name:
            path.unlink()
    before = (directory / name).read_bytes()

    with pytest.raises(KeysUnusable, match=rf"{name} exists already and nothing was changed"):
        MasterKeys.create(directory)

    assert [path.name for path in directory.iterdir()] == [name]
    assert (directory / name).read_bytes() == before


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(KeysUnusable, match="Choose a folder that this user may write"):
        MasterKeys.create(tmp_path / "file" / "keys")


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_may_touch_is_refused_with_the_remedy(directory: Path, bits: int) -> None:
    pepper = directory / "pepper.key"
    pepper.chmod(bits)

    with pytest.raises(KeysUnusable, match=f"`chmod 600 {pepper}`"):
        MasterKeys.load(directory)


@pytest.mark.parametrize("name", ["master.key", "pepper.key"])
def test_a_missing_key_is_refused_with_the_remedy(directory: Path, name: str) -> None:
    (directory / name).unlink()

    with pytest.raises(KeysMissing, match=rf"{name} is missing.*`idp key init`.*restore its backup"):
        MasterKeys.load(directory)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"AAAA\n", id="short"),
        pytest.param(b"A" * 86 + b"==\n", id="long"),
        pytest.param(b"\xff" * 32, id="not text"),
        pytest.param(b"!" * 44, id="not base64"),
    ],
)
def test_a_damaged_key_is_refused_without_being_shown(directory: Path, content: bytes) -> None:
    (directory / "master.key").write_bytes(content)

    with pytest.raises(KeysUnusable, match=r"does not hold a key of 256 bits\. Restore its backup$"):
        MasterKeys.load(directory)


def test_something_else_in_the_place_of_a_key_is_refused(directory: Path) -> None:
    (directory / "master.key").unlink()
    (directory / "master.key").mkdir()

    with pytest.raises(KeysUnusable, match="cannot be read"):
        MasterKeys.load(directory)


def test_a_key_may_be_a_link_as_mounted_secrets_are(directory: Path, tmp_path: Path) -> None:
    (directory / "master.key").rename(tmp_path / "elsewhere")
    (directory / "master.key").symlink_to(tmp_path / "elsewhere")

    MasterKeys.load(directory)


def test_a_derived_key_is_hkdf_sha256_for_its_purpose(keys: MasterKeys) -> None:
    assert keys.derive("sealing") == SEALING_KEY
    assert keys.derive("cookies") != SEALING_KEY


def test_a_seal_opens_to_what_was_sealed(keys: MasterKeys) -> None:
    assert keys.open(keys.seal(b"JBSWY3DPEHPK3PXP", b"totp:1"), b"totp:1") == b"JBSWY3DPEHPK3PXP"
    assert keys.open(keys.seal(b"", b""), b"") == b""


def test_the_format_of_a_seal_stays_readable(keys: MasterKeys) -> None:
    assert keys.open(SEALED, b"totp:1") == b"JBSWY3DPEHPK3PXP"


def test_sealing_twice_shows_nothing_in_common(keys: MasterKeys) -> None:
    assert keys.seal(b"secret", b"")[1:] != keys.seal(b"secret", b"")[1:]


def test_a_seal_does_not_open_for_another_row_or_master_key(keys: MasterKeys) -> None:
    with pytest.raises(SealBroken, match="moved"):
        keys.open(SEALED, b"totp:2")
    with pytest.raises(SealBroken, match="another master key"):
        MasterKeys(master=b"\x02" * 32, pepper=bytes(32)).open(SEALED, b"totp:1")


def test_a_seal_changed_anywhere_does_not_open(keys: MasterKeys) -> None:
    for position in range(len(SEALED)):
        changed = bytearray(SEALED)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            keys.open(bytes(changed), b"totp:1")


def test_a_seal_cut_anywhere_does_not_open(keys: MasterKeys) -> None:
    for length in range(len(SEALED)):
        with pytest.raises(SealBroken):
            keys.open(SEALED[:length], b"totp:1")


def test_the_keys_do_not_show_in_their_repr(keys: MasterKeys) -> None:
    assert repr(keys.pepper) not in repr(keys)
    assert "\\x00" not in repr(keys)


def test_keys_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes each"):
        MasterKeys(master=bytes(16), pepper=bytes(32))
