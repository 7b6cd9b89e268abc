"""Events have names from one list, and each way to prove who one is has its own."""

import pytest

from idp.policy import event_name
from idp.policy.assurance import Factor

BEGIN = {
    Factor.PASSWORD: "sign_in.password",
    Factor.PASSKEY: "sign_in.passkey",
    Factor.SECURITY_KEY: "sign_in.security_key",
    Factor.SMARTCARD: "sign_in.smartcard",
    Factor.UNCONFIRMED_SMARTCARD: "sign_in.unconfirmed_smartcard",
    Factor.CARE_IDENTITY: "sign_in.care_identity",
}
ADD = {
    Factor.TOTP: "second_factor.totp",
    Factor.RECOVERY_CODE: "second_factor.recovery_code",
    Factor.PASSKEY: "second_factor.passkey",
    Factor.SECURITY_KEY: "second_factor.security_key",
}


@pytest.mark.parametrize(("factor", "name"), BEGIN.items())
def test_a_session_begins_with(factor: Factor, name: str) -> None:
    assert event_name.sign_in(factor) == name


@pytest.mark.parametrize(("factor", "name"), ADD.items())
def test_a_session_is_stepped_up_with(factor: Factor, name: str) -> None:
    assert event_name.second_factor(factor) == name


def test_every_factor_is_one_or_the_other() -> None:
    assert BEGIN.keys() | ADD.keys() == set(Factor)
