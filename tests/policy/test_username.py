import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy import username


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        pytest.param("918JSMITH01", "918JSMITH01", id="as stored"),
        pytest.param("  918jsmith01\t", "918JSMITH01", id="any case, spaces trimmed"),
        pytest.param("918JSMITH100", "918JSMITH100", id="the hundredth namesake"),
        pytest.param("\uff19\uff11\uff18jsmith01", "918JSMITH01", id="full-width digits"),
        pytest.param("\u3000918jsmith01", "918JSMITH01", id="ideographic space"),
    ],
)
def test_a_username_is_normalised(typed: str, stored: str) -> None:
    assert username.normalise(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="empty"),
        pytest.param("918 JSMITH01", id="a space inside"),
        pytest.param("JSMITH01", id="no employer code"),
        pytest.param("918JSMITH1", id="one digit"),
        pytest.param("918JSMITH1000", id="four digits"),
        pytest.param("91801", id="no letters"),
        pytest.param("918JSM\u0131TH01", id="dotless i"),
        pytest.param("918WEI\u00df01", id="sharp s"),
        pytest.param("918JSMITH\u0660\u0661", id="Arabic digits"),
        pytest.param("918JSMITH01\x00", id="NUL"),
        pytest.param("918" + "J" * 100 + "01", id="too long"),
    ],
)
def test_what_cannot_be_a_username_is_none(typed: str) -> None:
    assert username.normalise(typed) is None


@pytest.mark.parametrize(
    ("given_name", "family_name", "number", "expected"),
    [
        pytest.param("John", "Smith", 1, "918JSMITH01", id="the guidance's own"),
        pytest.param("Siân", "O'Neill-Prŵs", 2, "918SONEILLPRWS02", id="apostrophe, hyphen, circumflex"),
        pytest.param("Mary Ann", "van der Berg", 3, "918MVANDERBERG03", id="spaces"),
        pytest.param(None, "Sukarno", 1, "918SSUKARNO01", id="mononym as family name"),
        pytest.param("Sukarno", None, 1, "918SSUKARNO01", id="mononym as given name"),
        pytest.param("Łukasz", "Weiß-Øre", 1, "918LWEISSORE01", id="letters without decomposition"),
        pytest.param("Jo", "Smith", 99, "918JSMITH99", id="the ninety-ninth"),
        pytest.param("Jo", "Smith", 100, "918JSMITH100", id="the hundredth"),
        pytest.param("李", "小龍", 1, None, id="no letter of A to Z"),
        pytest.param("", "", 1, None, id="no name"),
    ],
)
def test_a_username_is_made(
    given_name: str | None, family_name: str | None, number: int, expected: str | None
) -> None:
    assert username.derive("918", given_name, family_name, number) == expected


@pytest.mark.parametrize(("code", "number"), [("91", 1), ("9180", 1), ("91X", 1), ("918", 0), ("918", 1000)])
def test_a_wrong_employer_code_or_number_is_a_bug(code: str, number: int) -> None:
    with pytest.raises(ValueError, match=r"employer code|number"):
        username.derive(code, "Jo", "Smith", number)


@given(st.text(max_size=120), st.text(max_size=120), st.integers(1, 999))
def test_what_is_made_can_be_typed(given_name: str, family_name: str, number: int) -> None:
    made = username.derive("918", given_name, family_name, number)
    assert made is None or username.normalise(f" {made.lower()} ") == made


@given(st.text(max_size=40) | st.from_regex(r"\A\s*[0-9]{3}[a-zA-Z]{1,9}[0-9]{2}\s*\Z"))
def test_normalising_twice_changes_nothing(typed: str) -> None:
    stored = username.normalise(typed)
    assert stored is None or username.normalise(stored) == stored
