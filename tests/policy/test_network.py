import pytest

from idp.policy import network


@pytest.mark.parametrize(
    ("address", "around"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),  # noqa: S104 - an unknown address
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::/64", "2001:db8:1::/48"),
        ("2001:db8:2::7", "2001:db8:2::/48"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_an_address_belongs_to_a_network(address: str, around: str) -> None:
    assert network.around(address) == around
