"""A site where people may log in with NHS Care Identity, and the provider that plays its part."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.test import TestResponse

from idp.accounts.care_identity import CareIdentity
from idp.db import account, audit, smartcard
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.smartcard import Smartcard
from tests.fakes import FakeClock
from tests.site import ISSUER, Site, Visitor
from tests.upstream import CLIENT_ID, NUMBER, Upstream

SUBJECT = "910000000001"
OTHER_NUMBER = "999999999999"
USERNAME = "918JSMITH01"


@dataclass
class Care:
    """The site, and NHS Care Identity as it knows it: Jane is asked for there, under `SUBJECT`."""

    site: Site
    upstream: Upstream

    @property
    def service(self) -> CareIdentity:
        service = self.site.provider.care_identity
        assert service is not None
        return service

    def link(self, number: str = NUMBER, username: str = USERNAME) -> Smartcard:
        """A card is linked to an account."""
        provider = self.site.provider
        made = Smartcard(
            provider.randomness.uuid(),
            self.account(username).id,
            number,
            None,
            None,
            self.site.clock.now(),
            None,
        )
        with provider.database.write() as connection:
            smartcard.add(connection, made)
        return made

    def account(self, username: str = USERNAME) -> Account:
        with self.site.provider.database.read() as connection:
            found = account.find(connection, username)
        assert found is not None
        return found

    def events(self, count: int = 20) -> list[AuditEvent]:
        with self.site.provider.database.read() as connection:
            return list(reversed(audit.latest(connection, count)))

    def leave(self, visitor: Visitor, path: str = "/care-identity") -> str:
        """Where the browser is sent."""
        gone = visitor.get(path)
        assert gone.status_code == 303, gone.text
        assert gone.location.startswith(f"{self.upstream.issuer}/authorize?"), gone.location
        return gone.location

    def use(self, visitor: Visitor, path: str = "/care-identity") -> TestResponse:
        """There and back, as who signs in there."""
        return self.come_back(visitor, self.upstream.authorize(self.leave(visitor, path)))

    def come_back(self, visitor: Visitor, there: str) -> TestResponse:
        assert there.startswith(f"{ISSUER}/care-identity/return?"), there
        return visitor.get(there.removeprefix(ISSUER))

    def log_out(self, **claims: object) -> TestResponse:
        """What NHS Care Identity posts when somebody signs out there."""
        return self.site.post(
            "/care-identity/logout", None, logout_token=self.upstream.logout_token(**claims)
        )


@contextmanager
def caring(make: Callable[..., Site], now: datetime, folder: Path, **settings: Any) -> Iterator[Care]:  # noqa: ANN401 - whatever settings hold
    """Make a site that is a client of a provider of its own."""
    key = client_key(folder)
    with Upstream(FakeClock(now)) as upstream:
        site = make(
            care_identity_issuer=upstream.issuer,
            care_identity_client_id=CLIENT_ID,
            care_identity_key=key,
            **settings,
        )
        care = Care(site, upstream)
        upstream.clock = site.clock
        upstream.client_jwks = care.service.upstream.public_jwks
        upstream.sub = SUBJECT
        upstream.change_userinfo = lambda claims: claims.update(nhsid_useruid=NUMBER)
        yield care


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query))


def client_key(folder: Path) -> Path:
    """A key that a client signs for itself with, where only we may read it."""
    path = folder / "care-identity.pem"
    path.touch(mode=0o600)
    made = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
