"""Read what a refused client is told."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from werkzeug.test import TestResponse

_REFERENCE = re.compile(r" \(reference ([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2})\)$")


def refusal(response: TestResponse) -> tuple[int, str, str]:
    """Status, `error` and `error_description` of a JSON answer, which must name a reference."""
    assert response.content_type == "application/json", response.text
    assert response.headers["Cache-Control"] == "no-store"
    body: dict[str, str] = response.get_json()
    assert body.keys() == {"error", "error_description"}
    return response.status_code, body["error"], described(body)


def redirected(response: TestResponse, *, to: str) -> dict[str, str]:
    """The parameters of a redirect to that very address, the reference cut off its description."""
    assert response.status_code == 303, (response.status_code, response.text[:2000])
    address, _, query = response.location.partition("?")
    assert address == to
    pairs = parse_qsl(urlsplit(f"?{query}").query, keep_blank_values=True, strict_parsing=True)
    parameters = dict(pairs)
    assert len(parameters) == len(pairs)
    if "error_description" in parameters:
        parameters["error_description"] = described(parameters)
    return parameters


def described(body: Mapping[str, str]) -> str:
    """The description without its reference."""
    text = body["error_description"]
    assert _REFERENCE.search(text), text
    return _REFERENCE.sub("", text)


def reference_of(text: str) -> str:
    """The reference in a description."""
    found = _REFERENCE.search(text)
    assert found, text
    return found[1]
