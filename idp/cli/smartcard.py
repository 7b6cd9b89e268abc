"""`idp smartcard`: the smartcard origin, where browsers are asked for a certificate.

gunicorn, because its threaded worker hands the TLS connection to the application. It speaks TLS itself when a
certificate is configured; behind a proxy that speaks TLS for it, it listens to that proxy alone. One request
a connection: who comes again shows the card again. A thread is held while a person types a PIN, so there are
many.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # it has no annotations
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # the same
from OpenSSL import SSL

from idp import assembly
from idp.cli import database_check, tls
from idp.cli.process import end_with, why_not_free
from idp.db import Database
from idp.services import logs
from idp.services.clock import SystemClock
from idp.services.keys import KeysUnusable, MasterKeys
from idp.services.randomness import SystemRandomness
from idp.settings import Settings, SettingsWrong, load
from idp.web import client_cert
from idp.web.smartcard_origin import SmartcardOrigin

_REFUSED: Final = 1
_WRONG_SETTINGS: Final = 2
_THREADS: Final = 256
_BACKLOG: Final = 1_024
_STOP_SECONDS: Final = 10
# A chain of five certificates of 8 kB each, in base64, from a proxy; browsers send little.
_LARGEST_FIELD: Final = 48 * 1024
_SMALL_FIELD: Final = 8 * 1024


@click.command()
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The folder that idp demo made."
)
@click.pass_context
def smartcard(context: click.Context, *, data: Path | None) -> None:
    """Ask browsers for a smartcard's certificate, until SIGTERM.

    Set IDP_SMARTCARD_ORIGIN, and IDP_SMARTCARD_CERTIFICATE with IDP_SMARTCARD_KEY, or IDP_SMARTCARD_PROXIES.
    """
    folder = data or context.find_root().params.get("data")
    try:
        settings = load(os.environ, folder)
    except SettingsWrong as wrong:
        context.exit(_refuse(wrong.problems, _WRONG_SETTINGS))
    found = problems(settings)
    if found:
        context.exit(_refuse(found, _REFUSED))
    logs.configure(level=settings.log_level)
    _Server(settings).run()


def problems(settings: Settings) -> list[str]:
    """What keeps the origin from starting, a sentence each with its remedy."""
    found = _of_settings(settings)
    try:
        MasterKeys.load(settings.keys_dir)
    except KeysUnusable as unusable:
        found.append(f"{unusable}.")
    reason = why_not_free(settings.smartcard_host, settings.smartcard_port)
    if reason is not None:
        found.append(
            f"{reason[:1].upper()}{reason[1:]}. Stop that program, or set IDP_SMARTCARD_PORT and "
            "IDP_SMARTCARD_HOST otherwise."
        )
    return found + database_check.problems(settings)


def application(settings: Settings) -> SmartcardOrigin:
    """The WSGI application, with a database of its own."""
    database = Database(settings.database_url, pool_size=settings.database_pool)
    clock, randomness = SystemClock(), SystemRandomness()
    proxies = settings.smartcard_proxies
    return SmartcardOrigin(
        issuer=settings.issuer,
        smartcards=assembly.smartcards(settings, database, clock, randomness),
        masters=MasterKeys.load(settings.keys_dir),
        presented=(
            partial(client_cert.presented, proxies=proxies, secret=settings.smartcard_proxy_secret)
            if proxies
            else tls.presented
        ),
        proxies=proxies,
        clock=clock,
        randomness=randomness,
    )


class _Log(Logger):  # type: ignore[misc]  # the same
    """Lets gunicorn's records reach the root logger, which writes them as JSON."""

    def setup(self, _cfg: object) -> None:
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.setLevel("WARNING")


class _Server(BaseApplication):  # type: ignore[misc]  # the same
    """gunicorn, set up for the origin: one process that watches, and one that answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in _options(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        made = application(self._settings)
        for name in [name for name in os.environ if name.startswith("IDP_")]:
            del os.environ[name]
        return made


def _options(settings: Settings) -> dict[str, object]:
    watcher = os.getpid()
    return {
        "bind": f"{_bracketed(settings.smartcard_host)}:{settings.smartcard_port}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": _THREADS,
        "backlog": _BACKLOG,
        "keepalive": 0,
        "graceful_timeout": _STOP_SECONDS,
        "limit_request_line": 2_048,
        "limit_request_fields": 64,
        "limit_request_field_size": _LARGEST_FIELD if settings.smartcard_proxies else _SMALL_FIELD,
        "control_socket_disable": True,
        "proc_name": "idp smartcard",
        "logger_class": _Log,
        "post_fork": lambda _arbiter, _worker: end_with(watcher),
        **_tls_options(settings),
    }


def _tls_options(settings: Settings) -> dict[str, object]:
    if settings.smartcard_certificate is None or settings.smartcard_key is None:
        return {}
    context = tls.Context(settings.smartcard_certificate, settings.smartcard_key)
    return {
        "certfile": str(settings.smartcard_certificate),
        "keyfile": str(settings.smartcard_key),
        "cert_reqs": 1,
        "do_handshake_on_connect": True,
        "ssl_context": lambda _cfg, _default: context,
    }


def _of_settings(settings: Settings) -> list[str]:
    found = []
    if settings.smartcard_origin is None:
        found.append(
            "IDP_SMARTCARD_ORIGIN is not set. Set it to the address browsers reach this origin at, such as "
            "https://card.example.nhs.uk"
        )
    if settings.smartcard_certificate is None and not settings.smartcard_proxies:
        found.append(
            "Nobody would speak TLS with browsers. Set IDP_SMARTCARD_CERTIFICATE and IDP_SMARTCARD_KEY, or "
            "name the proxies that do in IDP_SMARTCARD_PROXIES."
        )
    try:
        _tls_options(settings)
    except (SSL.Error, OSError) as error:
        found.append(
            f"IDP_SMARTCARD_CERTIFICATE and IDP_SMARTCARD_KEY cannot be used: {error}. They are a PEM "
            "certificate chain, the server's own first, and its key without a passphrase."
        )
    return found


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refuse(found: list[str], exit_code: int) -> int:
    click.echo("idp smartcard does not start:", err=True)
    for problem in found:
        click.echo(f"  {problem}", err=True)
    return exit_code
