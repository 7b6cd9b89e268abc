import pytest

from idp.policy import consent


@pytest.mark.parametrize(
    ("first_party", "asked", "granted", "needed"),
    [
        pytest.param(True, {"openid", "esr"}, set(), False, id="a first party needs none"),
        pytest.param(True, {"openid", "birthdate"}, set(), True, id="but for the date of birth"),
        pytest.param(True, {"openid", "birthdate"}, {"birthdate"}, False, id="which is asked once"),
        pytest.param(False, {"openid"}, set(), True, id="a third party needs it"),
        pytest.param(False, {"openid"}, {"openid", "email"}, False, id="and less is covered by more"),
        pytest.param(False, {"openid", "email"}, {"openid"}, True, id="but not more by less"),
        pytest.param(False, set(), set(), False, id="nothing asked needs nothing"),
    ],
)
def test_consent_is_needed(*, first_party: bool, asked: set[str], granted: set[str], needed: bool) -> None:
    facts = {"asked": frozenset(asked), "granted": frozenset(granted)}
    assert consent.is_needed(first_party=first_party, **facts) is needed
