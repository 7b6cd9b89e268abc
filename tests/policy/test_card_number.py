import pytest

from idp.policy.card_number import is_card_number


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("123456789012", True),
        ("000000000000", True),
        ("12345678901", False),
        ("1234567890123", False),
        ("123456789012\n", False),
        (" 123456789012", False),
        ("١٢٣٤٥٦٧٨٩٠١٢", False),
        ("12345678901x", False),
        ("", False),
    ],
)
def test_a_card_number_is_twelve_digits(text: str, is_one: bool) -> None:
    assert is_card_number(text) is is_one
