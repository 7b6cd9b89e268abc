"""A site that believes an authority, with whatever cards and lists a test wants."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from idp.accounts import card_link
from idp.accounts.factor_news import FactorNews
from idp.accounts.post import Post
from idp.accounts.revocation_list import RevocationLists
from idp.accounts.smartcard import Card as Accepted
from idp.accounts.smartcard import CardProblem, Examined, Smartcards
from idp.db import audit, certificate_authority
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.certificate_authority import CertificateAuthority
from idp.db.smartcard import Smartcard
from idp.policy.card_number import NumberFrom
from idp.policy.revocation import Grace
from idp.services import x509
from idp.services.x509 import Authority as Believed
from idp.services.x509 import Verified
from tests.certificates import CARD_NUMBER, NOW, Authority, Card
from tests.site import ISSUER, Site

CA = Authority.root()
NOTHING = Grace()


@dataclass
class Cards:
    """The smartcard service of a site."""

    site: Site
    smartcards: Smartcards

    def believe(
        self,
        authority: Authority = CA,
        *,
        crl: bytes | None = None,
        crl_url: str | None = None,
        ocsp_url: str | None = None,
    ) -> CertificateAuthority:
        """An authority is believed, and its list, if any, has been fetched."""
        made = CertificateAuthority(
            id=uuid.uuid4(),
            name=authority.certificate.subject.rfc4514_string(),
            certificate=authority.der,
            fingerprint=sha256(authority.der).digest(),
            crl_url=crl_url,
            ocsp_url=ocsp_url,
            added_at=self.site.clock.now(),
            disabled_at=None,
        )
        with self.site.provider.database.write() as connection:
            certificate_authority.add(connection, made)
        if crl is not None:
            self.publish(made, crl)
        return made

    def publish(self, authority: CertificateAuthority, crl: bytes) -> None:
        """The authority's list is fetched."""
        with publishing(lambda: crl) as url:
            fetched = self.smartcards.lists.fetch(_at(authority, url))
        assert not hasattr(fetched, "cause"), fetched

    def link(self, found: Account, which: str | Verified = CARD_NUMBER) -> Smartcard:
        """A card is bound to an account."""
        provider = self.site.provider
        with provider.database.write() as connection:
            linked = card_link.link(
                connection, self.news, provider.randomness, found, which, self.site.clock.now()
            )
        assert isinstance(linked, Smartcard), linked
        return linked

    def verified(self, card: Card) -> Verified:
        """What the card's certificate identifies it by."""
        with self.site.provider.database.read() as connection:
            believed = [
                Believed(each.id, each.certificate) for each in certificate_authority.enabled(connection)
            ]
        found = x509.verify(card.chain, believed, NOW, self.smartcards.number_from)
        assert isinstance(found, Verified), found
        return found

    @property
    def news(self) -> FactorNews:
        provider = self.site.provider
        return FactorNews(Post(provider.masters, provider.randomness, ISSUER))

    def examine(self, card: Card | tuple[bytes, ...], *, after: timedelta = timedelta(0)) -> Examined:
        chain = card.chain if isinstance(card, Card) else card
        return self.smartcards.examine(chain, self.site.clock.now() + after)

    def accepted(self, card: Card, *, after: timedelta = timedelta(0)) -> Accepted:
        outcome = self.examine(card, after=after).outcome
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def problem(self, card: Card | tuple[bytes, ...], *, after: timedelta = timedelta(0)) -> CardProblem:
        outcome = self.examine(card, after=after).outcome
        assert isinstance(outcome, CardProblem), outcome
        return outcome

    def events(self, count: int = 20) -> list[AuditEvent]:
        with self.site.provider.database.read() as connection:
            return list(reversed(audit.latest(connection, count)))


@dataclass
class Host:
    """Where lists are published, or questions are answered; it can be out of order."""

    url: str
    asked: list[str] = field(default_factory=list)
    is_down: bool = False


@contextmanager
def publishing(content: Callable[[], bytes]) -> Iterator[str]:
    """A list at an address."""
    with answering(lambda _body: content()) as host:
        yield host.url


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[Host]:
    """A host that makes its answers out of what is posted."""
    host = Host("")

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            said = b"" if host.is_down else answer(body)
            self.send_response(503 if host.is_down else 200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        host.url = f"http://127.0.0.1:{server.server_port}/"
        yield host
        server.shutdown()


def build(
    site: Site, *, grace: Grace = NOTHING, number_from: NumberFrom = NumberFrom.SUBJECT_SERIAL_NUMBER
) -> Cards:
    """The smartcard service of a site that believes nobody yet."""
    provider = site.provider
    lists = RevocationLists(
        database=provider.database,
        clock=site.clock,
        randomness=provider.randomness,
        grace=grace,
        every=timedelta(minutes=10),
    )
    return Cards(site, Smartcards(provider.database, lists, number_from, site.clock, provider.randomness))


def _at(authority: CertificateAuthority, url: str) -> CertificateAuthority:
    return CertificateAuthority(
        authority.id,
        authority.name,
        authority.certificate,
        authority.fingerprint,
        url,
        authority.ocsp_url,
        authority.added_at,
        authority.disabled_at,
    )
