import pytest

from idp.policy.assurance import Acr, reached, satisfies


def test_a_password_reaches_aal1() -> None:
    assert reached(("pwd",)) == "AAL1_USERPASS"


def test_a_sign_in_without_a_known_method_has_no_assurance() -> None:
    with pytest.raises(ValueError, match="no assurance"):
        reached(())


@pytest.mark.parametrize(
    ("asked", "by"),
    [
        ("AAL1_USERPASS", {"AAL1_USERPASS", "AAL2_TOTP", "AAL3_FIDO2", "AAL3_SMARTCARD"}),
        ("AAL2_TOTP", {"AAL2_TOTP"}),
        ("AAL2_ANY", {"AAL2_TOTP"}),
        ("AAL2_OR_AAL3_ANY", {"AAL2_TOTP", "AAL3_FIDO2", "AAL3_SMARTCARD"}),
        ("AAL3_FIDO2", {"AAL3_FIDO2"}),
        ("AAL3_SMARTCARD", {"AAL3_SMARTCARD"}),
        ("AAL3_ANY", {"AAL3_FIDO2", "AAL3_SMARTCARD"}),
    ],
)
def test_each_class_is_satisfied_by_these_and_no_other(asked: str, by: set[str]) -> None:
    methods = ("AAL1_USERPASS", "AAL2_TOTP", "AAL3_FIDO2", "AAL3_SMARTCARD")
    assert {method for method in methods if satisfies(Acr(method), Acr(asked))} == by
