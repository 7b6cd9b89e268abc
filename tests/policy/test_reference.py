import pytest

from idp.policy import reference


@pytest.mark.parametrize("typed", ["7F3K-2Q", "7f3k-2q", "7f3k2q", " 7F3K 2Q ", "7f3-k2q"])
def test_a_reference_is_understood_as_people_type_it(typed: str) -> None:
    assert reference.normalise(typed) == "7F3K-2Q"


def test_letters_that_references_leave_out_are_read_as_what_they_look_like() -> None:
    assert reference.normalise("oil0-1i") == "0110-11"


@pytest.mark.parametrize("typed", ["", "7F3K", "7F3K-2Q1", "7F3K-2U", "ä" * 6, "7F3K-2\x00"])
def test_nothing_else_is_a_reference(typed: str) -> None:
    assert reference.normalise(typed) is None
