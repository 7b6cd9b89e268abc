import pytest

from idp.policy.difference import Difference, closest, visible

CALLBACK = "https://rp.example/callback"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (CALLBACK, Difference(CALLBACK, "", CALLBACK, "")),
        (
            "https://rp.example/callback/",
            Difference("https://rp.example/callback/", "                           ^", CALLBACK, ""),
        ),
        (
            "http://rp.example/callback",
            Difference("http://rp.example/callback", "", CALLBACK, "    ^"),
        ),
        (
            "https://rp.example/callb\u0430ck",
            Difference(
                "https://rp.example/callb\\u0430ck",
                "                        ^^^^^^",
                CALLBACK,
                "                        ^",
            ),
        ),
    ],
    ids=["the same", "more", "less", "a look-alike letter"],
)
def test_every_character_that_differs_is_marked(received: str, expected: Difference) -> None:
    assert closest(received, [CALLBACK]) == expected


def test_the_most_similar_value_is_chosen() -> None:
    found = closest("https://rp.example/calback", ["https://rp.example/", CALLBACK, "https://other.example/"])

    assert found is not None
    assert found.registered == CALLBACK


def test_nothing_is_close_when_nothing_is_registered() -> None:
    assert closest(CALLBACK, []) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ~", "plain ~"),
        ("a\tb\x1b\x7f", "a\\tb\\x1b\\x7f"),
        ("é\u202e\u200b", "\\xe9\\u202e\\u200b"),
        ("\U0001f600\udc80", "\\U0001f600\\udc80"),
        ("C:\\temp", "C:\\temp"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_shown_as_an_escape(text: str, expected: str) -> None:
    assert visible(text) == expected
