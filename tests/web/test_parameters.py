"""Forms and queries are read strictly or not at all."""

import pytest

from idp.policy.refusal import Refused
from idp.web.parameters import parse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (b"", {}),
        ("a=1&b=2", {"a": ("1",), "b": ("2",)}),
        (b"a=1&a=2&a=", {"a": ("1", "2", "")}),
        ("a=x+y%2Bz", {"a": ("x y+z",)}),
        ("n=%C5%B5", {"n": ("ŵ",)}),
        ("a", {"a": ("",)}),
        ("a=1;b=2", {"a": ("1;b=2",)}),
        ("&&", {}),
        ("a=%", {"a": ("%",)}),
    ],
)
def test_what_can_be_read(text: str | bytes, found: dict[str, tuple[str, ...]]) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"a=%FF", "the parameters are not percent-encoded UTF-8"),
        (b"a=%ED%A0%80", "the parameters are not percent-encoded UTF-8"),
        (b"a=\xc5\xb5", "the parameters are not percent-encoded UTF-8"),
        ("a=%00", "a parameter holds a NUL character"),
        ("a%00=1", "a parameter holds a NUL character"),
        ("&".join(["a=1"] * 101), "there are more than 100 parameters"),
    ],
)
def test_what_cannot_is_refused_and_never_repaired(text: str | bytes, why: str) -> None:
    assert parse(text) == Refused("invalid_request", why)


def test_a_hundred_parameters_are_read() -> None:
    found = parse("&".join(f"a{number}=1" for number in range(100)))
    assert not isinstance(found, Refused)
    assert len(found) == 100
