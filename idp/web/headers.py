"""Say what a browser may do with each answer.

Content Security Policy Level 3, RFC 6797 (HSTS), RFC 9111 (caching), RFC 6749 §5.1 (no-store).

Chromium applies `form-action` to the redirect that answers a POST: a page whose answer may leave for a
relying party names the origin of that request's validated redirect URI, and nothing else. HSTS goes over
https alone: browsers ignore it elsewhere.
"""

Headers = list[tuple[str, str]]

YEAR = 31_536_000
HSTS = ("Strict-Transport-Security", f"max-age={2 * YEAR}; includeSubDomains")
COMMON = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    (
        "Permissions-Policy",
        (
            "publickey-credentials-get=(self), publickey-credentials-create=(self), "
            "camera=(), microphone=(), geolocation=()"
        ),
    ),
)
# What is no page neither runs nor is framed, should a browser ever show it as one.
NO_PAGE = (
    *COMMON,
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)


def page_headers(nonce: str, form_action_origins: tuple[str, ...] = (), *, https: bool) -> Headers:
    """For every HTML page, error pages included.

    `nonce` is this answer's own, in the base64url alphabet. `form_action_origins` are what
    `policy.redirect_uri.origin` made of validated redirect URIs.
    """
    return [
        ("Content-Security-Policy", content_security_policy(nonce, form_action_origins)),
        *COMMON,
        ("Cache-Control", "no-store"),
        ("Vary", "Cookie"),
        *_hsts(https=https),
    ]


def signed_out_headers(nonce: str, *, https: bool) -> Headers:
    """For the page that says a session has ended: the browser forgets what it kept of us.

    Not `"cookies"`: the known-device cookie outlives a session, and ours are expired by name.
    """
    return [*page_headers(nonce, https=https), ("Clear-Site-Data", '"cache", "storage"')]


def api_headers(*, https: bool = False) -> Headers:
    """For token, userinfo and every other JSON answer that is for one caller only."""
    return [*NO_PAGE, ("Cache-Control", "no-store"), ("Pragma", "no-cache"), *_hsts(https=https)]


def cacheable_headers(max_age: int, *, https: bool = False) -> Headers:
    """For what everyone may see for `max_age` seconds: discovery and JWKS."""
    return [*NO_PAGE, ("Cache-Control", f"public, max-age={max_age}"), *_hsts(https=https)]


def static_headers(*, https: bool = False) -> Headers:
    """For static files, whose addresses change with their content."""
    return [*NO_PAGE, ("Cache-Control", f"public, max-age={YEAR}, immutable"), *_hsts(https=https)]


def content_security_policy(nonce: str, form_action_origins: tuple[str, ...]) -> str:
    """The policy of one page. An origin that could end its directive is a bug, and raises ValueError."""
    for text in (nonce, *form_action_origins):
        if not text.isascii() or not text.isprintable() or any(character in text for character in " ;,'\""):
            raise ValueError(f"{text!r} cannot stand in a Content-Security-Policy")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            " ".join(("form-action 'self'", *form_action_origins)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        )
    )


def _hsts(*, https: bool) -> Headers:
    return [HSTS] if https else []
