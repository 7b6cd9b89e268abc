import pytest

from idp.policy import email_address


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        pytest.param("jane.smith@nhsbt.example", "jane.smith@nhsbt.example", id="as it is"),
        pytest.param("Jane.Smith@NHSBT.Example", "jane.smith@nhsbt.example", id="any case"),
        pytest.param("  jane.smith@nhsbt.example ", "jane.smith@nhsbt.example", id="spaces around"),
        pytest.param("o'dowd+rota@a-b.example", "o'dowd+rota@a-b.example", id="apostrophe and plus"),
        pytest.param(f"{'x' * 64}@{'y' * 63}.example", f"{'x' * 64}@{'y' * 63}.example", id="long"),
    ],
)
def test_an_address_is_compared_in_lower_case(typed: str, compared: str) -> None:
    assert email_address.normalise(typed) == compared


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="empty"),
        pytest.param("jane", id="no domain"),
        pytest.param("jane@nhsbt", id="no dot in the domain"),
        pytest.param("@nhsbt.example", id="no local part"),
        pytest.param("jane@nhsbt.example.", id="trailing dot"),
        pytest.param("jane..smith@nhsbt.example", id="two dots"),
        pytest.param(".jane@nhsbt.example", id="dot before"),
        pytest.param("jane.@nhsbt.example", id="dot after"),
        pytest.param(".@nhsbt.example", id="dot alone"),
        pytest.param("jane@nhsbt.example\r\nBcc: eve@evil.example", id="line break"),
        pytest.param("jane@nhsbt.example\n", id="line feed at the end"),
        pytest.param("jane@nhsbt.example,eve@evil.example", id="comma"),
        pytest.param("jane@nhsbt.example eve@evil.example", id="two addresses"),
        pytest.param("jane@nhsbt.example;eve@evil.example", id="semicolon"),
        pytest.param("Jane Smith <jane@nhsbt.example>", id="with a name"),
        pytest.param('"jane"@nhsbt.example', id="quoted"),
        pytest.param("jane@[192.0.2.7]", id="address literal"),
        pytest.param("ja\u0000ne@nhsbt.example", id="NUL"),
        pytest.param("\ud800@nhsbt.example", id="half a character"),
        pytest.param("mi\u212ae@nhsbt.example", id="Kelvin sign, whose lower case is k"),
        pytest.param("m\u0131ke@nhsbt.example", id="dotless i"),
        pytest.param("m\u0130ke@nhsbt.example", id="dotted capital i"),
        pytest.param("j\u0430ne@nhsbt.example", id="Cyrillic a"),
        pytest.param("\uff4aane@nhsbt.example", id="full-width letter"),
        pytest.param("jane\uff20nhsbt.example", id="full-width at sign"),
        pytest.param("jane@nhsbt\u3002example", id="ideographic full stop"),
        pytest.param(f"{'x' * 65}@nhsbt.example", id="long local part"),
        pytest.param(f"x@{'y.' * 130}example", id="longer than any address"),
    ],
)
def test_anything_else_is_no_address(typed: str) -> None:
    assert email_address.normalise(typed) is None
