"""Is the process alive, and may it be sent work? For load balancers and their operators."""

import json

from flask import Response

from idp.db import Unavailable, health
from idp.protocol import keyring
from idp.protocol.keyring import ALGORITHMS, KeyMissing
from idp.services import logs
from idp.web import headers
from idp.web.exchange import Exchange

_log = logs.get()


def healthz(exchange: Exchange) -> Response:
    """GET /healthz: the process answers."""
    return _json(exchange, 200, {"status": "ok"})


def readyz(exchange: Exchange) -> Response:
    """GET /readyz: the database answers at the right schema, and there is a key for every algorithm."""
    provider = exchange.provider
    try:
        with provider.database.read() as connection:
            is_current = health.is_current(connection)
        for alg in ALGORITHMS:
            provider.keyring.signer(alg)
        for alg in keyring.without_successor(provider.database):
            _log.warning("no_key_announced", alg=alg, remedy="idp key init")
    except (Unavailable, KeyMissing) as error:
        _log.error("not_ready", cause=str(error))
        return _json(exchange, 503, {"status": "not ready"})
    except provider.database.driver.ProgrammingError:
        is_current = False  # PostgreSQL has no table of versions: nothing was ever migrated
    if not is_current:
        _log.error("not_ready", cause="a migration is pending; run: idp db upgrade")
        return _json(exchange, 503, {"status": "not ready"})
    return _json(exchange, 200, {"status": "ready"})


def _json(exchange: Exchange, status: int, body: dict[str, str]) -> Response:
    policy = headers.api_headers(https=exchange.provider.is_https)
    return Response(json.dumps(body), status, policy, content_type="application/json")
