"""Time the three recovery pages for a member and for a stranger: neither may be answered faster.

Each page is posted in turns, always from a new browser, while a worker matches and mails beside the server;
only the POST counts. Once the mail server takes what comes, and once it is down.
"""

import statistics
from dataclasses import replace
from typing import Final

from aiosmtpd.controller import Controller

from bench.browser import Browser
from bench.drive import Flow, Unexpected, once
from bench.message import Response
from bench.product import BORN, Product, email_of
from bench.target import Target

TRIES: Final = 50
PAGES: Final = ("forgotten", "request", "unlock")
_SEE_OTHER: Final = 303
_STRANGER: Final = "nobody.at.all@example.nhs.uk"


class _Taking:
    """A mail server that takes everything and keeps nothing."""

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 taken"


def medians(target: Target, product: Product) -> dict[str, dict[str, float]]:
    """The median milliseconds of TRIES posts, by person, for each page and state of the mail server."""
    with product.worker():
        mail = Controller(_Taking(), hostname="127.0.0.1", port=product.mail_port)
        mail.start()
        try:
            found = _medians(target, "mail works")
        finally:
            mail.stop()
        return found | _medians(target, "mail is down")


def _medians(target: Target, state: str) -> dict[str, dict[str, float]]:
    kinds = {
        (page, kind): email
        for page in PAGES
        for kind, email in (("member", email_of(1)), ("stranger", _STRANGER))
    }
    times: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    for _ in range(TRIES):
        for (page, kind), email in kinds.items():
            times[page, kind].append(_ask(target, page, email))
    return {
        f"{page}, {state}": {
            kind: statistics.median(times[page, kind]) * 1000 for kind in ("member", "stranger")
        }
        for page in PAGES
    }


def _ask(target: Target, page: str, email: str) -> float:
    browser = replace(Browser(target.origin, ""), cookies={})
    shown: list[tuple[str, Response]] = []

    def open_page() -> Flow:
        shown.append((yield from browser.visit(f"{target.origin}/{page}")))

    once(target.address, open_page())
    action, hidden = browser.form(*shown[0], with_field="email")
    year, month, day = BORN.split("-")
    fields = {
        **hidden,
        "email": email,
        "dob-day": day,
        "dob-month": month,
        "dob-year": year,
        "username": "",
    }

    def submit() -> Flow:
        response = yield browser.filled(action, fields)
        if response.status != _SEE_OTHER:
            raise Unexpected("the confirmation", response)

    return once(target.address, submit())
