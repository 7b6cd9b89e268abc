import pytest

from idp.policy.recovery import Kind, Offer, offer


@pytest.mark.parametrize(
    ("kind", "activated"),
    [(Kind.FORGOTTEN, Offer.RESET), (Kind.REQUEST, Offer.USERNAME), (Kind.UNLOCK, Offer.UNLOCK)],
)
@pytest.mark.parametrize(
    ("is_pending", "is_inactive", "is_open", "offered"),
    [
        pytest.param(False, False, True, None, id="activated: what the page is for"),
        pytest.param(True, False, True, Offer.ACTIVATE, id="never activated: a link to activate it"),
        pytest.param(False, True, True, Offer.RESET, id="inactive: a link that reactivates it"),
        pytest.param(False, False, False, Offer.CLOSED, id="closed: no link"),
        pytest.param(True, False, False, Offer.CLOSED, id="closed before it was activated: no link"),
        pytest.param(False, True, False, Offer.CLOSED, id="closed while it was inactive: no link"),
    ],
)
def test_each_account_is_offered(
    kind: Kind,
    activated: Offer,
    *,
    is_pending: bool,
    is_inactive: bool,
    is_open: bool,
    offered: Offer | None,
) -> None:
    found = offer(kind, is_pending=is_pending, is_inactive=is_inactive, is_open=is_open)
    assert found is (offered or activated)
