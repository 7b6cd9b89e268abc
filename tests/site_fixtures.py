"""Fixtures of a whole provider, for the tests of web, protocol and accounts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from idp.db import Database
from idp.db.signing_key import SigningKey
from idp.protocol import keyring
from idp.services.hashing import Hasher
from idp.services.keys import MasterKeys
from tests import site as sites
from tests.site import Site


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Master key and pepper, made once: what is tested is what they protect."""
    folder = tmp_path_factory.mktemp("installation") / "keys"
    MasterKeys.create(folder)
    return folder


@pytest.fixture(scope="session")
def signing_keys(keys_dir: Path, migrated_sqlite: Path) -> list[SigningKey]:
    """A signing key for every algorithm and stage, made once because RSA takes its time."""
    copy = keys_dir.parent / "keys.sqlite3"
    copy.write_bytes(migrated_sqlite.read_bytes())
    database = Database(f"sqlite:///{copy}")
    made = keyring.make(database, MasterKeys.load(keys_dir), datetime(2026, 11, 1, tzinfo=UTC))
    database.close()
    return made


@pytest.fixture(scope="session")
def password_hash(keys_dir: Path) -> str:
    """The hash of everybody's password."""
    return Hasher(MasterKeys.load(keys_dir).pepper, sites.HASHES).hash(sites.PASSWORD)


@pytest.fixture
def site(
    database_url: str, keys_dir: Path, signing_keys: list[SigningKey], password_hash: str, now: datetime
) -> Iterator[Site]:
    """A provider with one account and one client."""
    built = sites.build(database_url, keys_dir, signing_keys, password_hash, now)
    built.add_account()
    built.add_client()
    yield built
    built.provider.database.close()
