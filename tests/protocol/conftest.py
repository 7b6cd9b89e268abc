"""Tests of protocol have a whole provider; those that change nothing share one, which is much faster."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.db.signing_key import SigningKey
from tests import postgresql
from tests import site as sites
from tests.protocol.assertions import Key
from tests.site import Site
from tests.site_fixtures import keys_dir, password_hash, signing_keys, site

__all__ = ["keys_dir", "password_hash", "signing_keys", "site"]


@pytest.fixture(scope="session")
def sqlite_shared_url(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> str:
    """A SQLite database for the whole run."""
    path = tmp_path_factory.mktemp("shared") / "idp.sqlite3"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_shared_url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """A PostgreSQL database for the whole run."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_site(
    request: pytest.FixtureRequest, keys_dir: Path, signing_keys: list[SigningKey], password_hash: str
) -> Iterator[Site]:
    """A provider with one account and one client, for requests that are refused and change nothing."""
    url = request.getfixturevalue(f"{request.param}_shared_url")
    built = sites.build(url, keys_dir, signing_keys, password_hash, datetime(2026, 11, 23, 8, tzinfo=UTC))
    built.add_account()
    built.add_client()
    yield built
    built.provider.database.close()


@pytest.fixture(scope="session")
def client_keys() -> dict[str, Key]:
    """A client's own key pairs by `kty`, made once because RSA takes its time."""
    return {
        "RSA": RSAKey.generate_key(2048, {"kid": "rsa"}),
        "EC": ECKey.generate_key("P-256", {"kid": "ec"}),
        "OKP": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
    }


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Published examples by file name, each with its source."""
    folder = Path(__file__).parent.parent / "vectors"
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
