"""The key ring: for each algorithm one active signing key, its successor announced, its predecessor kept.

OpenID Connect Core §10.1.1, RFC 7517 §5. Keys are rows that every node reads again after a few seconds, so a
rotation is one transaction that all nodes follow. A key is published well before it signs, because relying
parties cache the set; it stays published until the last token it signed has ended.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.db import Conflict, Connection, Database, audit, signing_key
from idp.db.audit import AuditEvent
from idp.db.signing_key import KeyStage
from idp.db.signing_key import SigningKey as Row
from idp.policy.event_name import EventName
from idp.policy.lifetime import Lifetimes
from idp.protocol.jwt import Key, SigningKey
from idp.services.clock import Clock
from idp.services.keys import MasterKeys

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""RS256 is what OpenID Connect Core §15.1 requires; the others are faster and smaller."""

ROTATE_AFTER = timedelta(days=90)
"""How long a key signs before the schedule replaces it."""

_FRESH = timedelta(seconds=5)
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class _Snapshot:
    read_at: datetime
    signers: dict[str, SigningKey]
    verifiers: dict[str, SigningKey]
    jwks: bytes


class KeyMissing(RuntimeError):
    """There is no active key for an algorithm; the message names the remedy."""


class KeyRing:
    """What this node knows of the keys, never older than five seconds when it is used."""

    def __init__(self, database: Database, masters: MasterKeys, clock: Clock) -> None:
        self._database = database
        self._masters = masters
        self._clock = clock
        self._parsed: dict[str, SigningKey] = {}
        self._now: _Snapshot | None = None

    def signer(self, alg: str) -> SigningKey:
        """The active key of an algorithm. Raises `KeyMissing`."""
        try:
            return self._snapshot().signers[alg]
        except KeyError:
            raise KeyMissing(f"There is no active {alg} key. Run: idp key rotate --alg {alg}") from None

    def verifier(self, kid: object) -> SigningKey | None:
        """The published key with that id; a retired one verifies nothing any more."""
        return self._snapshot().verifiers.get(kid) if isinstance(kid, str) else None

    def jwks(self) -> bytes:
        """The public JSON Web Key Set."""
        return self._snapshot().jwks

    def _snapshot(self) -> _Snapshot:
        now = self._clock.now()
        known = self._now
        # A clock that was set back must not keep an old snapshot alive.
        if known is not None and timedelta(0) <= now - known.read_at < _FRESH:
            return known
        with self._database.read() as connection:
            rows = signing_key.in_use(connection)
        self._now = fresh = self._take(rows, now)
        return fresh

    def _take(self, rows: list[Row], now: datetime) -> _Snapshot:
        return _Snapshot(
            read_at=now,
            signers={row.alg: self._private(row) for row in rows if row.stage is KeyStage.ACTIVE},
            verifiers={row.kid: SigningKey(row.kid, row.alg, _import(row.public_jwk)) for row in rows},
            jwks=json.dumps({"keys": [dict(row.public_jwk) for row in rows]}, separators=(",", ":")).encode(),
        )

    def _private(self, row: Row) -> SigningKey:
        # Parsed once: importing a private RSA key costs more than a hundred signatures.
        if row.kid not in self._parsed:
            if row.sealed is None:
                raise KeyMissing(f"The active key {row.kid} has no private part.")
            jwk = json.loads(self._masters.open(row.sealed, _aad(row.kid)))
            self._parsed[row.kid] = SigningKey(row.kid, row.alg, _import(jwk))
        return self._parsed[row.kid]


def make(database: Database, masters: MasterKeys, now: datetime) -> list[Row]:
    """Give every algorithm that has none an active and an announced key; what was made."""
    with database.read() as connection:
        taken = {(row.alg, row.stage) for row in signing_key.in_use(connection)}
    wanted = [
        _generate(masters, alg, stage, now)
        for alg in ALGORITHMS
        for stage in (KeyStage.ACTIVE, KeyStage.ANNOUNCED)
        if (alg, stage) not in taken
    ]
    with database.write() as connection:
        for row in wanted:
            signing_key.add(connection, row)
            _record(connection, row, row.stage, now)
    return wanted


@dataclass(frozen=True, slots=True)
class TooEarly:
    """The announced key has not been published for long enough."""

    kid: str
    ready_at: datetime


def rotate(
    database: Database,
    masters: MasterKeys,
    alg: str,
    lifetimes: Lifetimes,
    now: datetime,
    *,
    at_once: bool = False,
    dry_run: bool = False,
) -> Row | TooEarly:
    """Make the announced key of an algorithm the active one, and announce another.

    `at_once` does not wait until relying parties have seen the announced key: for a key that is no longer
    safe. `dry_run` only looks. Raises `Conflict` when another node rotates at the same moment.
    """
    following = _generate(masters, alg, KeyStage.ANNOUNCED, now)
    with database.write() as connection:
        rows = {row.stage: row for row in signing_key.in_use(connection) if row.alg == alg}
        announced = rows.get(KeyStage.ANNOUNCED)
        if announced is None:
            raise Conflict(f"No {alg} key is announced. Run: idp key init")
        if not at_once and now < announced.created_at + lifetimes.key_announce:
            return TooEarly(announced.kid, announced.created_at + lifetimes.key_announce)
        if dry_run:
            return announced
        if KeyStage.ACTIVE in rows:
            _move(connection, rows[KeyStage.ACTIVE], KeyStage.RETIRING, now)
        _move(connection, announced, KeyStage.ACTIVE, now)
        signing_key.add(connection, following)
        _record(connection, following, following.stage, now)
    return announced


def due(database: Database, lifetimes: Lifetimes, now: datetime) -> list[str]:
    """Algorithms whose active key has served for `ROTATE_AFTER`, and whose next one may follow it."""
    with database.read() as connection:
        rows = signing_key.in_use(connection)
    ready = {
        row.alg
        for row in rows
        if row.stage is KeyStage.ANNOUNCED and row.created_at + lifetimes.key_announce <= now
    }
    served = (
        row.alg
        for row in rows
        if row.stage is KeyStage.ACTIVE and (row.active_at or now) + ROTATE_AFTER <= now
    )
    return [alg for alg in served if alg in ready]


def without_successor(database: Database) -> list[str]:
    """Algorithms that have no announced key, so that they cannot rotate until `make` was called."""
    with database.read() as connection:
        rows = signing_key.in_use(connection)
    announced = {row.alg for row in rows if row.stage is KeyStage.ANNOUNCED}
    return [alg for alg in ALGORITHMS if alg not in announced]


def retire(
    database: Database, masters: MasterKeys, kid: str, now: datetime, *, dry_run: bool = False
) -> bool:
    """Withdraw a retiring or an announced key: within five seconds nothing it signed verifies any more.

    An announced key gets a successor in the same transaction, or its algorithm could not rotate. `dry_run`
    only looks. False when there is no such key. Raises `Conflict` for the active key, which is rotated
    first, and when another node moves the key at the same moment.
    """
    with database.read() as connection:
        row = next((row for row in signing_key.in_use(connection) if row.kid == kid), None)
    if row is None:
        return False
    if row.stage is KeyStage.ACTIVE:
        remedy = f"Run: idp key rotate --alg {row.alg} --at-once"
        raise Conflict(f"{kid} is the active {row.alg} key. {remedy}")
    if dry_run:
        return True
    is_announced = row.stage is KeyStage.ANNOUNCED
    following = _generate(masters, row.alg, KeyStage.ANNOUNCED, now) if is_announced else None
    with database.write() as connection:
        _move(connection, row, KeyStage.RETIRED, now)
        if following is not None:
            signing_key.add(connection, following)
            _record(connection, following, following.stage, now)
    return True


def retire_finished(database: Database, lifetimes: Lifetimes, now: datetime) -> list[str]:
    """Withdraw the keys whose last token has ended for long enough; their ids."""
    with database.write() as connection:
        finished = [
            row
            for row in signing_key.in_use(connection)
            if row.stage is KeyStage.RETIRING
            and row.retiring_at is not None
            and row.retiring_at + lifetimes.key_retiring <= now
        ]
        gone = [row for row in finished if signing_key.move(connection, row, KeyStage.RETIRED, now)]
        for row in gone:
            _record(connection, row, KeyStage.RETIRED, now)
    return [row.kid for row in gone]


def _move(connection: Connection, row: Row, after: KeyStage, now: datetime) -> None:
    if not signing_key.move(connection, row, after, now):
        raise Conflict(f"The key {row.kid} was moved by another node.")
    _record(connection, row, after, now)


def _record(connection: Connection, row: Row, stage: KeyStage, now: datetime) -> None:
    detail = {"kid": row.kid, "alg": row.alg}
    audit.record(connection, AuditEvent(at=now, event=EventName(f"key.{stage}"), detail=detail))


def _generate(masters: MasterKeys, alg: str, stage: KeyStage, now: datetime) -> Row:
    key: Key
    match alg:
        case "RS256":
            key = RSAKey.generate_key(_RSA_BITS)
        case "ES256":
            key = ECKey.generate_key("P-256")
        case "EdDSA":
            key = OKPKey.generate_key("Ed25519")
        case _:
            raise ValueError(f"{alg} is not one of {', '.join(ALGORITHMS)}.")
    kid = key.thumbprint()
    public: dict[str, Any] = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": alg}
    private = json.dumps({**key.as_dict(private=True), "kid": kid}).encode()
    return Row(
        kid=kid,
        alg=alg,
        stage=stage,
        public_jwk=public,
        sealed=masters.seal(private, _aad(kid)),
        created_at=now,
        active_at=now if stage is KeyStage.ACTIVE else None,
        retiring_at=None,
        retired_at=None,
    )


def _import(jwk: Any) -> Key:  # noqa: ANN401 - a JWK as JSON
    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    return kinds[jwk["kty"]].import_key(dict(jwk))


def _aad(kid: str) -> bytes:
    return b"signing_keys/" + kid.encode()
