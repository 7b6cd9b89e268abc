"""What ties requests to one browser: cookies, CSRF tokens, and refusing posts from other sites.

RFC 6265bis (`__Host-`, SameSite), OWASP ASVS 5.0 §3.3 and §3.5. Over https every cookie is `__Host-` and
Secure; over plain http, which settings allow for localhost alone, neither is possible.
"""

import hashlib
import hmac
import re
from datetime import timedelta

from flask import Request, Response

from idp.provider import Provider

SESSION = "sid"
KNOWN_DEVICE = "dev"
TRUSTED_DEVICE = "trust"
LANGUAGE = "lang"
FORM = "form"
NOTICE = "notice"
ASKED = "asked"
CSRF_FIELD = "csrf_token"

# What `randomness.token` makes: 256 bits as unpadded base64url.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def transaction_cookie(handle: str) -> str:
    """One cookie for each parked request, so that tabs cannot collide."""
    return f"tx-{handle[:8]}"


def name_of(provider: Provider, cookie: str) -> str:
    """The cookie's name as the browser knows it."""
    prefix = "__Host-" if provider.is_https else ""
    return f"{prefix}{provider.cookie_prefix}{cookie}"


def read(provider: Provider, request: Request, cookie: str) -> str | None:
    """The cookie's value, or None."""
    return request.cookies.get(name_of(provider, cookie))


def read_header(provider: Provider, header: str, cookie: str) -> str | None:
    """The same from a Cookie header as it came; our own values need no unquoting."""
    wanted = f"{name_of(provider, cookie)}="
    for pair in header.split(";"):
        if pair.strip().startswith(wanted):
            return pair.strip()[len(wanted) :]
    return None


def write(
    provider: Provider, response: Response, cookie: str, value: str, max_age: timedelta | None = None
) -> None:
    """Set a cookie; without `max_age` it goes when the browser closes, as a shared workstation needs."""
    response.set_cookie(
        name_of(provider, cookie),
        value,
        max_age=max_age,
        path="/",
        secure=provider.is_https,
        httponly=True,
        samesite="Lax",
    )


def forget(provider: Provider, response: Response, cookie: str) -> None:
    """Delete a cookie."""
    response.delete_cookie(
        name_of(provider, cookie), path="/", secure=provider.is_https, httponly=True, samesite="Lax"
    )


def read_token(provider: Provider, request: Request, cookie: str) -> str | None:
    """The cookie's value if it can be a token that we gave the browser, else None."""
    brought = read(provider, request, cookie)
    return brought if brought is not None and _TOKEN.fullmatch(brought) else None


def csrf_token(provider: Provider, binding: str) -> str:
    """The token for forms of the browser that holds this secret."""
    return hmac.digest(provider.csrf_key, binding.encode(), hashlib.sha256).hex()


def is_csrf_token(provider: Provider, binding: str, presented: str) -> bool:
    """Whether the form was made for this browser."""
    expected = csrf_token(provider, binding)
    return hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogatepass"))


def is_from_another_site(provider: Provider, request: Request) -> bool:
    """Whether the browser says that a form of another origin sent this.

    Old browsers say nothing: without Fetch Metadata they send `Origin: null` from our own pages too, whose
    referrer policy is no-referrer. The CSRF token decides then.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin not in {None, "null", provider.issuer}
