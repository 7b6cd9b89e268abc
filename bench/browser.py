"""What a browser adds to requests: cookies, redirects and a filled-in form.

RFC 6265 as far as one origin needs it. A form is found by one of its fields, so nothing here knows a page.
"""

import html
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from bench.drive import Unexpected
from bench.message import Response, get, post

_FORM: Final = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL | re.IGNORECASE)
_INPUT: Final = re.compile(r"<input\b([^>]*)>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r'([\w-]+)="([^"]*)"')
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 12


@dataclass(slots=True)
class Browser:
    """One person's browser at one origin: its cookies, and what its relying party was given last."""

    origin: str
    username: str
    password: str | None = None
    cookies: dict[str, str] = field(default_factory=dict)
    refresh_token: str = ""
    access_token: str = ""

    @property
    def host(self) -> str:
        """The Host header of its requests."""
        return urlsplit(self.origin).netloc

    @property
    def cookie(self) -> str:
        """The Cookie header of its requests."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def visit(self, url: str) -> Generator[bytes, Response, tuple[str, Response]]:
        """Open `url` and follow redirects until a page is shown or another origin is reached."""
        return (yield from self._follow(url, (yield self._get(url))))

    def submit(
        self, url: str, page: Response, **fields: str
    ) -> Generator[bytes, Response, tuple[str, Response]]:
        """Fill `fields` into the form with a password, send it, and follow as `visit` does."""
        target, form = self.form(url, page)
        answer = yield self.filled(target, form | fields)
        return (yield from self._follow(target, answer))

    def form(self, url: str, page: Response, with_field: str = "") -> tuple[str, dict[str, str]]:
        """Where the form on `page` that has a password, or the field named, is sent, and its hidden fields.

        Unexpected without one.
        """
        for opening, inside in _FORM.findall(page.body.decode()):
            inputs = [_attributes(each) for each in _INPUT.findall(inside)]
            if any(
                each.get("name") == with_field if with_field else each.get("type") == "password"
                for each in inputs
            ):
                hidden = {
                    each["name"]: each.get("value", "") for each in inputs if each.get("type") == "hidden"
                }
                return urljoin(url, _attributes(opening).get("action") or url), hidden
        raise Unexpected(f"a form with {with_field or 'a password'} at {url}", page)

    def filled(self, url: str, fields: dict[str, str]) -> bytes:
        """The POST that sends `fields`, as a browser of the same origin sends it."""
        headers = {"cookie": self.cookie} if self.cookies else {}
        headers |= {"origin": self.origin, "sec_fetch_site": "same-origin"}
        return post(self.host, _path(url), fields, **headers)

    def keep(self, response: Response) -> None:
        """Keep the cookies of `response`, and drop those it ends."""
        for line in response.headers("set-cookie"):
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            if re.search(r"max-age=0\b|01 Jan 1970", attributes, re.IGNORECASE):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def _get(self, url: str) -> bytes:
        return get(self.host, _path(url), **({"cookie": self.cookie} if self.cookies else {}))

    def _follow(self, url: str, response: Response) -> Generator[bytes, Response, tuple[str, Response]]:
        for _ in range(_MOST_REDIRECTS):
            self.keep(response)
            if response.status not in _REDIRECTS:
                break
            url = urljoin(url, response.location)
            if not url.startswith(f"{self.origin}/"):
                break
            response = yield self._get(url)
        return url, response


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _attributes(opening: str) -> dict[str, str]:
    return {name.lower(): html.unescape(value) for name, value in _ATTRIBUTE.findall(opening)}
