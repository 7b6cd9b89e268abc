"""What a browser may do with each kind of answer."""

from collections.abc import Callable
from functools import partial

import pytest

from idp.web import headers

HSTS = "max-age=63072000; includeSubDomains"
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "publickey-credentials-get=(self), publickey-credentials-create=(self), "
        "camera=(), microphone=(), geolocation=()"
    ),
}


def test_a_page_may_load_only_what_is_ours_and_is_not_kept() -> None:
    assert dict(headers.page_headers("r4nd0m", https=True)) == COMMON | {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'nonce-r4nd0m'; style-src 'self'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'; object-src 'none'"
        ),
        "Cache-Control": "no-store",
        "Vary": "Cookie",
        "Strict-Transport-Security": HSTS,
    }


def test_a_page_whose_answer_may_leave_names_the_origin_it_may_leave_for() -> None:
    origins = ("https://rp.example", "com.example.app:")
    policy = dict(headers.page_headers("n", origins, https=True))["Content-Security-Policy"]
    assert "; form-action 'self' https://rp.example com.example.app:; " in policy


@pytest.mark.parametrize(
    "origin",
    ["https://rp.example; script-src *", "https://a.example https://b.example", "x\r\ny:", "'none'", "ŵ:"],
)
def test_an_origin_that_could_end_its_directive_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in"):
        headers.page_headers("n", (origin,), https=True)


def test_the_signed_out_page_makes_the_browser_forget() -> None:
    sent = dict(headers.signed_out_headers("n", https=True))
    assert sent["Clear-Site-Data"] == '"cache", "storage"'
    assert sent["Cache-Control"] == "no-store"


def test_an_api_answer_is_for_one_caller_only() -> None:
    assert dict(headers.api_headers(https=True)) == COMMON | {
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "Strict-Transport-Security": HSTS,
    }


def test_public_documents_may_be_kept_for_a_while() -> None:
    assert dict(headers.cacheable_headers(600))["Cache-Control"] == "public, max-age=600"


def test_static_files_may_be_kept_for_ever() -> None:
    assert dict(headers.static_headers())["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "build",
    [
        partial(headers.page_headers, "n"),
        partial(headers.signed_out_headers, "n"),
        headers.api_headers,
        partial(headers.cacheable_headers, 1),
        headers.static_headers,
    ],
    ids=["page", "signed out", "api", "cacheable", "static"],
)
def test_hsts_is_promised_over_https_alone_and_no_header_is_sent_twice(
    build: Callable[..., headers.Headers],
) -> None:
    sent = build(https=True)
    assert dict(sent)["Strict-Transport-Security"] == HSTS
    assert "Strict-Transport-Security" not in dict(build(https=False))
    assert len(sent) == len(dict(sent))
