"""Ask for login details as a person does: fill in who one is, on one of the three pages."""

import re

from werkzeug.test import TestResponse

from tests.site import Visitor
from tests.web.forms import reference

PAGES = ("/forgotten", "/request", "/unlock")
# The person of `Site.add_account`.
JANE = {"email": "918jsmith01@example.nhs.uk", "dob-day": "29", "dob-month": "2", "dob-year": "1984"}


def ask(visitor: Visitor, path: str, *, query: str = "", **typed: str) -> TestResponse:
    """The answer to the form; what is not said is Jane Smith's."""
    fields = {**JANE, **{name.replace("_", "-"): value for name, value in typed.items()}}
    return visitor.submit(visitor.get(f"{path}{query}"), **fields)


def shape(page: TestResponse) -> tuple[int, str | None, list[str], str]:
    """Status, Location, header names and body, without what differs by chance: nonce, token, reference."""
    text = re.sub(r'nonce="[^"]+"|name="csrf_token" value="[^"]+"', "", page.text)
    if re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{2}\b", text):
        text = text.replace(reference(page), "")
    return page.status_code, page.headers.get("Location"), [name for name, _ in page.headers], text
