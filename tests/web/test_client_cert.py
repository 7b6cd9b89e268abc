"""Only a trusted proxy says which certificate it has seen, and it says it as RFC 9440 does."""

from base64 import b64encode
from ipaddress import ip_network

import pytest

from idp.web.client_cert import presented

PROXIES = (ip_network("10.1.0.0/24"), ip_network("2001:db8::/64"))
OWN, BETWEEN, ROOT = b"own certificate", b"\xff\xfe between", b"root"


def field(der: bytes) -> str:
    return f":{b64encode(der).decode()}:"


def seen(peer: str = "10.1.0.7", **fields: str) -> tuple[bytes, ...]:
    return presented({"REMOTE_ADDR": peer, **fields}, PROXIES)


def test_a_proxy_passes_on_the_certificate_and_those_between() -> None:
    assert seen(HTTP_CLIENT_CERT=field(OWN)) == (OWN,)
    chain = f"{field(BETWEEN)},  {field(ROOT)}"
    assert seen(HTTP_CLIENT_CERT=field(OWN), HTTP_CLIENT_CERT_CHAIN=chain) == (OWN, BETWEEN, ROOT)
    assert seen("2001:db8::5", HTTP_CLIENT_CERT=field(OWN)) == (OWN,)


def test_without_a_certificate_there_is_none() -> None:
    assert seen() == ()
    assert seen(HTTP_CLIENT_CERT="") == ()
    assert seen(HTTP_CLIENT_CERT_CHAIN=field(BETWEEN)) == ()


@pytest.mark.parametrize(
    "peer", ["10.1.1.7", "192.0.2.7", "2001:db8:1::5", "", "unix:", "10.1.0.7, 192.0.2.7"]
)
def test_nobody_else_is_believed(peer: str) -> None:
    assert seen(peer, HTTP_CLIENT_CERT=field(OWN)) == ()
    assert presented({"REMOTE_ADDR": "127.0.0.1", "HTTP_CLIENT_CERT": field(OWN)}, ()) == ()


@pytest.mark.parametrize("said", [None, "", "x", "S" * 31, "S" * 33, "s" * 32, "Ŝ" * 32])
def test_who_lacks_the_secret_is_no_proxy(said: str | None) -> None:
    environ = {"REMOTE_ADDR": "10.1.0.7", "HTTP_CLIENT_CERT": field(OWN)}
    sent = {} if said is None else {"HTTP_IDP_PROXY_SECRET": said}
    assert presented({**environ, **sent}, PROXIES, "S" * 32) == ()
    assert presented({**environ, "HTTP_IDP_PROXY_SECRET": "S" * 32}, PROXIES, "S" * 32) == (OWN,)
    elsewhere = {**environ, "REMOTE_ADDR": "192.0.2.7", "HTTP_IDP_PROXY_SECRET": "S" * 32}
    assert presented(elsewhere, PROXIES, "S" * 32) == ()


@pytest.mark.parametrize(
    "name",
    [
        "HTTP_X_CLIENT_CERT",
        "HTTP_X_SSL_CERT",
        "HTTP_X_SSL_CLIENT_CERT",
        "HTTP_SSL_CLIENT_CERT",
        "HTTP_X_FORWARDED_CLIENT_CERT",
        "HTTP_X_FORWARDED_TLS_CLIENT_CERT",
        "HTTP_X_AMZN_MTLS_CLIENTCERT",
        "HTTP_X_AMZN_MTLS_CLIENTCERT_LEAF",
        "HTTP_X_ARR_CLIENTCERT",
        "HTTP_SSL_CLIENT_S_DN",
        "HTTP_CLIENTCERT",
        "CLIENT_CERT",
        "SSL_CLIENT_CERT",
    ],
)
def test_no_other_name_is_looked_at(name: str) -> None:
    assert seen(**{name: field(OWN)}) == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b64encode(OWN).decode(), id="without colons"),
        pytest.param(f"{field(OWN)},{field(OWN)}", id="twice"),
        pytest.param(f"{field(OWN)};a=1", id="with a parameter"),
        pytest.param(":@@@@:", id="no base64"),
        pytest.param(":abc:", id="cut short"),
        pytest.param(":YQ==YQ==:", id="padding in between"),
        pytest.param("-----BEGIN%20CERTIFICATE-----", id="as nginx escapes it"),
        pytest.param("::", id="nothing between the colons"),
    ],
)
def test_what_cannot_be_read_is_no_card_and_not_the_lack_of_one(text: str) -> None:
    assert seen(HTTP_CLIENT_CERT=text) == (b"",)
    assert seen(HTTP_CLIENT_CERT=field(OWN), HTTP_CLIENT_CERT_CHAIN=f"{text}x") == (b"",)
