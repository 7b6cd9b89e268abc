import pytest

from idp.policy.assurance import reached


def test_a_password_reaches_aal1() -> None:
    assert reached(("pwd",)) == "AAL1_USERPASS"


def test_a_sign_in_without_a_known_method_has_no_assurance() -> None:
    with pytest.raises(ValueError, match="no assurance"):
        reached(())
