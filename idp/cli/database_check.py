"""Whether a server can work with its database: reachable, at this release's schema, with keys to sign."""

from idp.db import Database, Unavailable, migrate
from idp.protocol.keyring import ALGORITHMS, KeyMissing, KeyRing
from idp.services.clock import SystemClock
from idp.services.keys import KeysUnusable, MasterKeys, SealBroken
from idp.settings import Settings

_OTHER_MASTER = (
    "The signing keys in the database were made under another master key. "
    "Set IDP_KEYS_DIR to the folder that belongs to this database."
)


def problems(settings: Settings) -> list[str]:
    """What is wrong with the database, a sentence each with its remedy."""
    url = settings.database_url
    try:
        if migrate.is_missing(url):
            return ["There is no database yet at IDP_DATABASE_URL. Run: idp db upgrade"]
        pending = migrate.pending(url)
    except Unavailable as unavailable:
        return [f"The database cannot be used: {unavailable} Check IDP_DATABASE_URL, and that it runs."]
    if pending:
        return [f"The database lacks the migration {pending[0]}. Run: idp db upgrade"]
    return _of_signing_keys(settings)


def _of_signing_keys(settings: Settings) -> list[str]:
    database = Database(settings.database_url, pool_size=1)
    try:
        ring = KeyRing(database, MasterKeys.load(settings.keys_dir), SystemClock())
        for alg in ALGORITHMS:
            ring.signer(alg)
    except KeyMissing as missing:
        return [str(missing)]
    except SealBroken:
        return [_OTHER_MASTER]
    except KeysUnusable:  # Whoever loads the key folder says so.
        return []
    finally:
        database.close()
    return []
