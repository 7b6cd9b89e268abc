import pytest

from idp.policy.assurance import Acr, Factor, acr_of, amr_of, factors_of, is_known, is_level_3, satisfies

PASSWORD, TOTP, CODE = Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE
PASSKEY, KEY, CARD = Factor.PASSKEY, Factor.SECURITY_KEY, Factor.SMARTCARD
UNCONFIRMED, CARE_IDENTITY = Factor.UNCONFIRMED_SMARTCARD, Factor.CARE_IDENTITY

REACHED = ("AAL1_USERPASS", "AAL2_TOTP", "AAL2_ANY", "AAL3_FIDO2", "AAL3_SMARTCARD")


@pytest.mark.parametrize(
    ("factors", "acr", "amr"),
    [
        ((PASSWORD,), "AAL1_USERPASS", ("pwd",)),
        ((PASSWORD, TOTP), "AAL2_TOTP", ("pwd", "otp", "mfa")),
        ((PASSWORD, CODE), "AAL2_ANY", ("pwd", "otp", "mfa")),
        ((PASSWORD, CODE, TOTP), "AAL2_TOTP", ("pwd", "otp", "mfa")),
        ((PASSKEY,), "AAL2_ANY", ("swk", "user", "mfa")),
        ((PASSWORD, PASSKEY), "AAL2_ANY", ("pwd", "swk", "user", "mfa")),
        ((PASSKEY, PASSWORD), "AAL2_ANY", ("swk", "user", "pwd", "mfa")),
        ((PASSKEY, TOTP), "AAL2_ANY", ("swk", "user", "otp", "mfa")),
        ((PASSWORD, PASSKEY, TOTP), "AAL2_TOTP", ("pwd", "swk", "user", "otp", "mfa")),
        ((KEY,), "AAL3_FIDO2", ("hwk", "user", "mfa")),
        ((PASSWORD, KEY), "AAL3_FIDO2", ("pwd", "hwk", "user", "mfa")),
        ((PASSWORD, TOTP, KEY), "AAL3_FIDO2", ("pwd", "otp", "hwk", "user", "mfa")),
        ((PASSKEY, KEY), "AAL3_FIDO2", ("swk", "user", "hwk", "mfa")),
        ((CARD,), "AAL3_SMARTCARD", ("sc", "pin", "mfa")),
        ((UNCONFIRMED,), "AAL2_ANY", ("sc", "pin", "mfa")),
        ((UNCONFIRMED, KEY), "AAL3_FIDO2", ("sc", "pin", "hwk", "user", "mfa")),
        ((CARE_IDENTITY,), "AAL2_ANY", ("mfa",)),
        ((CARE_IDENTITY, TOTP), "AAL2_ANY", ("otp", "mfa")),
        ((PASSWORD, CARE_IDENTITY), "AAL2_ANY", ("pwd", "mfa")),
        ((CARE_IDENTITY, KEY), "AAL3_FIDO2", ("hwk", "user", "mfa")),
        ((CARD, PASSWORD, TOTP), "AAL3_SMARTCARD", ("sc", "pin", "pwd", "otp", "mfa")),
        ((KEY, CARD), "AAL3_SMARTCARD", ("hwk", "user", "sc", "pin", "mfa")),
    ],
)
def test_factors_reach(factors: tuple[Factor, ...], acr: str, amr: tuple[str, ...]) -> None:
    assert (acr_of(factors).value, amr_of(factors)) == (acr, amr)


@pytest.mark.parametrize("factors", [(), (TOTP,), (CODE,), (TOTP, CODE)])
def test_what_is_no_sign_in_has_no_assurance(factors: tuple[Factor, ...]) -> None:
    with pytest.raises(ValueError, match="no assurance"):
        acr_of(factors)


# What is asked for, and which of REACHED will do.
@pytest.mark.parametrize(
    ("wanted", "enough"),
    [
        ("AAL1_USERPASS", ("AAL1_USERPASS", "AAL2_TOTP", "AAL2_ANY", "AAL3_FIDO2", "AAL3_SMARTCARD")),
        ("AAL2_TOTP", ("AAL2_TOTP",)),
        ("AAL2_ANY", ("AAL2_TOTP", "AAL2_ANY")),
        ("AAL2_OR_AAL3_ANY", ("AAL2_TOTP", "AAL2_ANY", "AAL3_FIDO2", "AAL3_SMARTCARD")),
        ("AAL3_FIDO2", ("AAL3_FIDO2",)),
        ("AAL3_SMARTCARD", ("AAL3_SMARTCARD",)),
        ("AAL3_ANY", ("AAL3_FIDO2", "AAL3_SMARTCARD")),
        ("aal2_any", ()),
        ("urn:mace:incommon:iap:silver", ()),
        ("", ()),
    ],
)
def test_what_is_wanted_is_satisfied_by(wanted: str, enough: tuple[str, ...]) -> None:
    assert tuple(reached for reached in REACHED if satisfies(reached, (wanted,))) == enough
    assert is_known((wanted,)) is bool(enough)


def test_one_of_several_values_is_enough() -> None:
    assert satisfies("AAL2_TOTP", ("AAL3_SMARTCARD", "AAL2_ANY"))
    assert not satisfies("AAL1_USERPASS", ("AAL3_SMARTCARD", "AAL2_ANY"))
    assert is_known(("unheard of", "AAL3_ANY"))


def test_who_wants_nothing_is_content() -> None:
    assert all(satisfies(reached, ()) for reached in REACHED)
    assert is_known(())


def test_only_devices_that_keep_their_key_are_level_3() -> None:
    assert [acr for acr in Acr if is_level_3(acr)] == ["AAL3_FIDO2", "AAL3_SMARTCARD"]


def test_a_session_remembers_its_factors_as_words() -> None:
    assert factors_of(("password", "totp")) == (PASSWORD, TOTP)
    with pytest.raises(ValueError, match="fingerprint"):
        factors_of(("fingerprint",))
