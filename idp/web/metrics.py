"""GET /metrics: how mail and recovery are doing, for Prometheus.

Everything is read from the database when it is asked, so that each process of each node tells the same. Not
for everybody: only whoever asks on this machine, not through a proxy, or from a configured network.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from ipaddress import ip_network

from flask import Response
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from idp.db import outbox, recovery_request
from idp.web import errors, headers
from idp.web.address import is_in
from idp.web.exchange import Exchange

_THIS_MACHINE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


def show(exchange: Exchange) -> Response:
    """GET /metrics. A stranger finds no page here."""
    if not _may_read(exchange):
        return errors.page(exchange, "not_found")
    with exchange.provider.database.read() as connection:
        mail = outbox.counts(connection)
        requests = recovery_request.waiting(connection)
    oldest = 0.0 if mail.oldest_waiting is None else (exchange.now - mail.oldest_waiting).total_seconds()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(mail.waiting, mail.given_up, max(oldest, 0.0), requests))
    policy = headers.api_headers(https=exchange.provider.is_https)
    return Response(generate_latest(registry), 200, policy, content_type=CONTENT_TYPE_PLAIN_0_0_4)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, as prometheus_client collects it."""

    mail_waiting: int
    mail_given_up: int
    mail_oldest_waiting_seconds: float
    recovery_requests_waiting: int

    def collect(self) -> Iterable[Metric]:
        """One family for each fact."""
        yield InfoMetricFamily("idp_build", "The release that runs.", {"version": version("esr-idp")})
        yield GaugeMetricFamily("idp_mail_waiting", "Mails that are not sent yet.", self.mail_waiting)
        yield GaugeMetricFamily(
            "idp_mail_given_up",
            "Mails that could not be sent for a day; see idp mail list.",
            self.mail_given_up,
        )
        yield GaugeMetricFamily(
            "idp_mail_oldest_waiting_seconds",
            "For how long the oldest unsent mail has waited.",
            self.mail_oldest_waiting_seconds,
        )
        yield GaugeMetricFamily(
            "idp_recovery_requests_waiting",
            "Requests for login details that no worker has answered yet.",
            self.recovery_requests_waiting,
        )


def _may_read(exchange: Exchange) -> bool:
    request = exchange.request
    is_direct = not any(name in request.headers for name in _FORWARDING)
    if is_direct and is_in(request.remote_addr or "", _THIS_MACHINE):
        return True
    return is_in(exchange.address, exchange.provider.metrics_networks)
