"""People know their devices again by the names of browser and system."""

import pytest

from idp.policy.user_agent import Device, device_of

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        pytest.param(
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0 Safari/537.36 Edg/131.0",
            Device("Microsoft Edge", "Windows"),
            id="Edge claims to be Chrome and Safari",
        ),
        pytest.param(
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36",
            Device("Chrome", "Windows"),
            id="Chrome claims to be Safari",
        ),
        pytest.param(
            "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            Device("Firefox", "Linux"),
            id="Firefox",
        ),
        pytest.param(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Safari/605.1.15",
            Device("Safari", "Mac"),
            id="Safari",
        ),
        pytest.param(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Mobile/15E148 Safari/604.1",
            Device("Safari", "iPhone"),
            id="an iPhone claims to be like a Mac",
        ),
        pytest.param(
            "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "CriOS/131.0 Mobile/15E148 Safari/604.1",
            Device("Chrome", "iPad"),
            id="Chrome on an iPad",
        ),
        pytest.param(
            f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {_WEBKIT} SamsungBrowser/27.0 Chrome/125.0.0.0 "
            "Mobile Safari/537.36",
            Device("Samsung Internet", "Android"),
            id="Android is a Linux",
        ),
        pytest.param(
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36",
            Device("Chrome", "ChromeOS"),
            id="a Chromebook",
        ),
        pytest.param("curl/8.5.0", Device(None, None), id="none we know"),
        pytest.param("Windows", Device(None, "Windows"), id="a system alone"),
        pytest.param("", Device(None, None), id="empty"),
        pytest.param(None, Device(None, None), id="none at all"),
        pytest.param("x" * 257 + " Firefox/1.0", Device(None, None), id="after what is stored"),
        pytest.param("<b>Firefox/</b>\r\n", Device("Firefox", None), id="never the text itself"),
    ],
)
def test_a_user_agent_is_named(user_agent: str | None, expected: Device) -> None:
    assert device_of(user_agent) == expected
