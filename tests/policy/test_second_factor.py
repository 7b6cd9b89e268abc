from functools import partial

import pytest

from idp.policy.assurance import Factor
from idp.policy.second_factor import Rule, is_due, may_trust_devices

# rule, enrolled, trusted network, trusted device: due after a password.
TABLE = [
    (Rule.WHEN_ENROLLED, False, False, False, False),
    (Rule.WHEN_ENROLLED, False, False, True, False),
    (Rule.WHEN_ENROLLED, False, True, False, False),
    (Rule.WHEN_ENROLLED, False, True, True, False),
    (Rule.WHEN_ENROLLED, True, False, False, True),
    (Rule.WHEN_ENROLLED, True, False, True, False),
    (Rule.WHEN_ENROLLED, True, True, False, True),
    (Rule.WHEN_ENROLLED, True, True, True, False),
    (Rule.OUTSIDE, False, False, False, True),
    (Rule.OUTSIDE, False, False, True, False),
    (Rule.OUTSIDE, False, True, False, False),
    (Rule.OUTSIDE, False, True, True, False),
    (Rule.OUTSIDE, True, False, False, True),
    (Rule.OUTSIDE, True, False, True, False),
    (Rule.OUTSIDE, True, True, False, False),
    (Rule.OUTSIDE, True, True, True, False),
    (Rule.ALWAYS, False, False, False, True),
    (Rule.ALWAYS, False, False, True, True),
    (Rule.ALWAYS, False, True, False, True),
    (Rule.ALWAYS, False, True, True, True),
    (Rule.ALWAYS, True, False, False, True),
    (Rule.ALWAYS, True, False, True, True),
    (Rule.ALWAYS, True, True, False, True),
    (Rule.ALWAYS, True, True, True, True),
]


@pytest.mark.parametrize(("rule", "enrolled", "network", "device", "expected"), TABLE)
def test_a_second_factor_is_due_after_a_password(
    rule: Rule, *, enrolled: bool, network: bool, device: bool, expected: bool
) -> None:
    due = partial(
        is_due, rule, proved=(Factor.PASSWORD,), is_trusted_network=network, is_trusted_device=device
    )
    has_one = (Factor.TOTP, Factor.PASSKEY, Factor.SECURITY_KEY)
    has_none = (Factor.SMARTCARD, Factor.RECOVERY_CODE)
    assert due(enrolled=frozenset(has_one if enrolled else has_none)) is expected
    assert not enrolled or all(due(enrolled={one}) is expected for one in has_one)


@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize(
    "proved",
    [
        (Factor.PASSWORD, Factor.TOTP),
        (Factor.PASSWORD, Factor.RECOVERY_CODE),
        (Factor.PASSKEY,),
        (Factor.SECURITY_KEY,),
        (Factor.SMARTCARD,),
        (Factor.UNCONFIRMED_SMARTCARD,),
        (Factor.CARE_IDENTITY,),
    ],
)
def test_it_is_never_due_after_two(rule: Rule, proved: tuple[Factor, ...]) -> None:
    assert not is_due(
        rule, enrolled=(Factor.TOTP,), proved=proved, is_trusted_network=False, is_trusted_device=False
    )


def test_no_device_is_trusted_where_a_second_factor_is_always_asked_for() -> None:
    assert [may_trust_devices(rule) for rule in (Rule.WHEN_ENROLLED, Rule.OUTSIDE, Rule.ALWAYS)] == [
        True,
        True,
        False,
    ]
