"""Where a request came from, whatever its headers say."""

from ipaddress import ip_network

import pytest

from idp.web.address import UNKNOWN, client_address, is_client_in, is_in

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        pytest.param("192.0.2.1", None, "192.0.2.1", id="no proxy"),
        pytest.param("192.0.2.1", "203.0.113.5", "192.0.2.1", id="a stranger is not believed"),
        pytest.param("10.0.0.1", "203.0.113.5", "203.0.113.5", id="one hop"),
        pytest.param("10.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5", id="a spoofed hop before"),
        pytest.param("10.0.0.1", "1.1.1.1, 203.0.113.5, 10.0.0.2", "203.0.113.5", id="two proxies"),
        pytest.param("10.0.0.1", "1.1.1.1,2.2.2.2,192.0.2.9,10.0.0.3,10.0.0.2", "192.0.2.9", id="five hops"),
        pytest.param("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", id="someone inside"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="an empty header"),
        pytest.param("10.0.0.1", "unknown", "10.0.0.1", id="unparsable"),
        pytest.param("10.0.0.1", "203.0.113.5, _hidden, 10.0.0.2", "10.0.0.2", id="unparsable in between"),
        pytest.param("10.0.0.1", "203.0.113.5:4711", "203.0.113.5", id="with a port"),
        pytest.param("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::/64", id="IPv6 with a port"),
        pytest.param("10.0.0.1", "2001:db8::ffff", "2001:db8::/64", id="IPv6 by its /64"),
        pytest.param("fd00::1", "2001:db8:0:1:2::3", "2001:db8:0:1::/64", id="an IPv6 proxy"),
        pytest.param("10.0.0.1", "::ffff:203.0.113.5", "203.0.113.5", id="IPv4 in IPv6"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5", id="a proxy as IPv4 in IPv6"),
        pytest.param("fe80::1%eth0", None, "fe80::/64", id="a zone"),
        pytest.param("", "203.0.113.5", UNKNOWN, id="no peer: a Unix socket"),
        pytest.param("nonsense", "203.0.113.5", UNKNOWN, id="an unparsable peer"),
    ],
)
def test_the_address_is_what_the_last_trusted_proxy_saw(
    peer: str, forwarded: str | None, address: str
) -> None:
    environ = {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    assert client_address(environ, PROXIES) == address


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_inside"),
    [
        pytest.param("10.0.0.1", "172.16.0.5", True, id="on the ward"),
        pytest.param("172.16.0.5", None, True, id="on the ward, and no proxy"),
        pytest.param("10.0.0.1", "172.16.0.5, 203.0.113.5", False, id="a spoofed hop"),
        pytest.param("172.16.0.5", "203.0.113.5", True, id="a stranger is not believed"),
        pytest.param("10.0.0.1", "10.0.0.3, 10.0.0.2", True, id="where the proxies are"),
        pytest.param("10.0.0.1", None, False, id="a header that was taken out on the way"),
        pytest.param("10.0.0.1", "", False, id="an empty header"),
        pytest.param("10.0.0.1", "unknown", False, id="unparsable"),
        pytest.param("10.0.0.1", "203.0.113.5, _hidden, 10.0.0.2", False, id="unparsable in between"),
        pytest.param("", None, False, id="no peer"),
    ],
)
def test_only_a_client_is_inside_and_not_the_proxy_it_comes_through(
    peer: str, forwarded: str | None, *, is_inside: bool
) -> None:
    environ = {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    assert is_client_in(environ, PROXIES, (*PROXIES, ip_network("172.16.0.0/12"))) is is_inside


def test_without_trusted_proxies_no_header_counts() -> None:
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.5"}
    assert client_address(environ, ()) == "10.0.0.1"
    assert client_address({}, ()) == UNKNOWN


def test_an_address_is_found_in_its_network() -> None:
    assert is_in("10.1.2.3", PROXIES)
    assert is_in("fd00::/64", PROXIES)
    assert not is_in("192.0.2.1", PROXIES)
    assert not is_in("nonsense", PROXIES)
