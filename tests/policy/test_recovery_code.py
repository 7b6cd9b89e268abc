import pytest

from idp.policy import recovery_code

DRAWN = "ABCDEFGHJKMNPQRS"


def test_a_code_is_written_in_groups_behind_its_place() -> None:
    assert recovery_code.write(3, DRAWN) == "3-ABCDE-FGHJK-MNPQR-S"


@pytest.mark.parametrize(("position", "drawn"), [(10, DRAWN), (-1, DRAWN), (3, DRAWN[1:]), (3, "U" * 16)])
def test_what_could_not_be_read_again_is_not_written(position: int, drawn: str) -> None:
    with pytest.raises(ValueError, match="a place from 0 to 9"):
        recovery_code.write(position, drawn)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("3-ABCDE-FGHJK-MNPQR-S", "3ABCDEFGHJKMNPQRS"),
        (" 3abcde fghjk\tmnpqr s\n", "3ABCDEFGHJKMNPQRS"),
        ("3ABCDEFGHJKMNPQRS", "3ABCDEFGHJKMNPQRS"),
        ("o-lIO00-00000-00000-0", "01100000000000000"),
        ("3-ABCDE-FGHJK-MNPQR", None),
        ("3-ABCDE-FGHJK-MNPQR-SS", None),
        ("A-ABCDE-FGHJK-MNPQR-S", None),
        ("3-ABCDE-FGHJK-MNPQR-U", None),
        ("٣-ABCDE-FGHJK-MNPQR-S", None),
        ("3-ABCDE-FGHJK-MNPQR-S\x00", None),
        ("", None),
        ("-" * 1_000_000, None),
    ],
    ids=lambda value: ascii(value)[:26],
)
def test_a_code_is_read_however_it_is_typed(typed: str, code: str | None) -> None:
    assert recovery_code.read(typed) == code


def test_the_first_digit_is_its_place() -> None:
    assert recovery_code.position_of("7ABCDEFGHJKMNPQRS") == 7
