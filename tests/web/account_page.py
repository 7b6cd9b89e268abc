"""The account page as its owner uses it."""

import html
import re
from dataclasses import dataclass

from werkzeug.test import TestResponse

from idp.db import account, activity, audit, browser_session
from idp.db.account import Account
from idp.db.audit import AuditEvent
from idp.db.browser_session import OpenSession
from tests.site import Site, Visitor
from tests.web.forms import login_page

JANE = "918JSMITH01"
JO = "918JDOE01"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"
)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page: where it goes, its hidden fields, and the words of its button."""

    action: str
    hidden: dict[str, str]
    words: str


def forms(page: TestResponse) -> list[Form]:
    """Every form of a page."""
    found = []
    for action, inner in re.findall(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page.text, re.DOTALL):
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', inner))
        button = re.findall(r"<button[^>]*>(.*?)</button>", inner, re.DOTALL)
        words = " ".join(re.sub("<[^>]+>", "", button[-1]).split())
        found.append(Form(html.unescape(action), hidden, html.unescape(words)))
    return found


def form(page: TestResponse, action: str, **hidden: str) -> Form:
    """The one form that goes there, and has these hidden fields."""
    (found,) = [
        each for each in forms(page) if each.action == action and hidden.items() <= each.hidden.items()
    ]
    return found


def send(visitor: Visitor, page: TestResponse, action: str, **fields: str) -> TestResponse:
    """Send a form to this address with the page's token and these fields, whatever forms the page has."""
    tokens = {each.hidden["csrf_token"] for each in forms(page)}
    assert len(tokens) == 1
    return visitor.post(action, {"csrf_token": tokens.pop(), **fields})


def logged_in(site: Site, username: str = JANE, agent: str = FIREFOX) -> Visitor:
    """A browser of somebody who has logged in to an application."""
    visitor = site.browser()
    page = login_page(visitor)
    answer = visitor.post(
        form(page, forms(page)[0].action).action,
        {**forms(page)[0].hidden, "username": username, "password": "Tin.Horse.Lamp19"},
        headers={"User-Agent": agent},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
    )
    visitor.follow(answer)
    return visitor


def of(site: Site, username: str = JANE) -> Account:
    with site.provider.database.read() as connection:
        found = account.find(connection, username)
    assert found is not None
    return found


def sessions(site: Site, username: str = JANE) -> list[OpenSession]:
    with site.provider.database.read() as connection:
        return browser_session.live_of_account(connection, of(site, username).id, site.clock.now())


def last(site: Site, event: str, username: str = JANE) -> AuditEvent | None:
    with site.provider.database.read() as connection:
        return audit.last_of_account(connection, of(site, username).id, event)


def events(site: Site, username: str = JANE) -> list[activity.Event]:
    with site.provider.database.read() as connection:
        since = site.clock.now().replace(year=2000)
        return activity.of_account(connection, of(site, username).id, since, 1000)


def text(page: TestResponse) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(script|style).*?</\1>", " ", page.text, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", body).split()))
