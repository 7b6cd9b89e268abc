import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy import redirect_uri

HTTPS = "https://rp.example/callback"
LOOPBACK = "http://127.0.0.1/callback"


@pytest.mark.parametrize(
    "asked",
    [
        "https://rp.example/callback/",
        "https://rp.example/callback?x=1",
        "https://rp.example/Callback",
        "https://rp.example/callback#",
        "https://rp.example:443/callback",
        "https://RP.example/callback",
        "https://rp.example/a/../callback",
        "https://rp.example.evil.example/callback",
        "https://rp.example@evil.example/callback",
        "http://rp.example/callback",
        " https://rp.example/callback",
        "https://rp.example/callback\n",
        "",
    ],
)
@pytest.mark.parametrize("native", [True, False])
def test_any_other_string_than_the_registered_does_not_match(asked: str, *, native: bool) -> None:
    assert not redirect_uri.matches(asked, [HTTPS], native=native)


@pytest.mark.parametrize(
    ("asked", "registered", "matches"),
    [
        pytest.param("http://127.0.0.1:49152/callback", LOOPBACK, True, id="any port"),
        pytest.param("http://127.0.0.1/callback", "http://127.0.0.1:8001/callback", True, id="no port"),
        pytest.param("http://[::1]:49152/callback", "http://[::1]/callback", True, id="IPv6"),
        pytest.param("http://[::1]:49152/callback", LOOPBACK, False, id="another loopback"),
        pytest.param("http://127.0.0.1:49152/other", LOOPBACK, False, id="another path"),
        pytest.param("http://127.0.0.1:49152/callback?x", LOOPBACK, False, id="a query more"),
        pytest.param("http://127.0.0.1:0/callback", LOOPBACK, False, id="port 0"),
        pytest.param("http://127.0.0.1:65536/callback", LOOPBACK, False, id="port 65536"),
        pytest.param("http://127.0.0.1:1@evil.example/callback", LOOPBACK, False, id="a user name"),
        pytest.param("http://127.0.0.2:49152/callback", LOOPBACK, False, id="127.0.0.2"),
        pytest.param("https://127.0.0.1:49152/callback", LOOPBACK, False, id="https"),
        pytest.param("http://localhost:2/", "http://localhost:1/", False, id="localhost is no literal"),
    ],
)
def test_a_native_application_may_choose_a_loopback_port(
    *, asked: str, registered: str, matches: bool
) -> None:
    assert redirect_uri.matches(asked, [HTTPS, registered], native=True) is matches


def test_a_web_client_may_not_choose_a_loopback_port() -> None:
    assert not redirect_uri.matches("http://127.0.0.1:49152/callback", [LOOPBACK])


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example",
        "https://rp.example/callback?tenant=918",
        "https://rp.example:8443/caf%C3%A9",
        "https://xn--5ca.example/",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
        "http://localhost:8001/callback",
        "http://127.0.0.1:8001/callback",
        "http://[::1]/callback",
        "https://rp.example/?user=a@b.example",
    ],
)
def test_these_may_be_registered(uri: str, *, native: bool) -> None:
    assert redirect_uri.problem(uri, native=native) is None


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("http://rp.example/", "uses http"),
        ("http://localhost.evil.example/", "uses http"),
        ("http://127.0.0.1.evil.example/", "uses http"),
        ("https://rp.example/#top", "fragment"),
        ("https://*.example/", "wildcard"),
        ("https://rp.example/*", "wildcard"),
        ("https://user@rp.example/", "user name"),
        ("http://localhost@evil.example/", "user name"),
        ("https://rp.example/c a", "character"),
        ("https://rp.example/\n", "character"),
        ("https://rp.example\\@evil.example/", "character"),
        ("https://ŵ.example/", "character"),
        ("https://rp.example/%zz", "character"),
        ("https:///callback", "host"),
        ("https://-rp.example/", "host"),
        ("https://rp..example/", "host"),
        ("https://rp.example-/", "host"),
        ("https://[rp]/", "host"),
        ("https://rp.example:/", "host"),
        ("https://rp.example:0/", "port"),
        ("https://rp.example:65536/", "port"),
        ("https://rp.example/" + "a" * 2048, "longer"),
        ("HTTPS://rp.example/", "must start with https"),
        ("//rp.example/", "must start with https"),
        ("/callback", "must start with https"),
        ("", "must start with https"),
        ("javascript:alert(1)", "must start with https"),
        ("data:text/html,x", "must start with https"),
        ("file:///etc/passwd", "must start with https"),
        ("myapp:/callback", "must start with https"),
        ("com.example.app:callback", "must start with https"),
    ],
)
def test_these_may_not_be_registered(uri: str, problem: str, *, native: bool) -> None:
    assert problem in str(redirect_uri.problem(uri, native=native))


@pytest.mark.parametrize("uri", ["com.example.app:/callback", "uk.nhs.esr-app://callback"])
def test_private_use_schemes_are_for_native_applications(uri: str) -> None:
    assert redirect_uri.problem(uri, native=True) is None
    assert redirect_uri.problem(uri, native=False) is not None


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://rp.example/callback?a=b;c", "https://rp.example"),
        ("https://RP.example:443/", "https://rp.example"),
        ("https://rp.example:8443", "https://rp.example:8443"),
        ("http://localhost:8001/callback", "http://localhost:8001"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("http://[::1]:8001/", "http:"),
        ("com.example.app:/callback", "com.example.app:"),
    ],
)
def test_the_origin_is_a_source_of_form_action(uri: str, origin: str) -> None:
    assert redirect_uri.origin(uri) == origin


def test_what_may_not_be_registered_has_no_origin() -> None:
    with pytest.raises(ValueError, match="must start with"):
        redirect_uri.origin("javascript:alert(1)")


@pytest.mark.parametrize(
    ("uri", "host"),
    [("https://RP.example:8443/", "rp.example"), ("http://[::1]:1/", "[::1]"), ("com.example.app:/x", None)],
)
def test_the_host_is_named(uri: str, host: str | None) -> None:
    assert redirect_uri.host(uri) == host


@given(st.text() | st.from_regex(r"http://127\.0\.0\.1(:[0-9]{1,6})?(/[a-z@#?:]*)?", fullmatch=True))
def test_a_web_client_matches_by_equality_alone(asked: str) -> None:
    assert redirect_uri.matches(asked, [HTTPS, LOOPBACK]) is (asked in {HTTPS, LOOPBACK})


@given(text=st.text(), native=st.booleans())
def test_nothing_with_a_space_or_a_control_character_may_be_registered(text: str, *, native: bool) -> None:
    if redirect_uri.problem(f"https://rp.example/{text}", native=native) is None:
        assert text.isascii()
        assert not set(text) & set(' \t\r\n\x00"<>\\')


@given(st.integers(1, 65535))
def test_every_port_matches_for_a_native_application(port: int) -> None:
    assert redirect_uri.matches(f"http://127.0.0.1:{port}/callback", [LOOPBACK], native=True)
