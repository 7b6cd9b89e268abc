"""Subject identifiers: who a person is to one client.

OpenID Connect Core §8: `public` is the account's id; `pairwise` is an HMAC of it for the client's sector,
which neither two sectors nor a copy of the database can join.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

from idp.policy.client_metadata import ClientMetadata, SubjectType


def subject(key: bytes, metadata: ClientMetadata, account_id: UUID) -> str:
    """The `sub` that this client sees of an account, the same at every sign-in."""
    if metadata.subject_type is SubjectType.PUBLIC:
        return str(account_id)
    return _of_sector(key, metadata, b"", account_id)


def session_id(key: bytes, metadata: ClientMetadata, sid: UUID) -> str:
    """The `sid` that this client sees of a session: one value for all would join pairwise subjects again."""
    if metadata.subject_type is SubjectType.PUBLIC:
        return str(sid)
    return _of_sector(key, metadata, b"sid", sid)


def _of_sector(key: bytes, metadata: ClientMetadata, kind: bytes, identifier: UUID) -> str:
    sector = (metadata.sector_identifier or "").encode()
    mac = hmac.digest(key, len(sector).to_bytes(2) + sector + kind + identifier.bytes, hashlib.sha256)
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
