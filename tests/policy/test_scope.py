import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy import scope
from idp.policy.refusal import Refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, set(), id="absent"),
        pytest.param("", set(), id="empty"),
        pytest.param("openid", {"openid"}, id="one value"),
        pytest.param("openid profile openid", {"openid", "profile"}, id="a value twice"),
        pytest.param("https://api.example/read!", {"https://api.example/read!"}, id="another API's value"),
        pytest.param("a" * 1024, {"a" * 1024}, id="1024 bytes"),
    ],
)
def test_scope_is_read(text: str | None, expected: set[str]) -> None:
    assert scope.parse(text) == frozenset(expected)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" openid", id="leading space"),
        pytest.param("openid  profile", id="two spaces"),
        pytest.param("openid\n", id="line feed"),
        pytest.param('open"id', id="quote"),
        pytest.param("open\\id", id="backslash"),
        pytest.param("ŵ", id="outside ASCII"),
        pytest.param("a" * 1025, id="1025 bytes"),
    ],
)
def test_scope_is_refused(text: str) -> None:
    refused = scope.parse(text)
    assert isinstance(refused, Refused)
    assert refused.error == "invalid_scope"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(set(), set(), id="nothing asked is nothing granted"),
        pytest.param({"openid", "email"}, {"openid", "email"}, id="all registered"),
        pytest.param({"openid", "address"}, {"openid"}, id="a value nobody knows is skipped"),
        pytest.param({"pay.read"}, {"pay.read"}, id="a registered value of another API"),
    ],
)
def test_scope_is_granted(asked: set[str], expected: set[str]) -> None:
    assert scope.granted(frozenset(asked), frozenset({"openid", "email", "pay.read"})) == frozenset(expected)


@pytest.mark.parametrize(
    ("asked", "description"),
    [
        pytest.param(
            {"openid", "birthdate", "esr"},
            "this client is not registered for the scope esr birthdate",
            id="known but not registered",
        ),
        pytest.param(
            {"address"}, "this client is not registered for any scope it asks for", id="nothing is left"
        ),
    ],
)
def test_scope_is_not_granted(asked: set[str], description: str) -> None:
    assert scope.granted(frozenset(asked), frozenset({"openid"})) == Refused("invalid_scope", description)


def test_scope_is_written_in_a_fixed_order() -> None:
    assert scope.ordered({"b.read", "esr", "a.read", "openid"}) == "openid esr a.read b.read"


@given(st.frozensets(st.text(st.characters(min_codepoint=0x5D, max_codepoint=0x7E), min_size=1), max_size=9))
def test_what_is_written_is_read_back(value: frozenset[str]) -> None:
    text = scope.ordered(value)
    assert len(text) > 1024 or scope.parse(text) == value
