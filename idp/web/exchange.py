"""One request of a person, and the answers that can be made to it.

Views receive it as their argument: no globals, no request-bound magic. What costs something is made when it
is first asked for.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlencode

from flask import Request, Response

from idp.policy.refusal import Refused
from idp.provider import Provider
from idp.web import browser, headers, notice, parameters
from idp.web.address import client_address
from idp.web.language import Language, choose
from idp.web.parameters import Parameters
from idp.web.rendering import Rendering

_LONGEST_QUERY = 8192


class Malformed(Exception):
    """The parameters cannot be read at all."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.description)
        self.refused = refused


@dataclass
class Exchange:
    """A request with the provider that answers it."""

    request: Request
    provider: Provider
    rendering: Rendering

    @cached_property
    def now(self) -> datetime:
        """When the request is answered: one moment for all of it."""
        return self.provider.now()

    @cached_property
    def query(self) -> Parameters:
        """The query's parameters. Raises `Malformed`."""
        return _read(self.request.query_string)

    @cached_property
    def _legible(self) -> list[tuple[str, str]]:
        """The query as far as it can be read: enough to choose a language, for an error page too."""
        text = self.request.query_string.decode("ascii", errors="replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace")

    @cached_property
    def form(self) -> Parameters:
        """The body's parameters. Raises `Malformed`."""
        if self.request.mimetype != "application/x-www-form-urlencoded":
            return parameters.NONE
        return _read(self.request.get_data(cache=False))

    @cached_property
    def address(self) -> str:
        """Where the request came from."""
        return client_address(self.request.environ, self.provider.trusted_proxies)

    @property
    def path(self) -> str:
        """The page's own path. One that begins with two slashes would name another host in a link."""
        return "/" + self.request.path.lstrip("/")

    @property
    def what(self) -> str:
        """Method and path, for logs: never the query or a handle, which may hold a secret."""
        rule = self.request.url_rule
        return f"{self.request.method} {self.request.path if rule is None else rule.rule}"

    def field(self, name: str) -> str:
        """A form field's only value; empty when it is missing or came more than once."""
        return _only(self.form, name)

    def asked(self, name: str) -> str:
        """A query parameter's only value; empty when it is missing or came more than once."""
        return _only(self.query, name)

    def cookie(self, name: str) -> str | None:
        """A cookie of ours."""
        return browser.read(self.provider, self.request, name)

    @cached_property
    def form_secret(self) -> str:
        """What the forms of a browser without a waiting request are bound to: what it brought, or new."""
        return (
            browser.read_token(self.provider, self.request, browser.FORM) or self.provider.randomness.token()
        )

    @property
    def _chosen_language(self) -> str | None:
        return next((value for name, value in self._legible if name == browser.LANGUAGE), None)

    def language(self, ui_locales: str | None = None) -> Language:
        """The language to answer in."""
        return choose(
            self._chosen_language,
            self.cookie(browser.LANGUAGE),
            ui_locales,
            self.request.headers.get("Accept-Language"),
        )

    def page(
        self,
        template: str,
        *,
        status: int = HTTPStatus.OK,
        form_action: tuple[str, ...] = (),
        ui_locales: str | None = None,
        service_desk: str | None = None,
        reference: str | None = None,
        signed_out: bool = False,
        in_languages: bool = True,
        **values: object,
    ) -> Response:
        """A page.

        `form_action` are the origins its forms, or the redirects after them, may lead to; `in_languages` is
        whether it can be asked for again in the other language.
        """
        nonce = secrets.token_urlsafe(16)
        language = self.language(ui_locales)
        news = notice.find(self.provider, self.request)
        html = self.rendering.render(
            template,
            language=language,
            nonce=nonce,
            path_for_language={each: self._in_language(each) for each in Language} if in_languages else {},
            service_desk=service_desk or self.provider.service_desk,
            reference=reference,
            notice=None if news is None else notice.WORDS[news],
            **values,
        )
        https = self.provider.is_https
        policy = (
            headers.signed_out_headers(nonce, https=https)
            if signed_out
            else headers.page_headers(nonce, form_action, https=https)
        )
        response = Response(html, status, policy, content_type="text/html; charset=utf-8")
        response.headers["Content-Language"] = language.value
        if self._chosen_language == language.value:
            browser.write(self.provider, response, browser.LANGUAGE, language.value)
        if news is not None:
            notice.forget(self.provider, response)
        return response

    def redirect(self, location: str) -> Response:
        """See Other: the browser goes there with a GET, whatever it sent here."""
        policy = [*headers.api_headers(https=self.provider.is_https), ("Location", location)]
        return Response("", HTTPStatus.SEE_OTHER, policy, content_type="text/plain; charset=utf-8")

    def to(self, path: str, **query: str) -> Response:
        """Redirect to a path of ours."""
        suffix = f"?{urlencode(query)}" if query else ""
        return self.redirect(f"{self.provider.issuer}{path}{suffix}")

    def again_as_get(self, names: Collection[str]) -> Response:
        """Redirect a posted form to the same path with these of its fields in the query."""
        fields = [(name, value) for name in names for value in self.form.get(name, ())]
        if sum(len(value) for _, value in fields) > _LONGEST_QUERY:
            raise Malformed(Refused("invalid_request", "the request is too long to go on with"))
        query = f"?{urlencode(fields)}" if fields else ""
        return self.redirect(f"{self.provider.issuer}{self.request.path}{query}")

    def _in_language(self, language: Language) -> str:
        query = [pair for pair in self._legible if pair[0] != browser.LANGUAGE]
        path = quote(self.path)
        # After a POST the toggle shows the page afresh, which a GET of the same address does.
        return f"{path}?{urlencode([*query, (browser.LANGUAGE, language.value)])}"


def _only(values: Parameters, name: str) -> str:
    found = values.get(name, ())
    return found[0] if len(found) == 1 else ""


def _read(text: bytes) -> Parameters:
    found = parameters.parse(text)
    if isinstance(found, Refused):
        raise Malformed(found)
    return found
