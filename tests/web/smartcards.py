"""A browser with a card reader: goes from the issuer to the smartcard origin and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from idp.accounts.smartcard import Smartcards
from idp.policy.network import Networks
from idp.web.smartcard_origin import SmartcardOrigin
from tests.accounts import cards
from tests.accounts.cards import CA, Cards
from tests.certificates import Card
from tests.site import ISSUER, Site, Visitor

ORIGIN = "https://card.example.nhs.uk"


@dataclass
class Reader:
    """Browsers of one site, and the smartcard origin they are sent to. `inserted` is the card, if any."""

    site: Site
    desk: Cards
    inserted: tuple[bytes, ...] = ()

    def insert(self, card: Card | None) -> None:
        self.inserted = () if card is None else card.chain

    def start(self, visitor: Visitor, path: str = "/smartcard") -> TestResponse:
        """Go to the origin: what it answers."""
        gone = visitor.get(path)
        assert gone.status_code == 303, gone.text
        assert gone.location.startswith(f"{ORIGIN}/smartcard?state="), gone.location
        return self.at_origin(gone.location)

    def at_origin(self, url: str, *, method: str = "GET", **kwargs: Any) -> TestResponse:  # noqa: ANN401 - werkzeug's
        """Ask the origin, with the card in the reader."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        browser = Browser(self.origin(), use_cookies=False)
        return browser.open(target, base_url=ORIGIN, method=method, **kwargs)

    def come_back(self, visitor: Visitor, answer: TestResponse) -> TestResponse:
        """Follow the origin's answer back to the issuer."""
        assert answer.status_code == 303
        assert answer.location.startswith(f"{ISSUER}/smartcard/return?"), answer.location
        return visitor.get(answer.location.removeprefix(ISSUER))

    def use(self, visitor: Visitor, path: str = "/smartcard") -> TestResponse:
        """Log in with the card: there and back."""
        return self.come_back(visitor, self.start(visitor, path))

    def origin(self, proxies: Networks = ()) -> SmartcardOrigin:
        provider = self.site.provider

        def presented(_environ: Mapping[str, Any]) -> tuple[bytes, ...]:
            return self.inserted

        return SmartcardOrigin(
            issuer=provider.issuer,
            smartcards=self.smartcards,
            masters=provider.masters,
            presented=presented,
            proxies=proxies,
            clock=self.site.clock,
            randomness=provider.randomness,
        )

    @property
    def smartcards(self) -> Smartcards:
        return self.site.provider.smartcards


def reader(site: Site) -> Reader:
    """Nobody is revoked, nobody's card is linked."""
    desk = Cards(site, site.provider.smartcards)
    desk.believe(crl=CA.crl(number=41))
    return Reader(site, desk)


__all__ = ["CA", "ISSUER", "ORIGIN", "Reader", "cards", "reader"]
