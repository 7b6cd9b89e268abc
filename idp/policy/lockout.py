"""Decide how long guesses of one factor have to wait, and when they end.

NIST SP 800-63B-4 §3.2.2, OWASP ASVS 5.0 §6.3.1. Usernames can be guessed, so a lock is also a weapon: an
attempt is counted in the bucket of the person's known devices or in that of all others, and only that one
waits. The caller counts before it checks the password, so that parallel guesses cannot overtake the count.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class LockoutRule:
    """`free` attempts cost no wait, the next ones each of `delays` in turn, all later ones the last of them.

    The bucket of unknown devices is shut at `shut_unknown` attempts, that of all known devices of a person
    together at `shut_known`: with the defaults 100 in all, NIST's ceiling.
    """

    free: int = 5
    delays: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(seconds=60),
        timedelta(seconds=120),
        timedelta(seconds=240),
        timedelta(seconds=480),
        timedelta(seconds=900),
    )
    shut_unknown: int = 80
    shut_known: int = 20

    def __post_init__(self) -> None:
        if self.free < 0 or not self.delays or min(self.delays) < timedelta(0):
            raise ValueError("a lockout rule needs a number of free attempts and at least one delay")
        if min(self.shut_unknown, self.shut_known) < 1:
            raise ValueError("a lockout rule must allow at least one attempt")

    @property
    def steady_from(self) -> int:
        """The count from which on the delay grows no more."""
        return self.free + len(self.delays)


SECOND_FACTOR = LockoutRule(
    free=4, delays=tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8)), shut_unknown=80, shut_known=20
)
"""For codes of six digits, of which three are right at any moment for each app.

Either bucket hears five at once, five in an hour and ten in a day: both together ten and twenty. A stranger
who has the password guesses right with 6e-5 in a day, and with 3e-4 before both are shut.
"""


def delay(rule: LockoutRule, n: int) -> timedelta:
    """Say how long the next attempt has to wait after attempt number `n` (from 1) was counted."""
    if n <= rule.free:
        return timedelta(0)
    return rule.delays[min(n - rule.free, len(rule.delays)) - 1]


def is_shut(rule: LockoutRule, n: int, *, known: bool) -> bool:
    """Whether attempt number `n` was the last that its bucket allows before the owner acts.

    That attempt itself is still checked: `n` is the count that includes it.
    """
    return n >= (rule.shut_known if known else rule.shut_unknown)
