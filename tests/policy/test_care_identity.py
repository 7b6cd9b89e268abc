import pytest

from idp.policy.assurance import Factor
from idp.policy.care_identity import factor_of, is_as_asked

CARD, KEY, OTHER = Factor.SMARTCARD, Factor.SECURITY_KEY, Factor.CARE_IDENTITY


@pytest.mark.parametrize(
    ("acr", "amr", "level", "factor"),
    [
        # What a card answers.
        ("AAL3_ANY", ("N3_SMARTCARD",), "3", CARD),
        ("AAL3_ANY", ("N3_SMARTCARD",), None, CARD),
        ("AAL3_ANY", ("CIS2_SMARTCARD",), "3", CARD),
        ("AAL3_ANY", ("SMARTCARD",), "3", CARD),
        ("AAL3_N3_SMARTCARD", ("N3_SMARTCARD",), "3", CARD),
        ("AAL3_CIS2_SMARTCARD", ("CIS2_SMARTCARD",), "3", CARD),
        ("AAL3_SMARTCARD", ("N3_SMARTCARD",), "3", CARD),
        ("AAL3_SMARTCARD", (), "3", CARD),
        ("AAL3_SMARTCARD", (), None, CARD),
        ("AAL2_OR_AAL3_ANY", ("N3_SMARTCARD",), "3", CARD),
        ("AAL3_ANY", ("N3_SMARTCARD", "FIDO2"), "3", CARD),
        # What a security key answers.
        ("AAL3_ANY", ("FIDO2",), "3", KEY),
        ("AAL3_ANY", ("FIDO2",), None, KEY),
        ("AAL3_FIDO2", ("FIDO2",), "3", KEY),
        ("AAL3_FIDO2", (), None, KEY),
        ("AAL2_OR_AAL3_ANY", ("FIDO2",), "3", KEY),
        # Level 3, in a way that has no name here.
        ("AAL3_ANY", ("IOS",), "3", OTHER),
        ("AAL3_IOS", ("IOS",), "3", OTHER),
        ("AAL3_ANY", (), "3", OTHER),
        ("AAL3_ANY", ("something new",), "3", OTHER),
        # Level 2.
        ("AAL2_ANY", ("TOTP",), "2", OTHER),
        ("AAL2_TOTP", ("TOTP",), "2", OTHER),
        ("AAL2_NHSMAIL", ("NHSMAIL",), "2", OTHER),
        ("AAL2_ANY", (), None, OTHER),
        ("AAL2_OR_AAL3_ANY", ("FIDO2",), "2", OTHER),
        # The class alone does not say which level it was.
        ("AAL2_OR_AAL3_ANY", ("N3_SMARTCARD",), None, OTHER),
        # Less than two factors, and what nobody defined.
        ("AAL1_USERPASS", ("USERPASS",), "1", None),
        ("AAL1_USERPASS", (), None, None),
        ("AAL0_ANY", ("N3_SMARTCARD",), "3", None),
        ("urn:mace:incommon:iap:silver", ("N3_SMARTCARD",), "3", None),
        ("aal3_any", ("N3_SMARTCARD",), "3", None),
        ("", ("N3_SMARTCARD",), "3", None),
        (None, ("N3_SMARTCARD",), "3", None),
        (None, (), None, None),
    ],
)
def test_a_sign_in_there_is_one_here(
    acr: str | None, amr: tuple[str, ...], level: str | None, factor: Factor | None
) -> None:
    assert factor_of(acr, amr, level) is factor


@pytest.mark.parametrize(
    ("acr", "amr", "level", "factor"),
    [
        ("AAL3_ANY", ("N3_SMARTCARD",), "2", OTHER),
        ("AAL3_SMARTCARD", ("N3_SMARTCARD",), "1", None),
        ("AAL3_ANY", ("N3_SMARTCARD",), "0", None),
        ("AAL3_ANY", ("N3_SMARTCARD",), "4", None),
        ("AAL3_ANY", ("N3_SMARTCARD",), "", None),
        ("AAL3_ANY", ("N3_SMARTCARD",), "AAL3", None),
        ("AAL2_ANY", ("N3_SMARTCARD",), "3", OTHER),
        ("AAL2_ANY", ("FIDO2",), "3", OTHER),
        ("AAL1_USERPASS", ("N3_SMARTCARD",), "3", None),
        ("AAL3_FIDO2", ("N3_SMARTCARD",), "3", OTHER),
        ("AAL3_SMARTCARD", ("FIDO2",), "3", OTHER),
        ("AAL3_IOS", ("N3_SMARTCARD",), "3", OTHER),
        ("AAL3_ANY", ("n3_smartcard",), "3", OTHER),
        ("AAL3_ANY", ("sc", "pin"), "3", OTHER),
    ],
)
def test_what_contradicts_itself_is_taken_at_its_lowest(
    acr: str, amr: tuple[str, ...], level: str | None, factor: Factor | None
) -> None:
    assert factor_of(acr, amr, level) is factor


@pytest.mark.parametrize(
    ("asked", "enough"),
    [
        ((), [CARD, KEY, OTHER]),
        (("AAL3_ANY",), [CARD, KEY]),
        (("AAL3_SMARTCARD",), [CARD]),
        (("AAL3_FIDO2",), [KEY]),
        (("AAL2_OR_AAL3_ANY",), [CARD, KEY, OTHER]),
        (("AAL2_ANY",), [OTHER]),
        (("AAL3_SMARTCARD", "AAL2_ANY"), [CARD, OTHER]),
        (("AAL3_N3_SMARTCARD",), []),
    ],
)
def test_less_than_was_asked_for_is_not_enough(asked: tuple[str, ...], enough: list[Factor]) -> None:
    assert [factor for factor in (CARD, KEY, OTHER) if is_as_asked(factor, asked)] == enough
