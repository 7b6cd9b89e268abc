import itertools
from collections.abc import Mapping

import pytest

from idp.policy.enrolment import Permission, may_change

FACTS = ("is_half", "is_enrolled", "is_multi_factor", "is_fresh", "has_link", "is_trusted_network")
NOTHING: Mapping[str, bool] = dict.fromkeys(FACTS, False)


def decide(*true: str) -> Permission:
    return may_change(**{**NOTHING, **dict.fromkeys(true, True)})


@pytest.mark.parametrize(
    ("true", "permission"),
    [
        pytest.param(("is_half",), Permission.SECOND_PROOF, id="a password alone"),
        pytest.param(("is_half", "is_fresh"), Permission.SECOND_PROOF, id="a fresh password alone"),
        pytest.param(("is_half", "has_link"), Permission.GRANTED, id="a password and a mailed link"),
        pytest.param(("is_half", "is_trusted_network"), Permission.GRANTED, id="a password on the ward"),
        pytest.param(("is_half", "is_enrolled"), Permission.PROVE, id="half of what is enrolled"),
        pytest.param(
            ("is_half", "is_enrolled", "has_link", "is_trusted_network", "is_fresh"),
            Permission.PROVE,
            id="half of what is enrolled, whatever else is in hand",
        ),
        pytest.param(("is_fresh",), Permission.SECOND_PROOF, id="live, fresh, nothing enrolled"),
        pytest.param(("is_fresh", "is_trusted_network"), Permission.GRANTED, id="the same on the ward"),
        pytest.param(("has_link",), Permission.GRANTED, id="live with a mailed link"),
        pytest.param((), Permission.LOG_IN, id="live for long"),
        pytest.param(("is_trusted_network",), Permission.LOG_IN, id="live for long on the ward"),
        pytest.param(
            ("is_enrolled", "is_fresh"), Permission.PROVE, id="a trusted device spared the question"
        ),
        pytest.param(("is_enrolled", "is_multi_factor"), Permission.LOG_IN, id="all proved, long ago"),
        pytest.param(
            ("is_enrolled", "is_multi_factor", "is_fresh"), Permission.GRANTED, id="all proved, just now"
        ),
        pytest.param(("is_multi_factor", "is_fresh"), Permission.GRANTED, id="a card, just now"),
    ],
)
def test_the_change_is(true: tuple[str, ...], permission: Permission) -> None:
    assert decide(*true) is permission


def test_nobody_with_a_factor_changes_one_without_having_proved_it_now() -> None:
    for values in itertools.product((False, True), repeat=len(FACTS)):
        facts = dict(zip(FACTS, values, strict=True))
        proved = facts["is_multi_factor"] and facts["is_fresh"] and not facts["is_half"]
        if facts["is_enrolled"] and not proved:
            assert may_change(**facts) is not Permission.GRANTED


def test_nobody_begins_with_a_password_alone() -> None:
    for values in itertools.product((False, True), repeat=len(FACTS)):
        facts = dict(zip(FACTS, values, strict=True))
        proved = facts["is_multi_factor"] and facts["is_fresh"] and not facts["is_half"]
        if not (proved or facts["has_link"] or facts["is_trusted_network"]):
            assert may_change(**facts) is not Permission.GRANTED
