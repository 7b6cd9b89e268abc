"""Suggest passphrases of three random words, such as `tin-horse-lamp`, that the rules accept.

NIST SP 800-63B-4 §3.1.1.2: verifiers help people to choose a strong password. Every triple that passes is
equally likely: 37.8 bits under the profile `esr`, which accepts every second one, and 38.8 under the others.
"""

from collections.abc import Iterator, Sequence

from idp.policy import password
from idp.policy.password import Profile
from idp.services.common_passwords import is_common
from idp.services.randomness import Randomness
from idp.services.words import passphrase_words

_WORDS = 3
_TRIES = 200
"""For each passphrase. With ordinary rules every second try passes."""


def suggest(
    randomness: Randomness, profile: Profile, words: Sequence[str], count: int = 3
) -> tuple[str, ...]:
    """`count` passphrases that the profile accepts, with or without a second factor.

    `words` are those the person may not use. When the rules leave next to nothing there are fewer, or none.
    """
    drawn = (_draw(randomness, profile.shortest) for _ in range(count * _TRIES))
    return tuple(dict.fromkeys(_first(count, (each for each in drawn if _passes(each, profile, words)))))


def _draw(randomness: Randomness, shortest: int) -> str:
    """Three words, and more when that is too short."""
    listed = passphrase_words()
    made = "-".join(listed[randomness.below(len(listed))] for _ in range(_WORDS))
    while len(made) < shortest:
        made += "-" + listed[randomness.below(len(listed))]
    return made


def _passes(passphrase: str, profile: Profile, words: Sequence[str]) -> bool:
    # What is short and pure goes first; hardly a passphrase is common.
    return not password.failures(passphrase, profile, words) and not is_common(passphrase)


def _first(count: int, passphrases: Iterator[str]) -> Iterator[str]:
    return (passphrase for _, passphrase in zip(range(count), passphrases, strict=False))
