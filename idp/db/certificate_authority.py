"""Certificate authorities whose smartcards are believed, and where their revocation lists are."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Table, Text, bindparam, insert, select, update

from idp.db.base import metadata
from idp.db.engine import Connection
from idp.db.statement import Effect, Statement
from idp.db.types import Digest, Identifier, UtcDateTime


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """An authority, disabled or not. `certificate` is DER, `fingerprint` its SHA-256."""

    id: UUID
    name: str
    certificate: bytes
    fingerprint: bytes
    crl_url: str | None
    ocsp_url: str | None
    added_at: datetime
    disabled_at: datetime | None


certificate_authorities = Table(
    "certificate_authorities",
    metadata,
    Column("id", Identifier(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("fingerprint", Digest(), nullable=False, unique=True),
    Column("crl_url", Text),
    Column("ocsp_url", Text),
    Column("added_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

_ADD = Effect(insert(certificate_authorities))
_ALL = Statement(
    select(certificate_authorities).order_by(
        certificate_authorities.c.added_at, certificate_authorities.c.name
    ),
    CertificateAuthority,
)
_ENABLED = Statement(
    select(certificate_authorities)
    .where(certificate_authorities.c.disabled_at.is_(None))
    .order_by(certificate_authorities.c.added_at, certificate_authorities.c.name),
    CertificateAuthority,
)
_FIND = Statement(
    select(certificate_authorities).where(certificate_authorities.c.name == bindparam("called")),
    CertificateAuthority,
)
_SET_DISABLED = Effect(
    update(certificate_authorities)
    .where(certificate_authorities.c.id == bindparam("authority"))
    .values(disabled_at=bindparam("since"))
)
_SET_URLS = Effect(
    update(certificate_authorities)
    .where(certificate_authorities.c.id == bindparam("authority"))
    .values(crl_url=bindparam("crl"), ocsp_url=bindparam("ocsp"))
)


def add(connection: Connection, authority: CertificateAuthority) -> None:
    """Believe an authority. Raises `Conflict` when its certificate is there already."""
    _ADD.run(
        connection,
        id=authority.id,
        name=authority.name,
        certificate=authority.certificate,
        fingerprint=authority.fingerprint,
        crl_url=authority.crl_url,
        ocsp_url=authority.ocsp_url,
        added_at=authority.added_at,
        disabled_at=authority.disabled_at,
    )


def every(connection: Connection) -> list[CertificateAuthority]:
    """All authorities, oldest first."""
    return _ALL.all(connection)


def enabled(connection: Connection) -> list[CertificateAuthority]:
    """Those that are believed now."""
    return _ENABLED.all(connection)


def find(connection: Connection, name: str) -> CertificateAuthority | None:
    """The authority that operators call so."""
    return _FIND.first(connection, called=name)


def set_disabled(connection: Connection, authority_id: UUID, since: datetime | None) -> None:
    """Stop believing an authority, or begin again."""
    _SET_DISABLED.run(connection, authority=authority_id, since=since)


def set_urls(connection: Connection, authority_id: UUID, crl_url: str | None, ocsp_url: str | None) -> None:
    """Change where it is asked about revocation."""
    _SET_URLS.run(connection, authority=authority_id, crl=crl_url, ocsp=ocsp_url)
