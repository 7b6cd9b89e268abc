"""PKCE (RFC 7636)."""

from typing import Any

import pytest

from idp.protocol import pkce

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_challenge_is_that_of_the_specification(vectors: dict[str, Any]) -> None:
    vector = vectors["rfc7636_appendix_b"]
    assert pkce.challenge(vector["code_verifier"]) == vector["code_challenge"]
    assert pkce.verifies(vector["code_verifier"], vector["code_challenge"])


@pytest.mark.parametrize(
    ("code_verifier", "code_challenge", "verifies"),
    [
        pytest.param(None, None, True, id="a client that is exempt uses none"),
        pytest.param(None, CHALLENGE, False, id="the verifier is missing"),
        pytest.param(VERIFIER, None, False, id="a verifier without a challenge (RFC 9700 4.8.2)"),
        pytest.param(VERIFIER + "A", CHALLENGE, False, id="another verifier"),
        pytest.param(CHALLENGE, CHALLENGE, False, id="the challenge itself, as plain would have it"),
        pytest.param("", CHALLENGE, False, id="empty"),
        pytest.param("ŵ" * 43, CHALLENGE, False, id="not ASCII"),
    ],
)
def test_only_the_right_verifier_verifies(
    code_verifier: str | None, code_challenge: str | None, *, verifies: bool
) -> None:
    assert pkce.verifies(code_verifier, code_challenge) is verifies


@pytest.mark.parametrize(
    ("text", "is_verifier"),
    [
        ("a" * 42, False),
        ("a" * 43, True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("-._~" + "a" * 39, True),
        ("+" + "a" * 42, False),
        ("a" * 43 + "\n", False),
    ],
)
def test_a_verifier_has_43_to_128_unreserved_characters(text: str, *, is_verifier: bool) -> None:
    assert pkce.is_verifier(text) is is_verifier


@pytest.mark.parametrize(
    ("text", "is_challenge"),
    [
        (CHALLENGE, True),
        (CHALLENGE[:-1], False),
        (CHALLENGE + "=", False),
        (CHALLENGE.replace("-", "+"), False),
        (CHALLENGE + "\n", False),
    ],
)
def test_a_challenge_is_the_base64url_of_32_bytes(text: str, *, is_challenge: bool) -> None:
    assert pkce.is_challenge(text) is is_challenge
