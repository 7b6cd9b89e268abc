"""Name the browser and the system of a `User-Agent`, so that people know their own devices again.

RFC 9110 §10.1.5. Anybody may send any text: nothing is decided by it, and only names we know come out.
"""

from dataclasses import dataclass
from typing import Final

LONGEST: Final = 256
"""Characters of the text that are looked at; it is stored no longer."""

# The first that is found: most browsers claim to be several others, too.
_BROWSERS: Final = (
    (("Edg/", "EdgA/", "EdgiOS/"), "Microsoft Edge"),
    (("OPR/", "Opera"), "Opera"),
    (("SamsungBrowser/",), "Samsung Internet"),
    (("Firefox/", "FxiOS/"), "Firefox"),
    (("Chrome/", "CriOS/", "Chromium/"), "Chrome"),
    (("Safari/",), "Safari"),
)
_SYSTEMS: Final = (
    (("Windows",), "Windows"),
    (("iPhone",), "iPhone"),
    (("iPad",), "iPad"),
    (("Android",), "Android"),
    (("CrOS",), "ChromeOS"),
    (("Macintosh", "Mac OS X"), "Mac"),
    (("Linux", "X11"), "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """What a browser says of itself; None for what it does not say in words we know."""

    browser: str | None
    system: str | None


def device_of(user_agent: str | None) -> Device:
    """Find the browser's family and the system it runs on."""
    text = (user_agent or "")[:LONGEST]
    return Device(_first(text, _BROWSERS), _first(text, _SYSTEMS))


def _first(text: str, names: tuple[tuple[tuple[str, ...], str], ...]) -> str | None:
    return next((name for signs, name in names if any(sign in text for sign in signs)), None)
