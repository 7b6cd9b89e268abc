import pytest

from idp.policy import claims


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (set(), ()),
        ({"openid"}, ("sub",)),
        ({"offline_access", "pay.read"}, ()),
        ({"profile"}, ("name", "given_name", "family_name", "locale")),
        ({"email", "openid"}, ("sub", "email", "email_verified")),
        ({"esr", "openid"}, ("sub", "esr_username", "esr_employer", "esr_roles", "nhsid_useruid")),
        ({"birthdate"}, ("birthdate",)),
    ],
)
def test_a_scope_gives_its_claims_in_a_fixed_order(scope: set[str], expected: tuple[str, ...]) -> None:
    assert claims.select(frozenset(scope)) == expected
