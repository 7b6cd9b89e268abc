"""An issuer and its smartcard origin as they are run, an authority whose list is published, and cards."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlencode

import requests

from idp.accounts.revocation_list import Fetched
from idp.cli.process import end_with
from idp.db.certificate_authority import CertificateAuthority
from idp.db.signing_key import SigningKey
from tests import origin as origins
from tests import site as sites
from tests.accounts.cards import Cards, Host, answering
from tests.certificates import CARD_NUMBER, DAY, Authority, Card
from tests.journeys import demo as demos
from tests.journeys.demo import Received
from tests.journeys.live import free_port, wait_until_ready, without_settings
from tests.origin import Origin
from tests.site import VERIFIER, Site, request_for

_PATIENCE = 30


@dataclass
class Ward:
    """Everything but the origin, which each test runs with settings of its own."""

    site: Site
    folder: Path
    issuer: str
    origin_port: int
    settings: dict[str, str]
    authority: Authority
    host: Host
    content: list[bytes]
    believed: CertificateAuthority
    lost: Card
    callback: str
    received: Queue[Received]
    shown: list[int] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(8))

    @contextmanager
    def origin(self, **more: str) -> Iterator[Origin]:
        """The origin, speaking TLS itself at the address the issuer sends browsers to."""
        with origins.running(self.folder, self.origin_port, {**self.settings, **more}) as running:
            yield running

    def card(self, number: str | None = CARD_NUMBER, **options: Any) -> Card:  # noqa: ANN401 - see `Authority.card`
        return self.authority.card(number, begins=self.authority.certificate.not_valid_before_utc, **options)

    def publish(self, crl: bytes) -> None:
        """The authority's next list, fetched."""
        self.content[0] = crl
        fetched = self.site.provider.smartcards.lists.fetch(self.believed)
        assert isinstance(fetched, Fetched), fetched

    def crl(self, **options: Any) -> bytes:  # noqa: ANN401 - see `Authority.crl`
        """The next list, valid for a day unless the options say otherwise."""
        began = self.authority.certificate.not_valid_before_utc
        options = {"at": began, "until": origins.now() + DAY, **options}
        return self.authority.crl([self.lost], number=next(self._numbers), **options)

    def in_the_reader(self, card: Card | None) -> dict[str, Any]:
        """What a browser is opened with that has this card, or none."""
        options: dict[str, Any] = {"ignore_https_errors": True}
        if card is not None:
            self.shown.append(1)
            certificate, key = (self.folder / f"card-{len(self.shown)}.{kind}" for kind in ("pem", "key"))
            certificate.write_bytes(card.pem)
            key.write_bytes(card.key_pem)
            origin = f"https://localhost:{self.origin_port}"
            options["client_certificates"] = [{"origin": origin, "certPath": certificate, "keyPath": key}]
        return options

    def authorize(self, **asked: str | None) -> str:
        """The address that starts at an application."""
        query = request_for("payslips", **{"redirect_uri": self.callback, **asked})
        return f"{self.issuer}/authorize?{urlencode(query)}"

    def claims(self) -> dict[str, Any]:
        """What the application learns of who has come back to it."""
        form = {
            "grant_type": "authorization_code",
            "code": self.received.get(timeout=_PATIENCE).parameters["code"],
            "redirect_uri": self.callback,
            "code_verifier": VERIFIER,
        }
        answer = requests.post(
            f"{self.issuer}/token", form, auth=("payslips", self.site.secrets["payslips"]), timeout=_PATIENCE
        )
        assert answer.status_code == 200, answer.text
        return self.site.claims(answer.json()["id_token"])


@contextmanager
def ward(
    folder: Path, migrated: Path, keys_dir: Path, signing_keys: list[SigningKey], password_hash: str
) -> Iterator[Ward]:
    """Jane, her card, one that was lost, and an authority that publishes its list."""
    shutil.copy(migrated, folder / "idp.sqlite3")
    port, now = free_port(beside=(1, 2)), origins.now()
    callback = f"http://localhost:{port + 2}/callback"
    authority = Authority.root("Ward CA", begins=now - DAY)
    lost = authority.card("210987654321", begins=now - DAY)
    content = [authority.crl([lost], number=7, at=now - DAY, until=now + DAY)]
    settings = {
        "IDP_ISSUER": f"http://localhost:{port}",
        "IDP_DATABASE_URL": f"sqlite:///{folder}/idp.sqlite3",
        "IDP_KEYS_DIR": str(keys_dir),
        "IDP_PORT": str(port),
        "IDP_SERVICE_DESK": "ESR service desk, 01632 960 000",
    }
    site = sites.build(settings["IDP_DATABASE_URL"], keys_dir, signing_keys, password_hash, now)
    desk = Cards(site, site.provider.smartcards)
    jane = site.add_account()
    site.add_client(redirect_uris=[callback])
    try:
        with answering(lambda _: content[0]) as host, demos.listening(port + 2) as received:
            believed = desk.believe(authority, crl_url=host.url)
            made = Ward(
                site,
                folder,
                settings["IDP_ISSUER"],
                port + 1,
                settings,
                authority,
                host,
                content,
                believed,
                lost,
                callback,
                received,
            )
            made.publish(content[0])
            desk.link(jane)
            desk.link(jane, "210987654321")
            with _issuer(folder, settings, made.origin_port):
                yield made
    finally:
        site.provider.database.close()


@contextmanager
def _issuer(folder: Path, settings: Mapping[str, str], origin_port: int) -> Iterator[None]:
    log = folder / "serve.log"
    own = {"IDP_SMARTCARD_ORIGIN": f"https://localhost:{origin_port}"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "idp", "serve"],
            env={**without_settings(), **settings, **own},
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is the test run's to answer.
            preexec_fn=partial(end_with, os.getpid()),  # noqa: PLW1509 - no other thread holds a lock now
        )
    try:
        wait_until_ready(settings["IDP_ISSUER"], process, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_PATIENCE)
