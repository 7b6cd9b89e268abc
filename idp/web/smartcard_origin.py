"""The smartcard origin: a host or port of its own, where browsers are asked for a certificate.

OWASP ASVS 5.0 §6.5, RFC 9440. It keeps no session, reads no cookie and shows no page: it looks at the
certificate of this very connection, writes a proof for the browser whose `state` came along, and sends the
browser back to the issuer with it; or with a sealed report of what is wrong with the card. An application of
its own, because whoever answers here must never be asked for anything else.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from idp.accounts.smartcard import Card, Smartcards
from idp.db import Unavailable
from idp.policy.network import Networks
from idp.services import logs
from idp.services.clock import Clock
from idp.services.digest import digest
from idp.services.keys import MasterKeys
from idp.services.randomness import Randomness
from idp.web import headers, parameters, smartcard_report
from idp.web.address import client_address
from idp.web.parameters import Parameters
from idp.web.smartcard_report import Report

START: Final = "/smartcard"
"""The page of the issuer that sends browsers here, and the one path there is here."""

RETURN: Final = "/smartcard/return"
"""The page of the issuer that they go back to."""

STATE: Final = "state"
CHECK: Final = "check"
PROOF: Final = "proof"
REPORT: Final = "report"

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Environ = Mapping[str, Any]

_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST_QUERY: Final = 1024
_RETRY_AFTER: Final = "5"
_log = logs.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartcardOrigin:
    """The WSGI application.

    `presented` gives the certificates of a request's connection, in DER, the browser's own first. `proxies`
    are those whose word on the browser's address is believed.
    """

    issuer: str
    smartcards: Smartcards
    masters: MasterKeys
    presented: Callable[[Environ], tuple[bytes, ...]]
    proxies: Networks
    clock: Clock
    randomness: Randomness

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Only a GET of one path does anything."""
        if environ.get("REQUEST_METHOD") != "GET":
            return self._say(start_response, HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET"))
        path = environ.get("PATH_INFO")
        if path in {"/", START}:
            return self._answer(environ, start_response)
        return self._say(start_response, HTTPStatus.OK if path == "/healthz" else HTTPStatus.NOT_FOUND)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = _query(environ)
        state = _only(query, STATE)
        if _STATE.fullmatch(state) is None:
            # Who comes without a state has bookmarked us: the issuer gives them one.
            return self._to(start_response, f"{self.issuer}{START}")
        try:
            answer = self._examine(environ, state, check=CHECK in query)
        except Unavailable as unavailable:
            _log.error("database_unavailable", request=f"GET {START}", cause=str(unavailable))
            return self._say(start_response, HTTPStatus.SERVICE_UNAVAILABLE, ("Retry-After", _RETRY_AFTER))
        except Exception as error:  # noqa: BLE001 - the browser learns nothing, the log everything
            _log.error("unexpected", request=f"GET {START}", exc_info=error)
            return self._say(start_response, HTTPStatus.INTERNAL_SERVER_ERROR)
        return self._to(start_response, f"{self.issuer}{RETURN}?{urlencode({STATE: state, **answer})}")

    def _examine(self, environ: Environ, state: str, *, check: bool) -> dict[str, str]:
        now = self.clock.now()
        examined = self.smartcards.examine(self.presented(environ), now)
        address = client_address(environ, self.proxies)
        reference = self.randomness.reference()
        card = examined.outcome
        if isinstance(card, Card) and not check:
            binding = digest(state)
            return {PROOF: self.smartcards.prove(binding, card, address=address, reference=reference)}
        if not isinstance(card, Card):
            self.smartcards.refuse(examined, address=address, reference=reference)
        report = Report.of(examined, reference, now)
        return {REPORT: smartcard_report.seal(self.masters, report, state)}

    def _to(self, start_response: StartResponse, location: str) -> Iterable[bytes]:
        return self._say(start_response, HTTPStatus.SEE_OTHER, ("Location", location))

    def _say(
        self, start_response: StartResponse, status: HTTPStatus, *more: tuple[str, str]
    ) -> Iterable[bytes]:
        body = b"" if status is HTTPStatus.SEE_OTHER else f"{status.phrase}\n".encode()
        start_response(
            f"{status.value} {status.phrase}",
            [
                # Where the issuer speaks plain http, on one machine, the host's other ports must stay so.
                *headers.api_headers(https=self.issuer.startswith("https://")),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
                *more,
            ],
        )
        return [body]


def _query(environ: Environ) -> Parameters:
    text = str(environ.get("QUERY_STRING", ""))
    found = parameters.parse(text.encode("latin-1", "replace")) if len(text) <= _LONGEST_QUERY else None
    return found if isinstance(found, Mapping) else parameters.NONE


def _only(query: Parameters, name: str) -> str:
    values = query.get(name, ())
    return values[0] if len(values) == 1 else ""
