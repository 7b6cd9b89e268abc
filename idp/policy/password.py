"""Judge a new password: every rule at once, each failure naming the fragment that offends.

NIST SP 800-63B-4 §3.1.1.2, OWASP ASVS 5.0 §6.2, and the rules of the Electronic Staff Record's own guidance,
which go beyond both. A password is judged as Unicode NFKC, counted in code points, never trimmed or cut, and
compared by the lower case of each character alone: `ß` stays one character. `static/password_policy.js`
decides the first four rules in the browser; a test holds the two together.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Final, TypeVar

from idp.policy import username as usernames

SYSTEM_WORDS: Final = (
    "password",
    "system",
    "electronic",
    "staffrecord",
    "selfservice",
    "smartcard",
    "esr",
    "nhs",
)
"""The words associated with the system itself."""

_WHOLE_TOKEN: Final = 4
_LEAST_SEQUENCE: Final = 3
_LEAST_LENGTH: Final = 8
_LONG_ENOUGH_FOR_ALL: Final = 64
# NFKC keeps at least one character for every four it reads, so longer text is too long in any case. Known
# before normalising, whose sorting of marks is quadratic.
_FOLDED_INTO_ONE: Final = 4
# In names of jobs and places they say nothing; English and Welsh.
_FUNCTION_WORDS: Final = frozenset({"all", "and", "day", "for", "from", "one", "out", "the", "with"})
# Two letters of a job title or a place say nothing of either, and stand in half of all passphrases.
_SHORTEST_ABOUT_WORK: Final = 3

Span = tuple[int, int]
_T = TypeVar("_T")


class Rule(StrEnum):
    """What a password may fail, in the order of being told."""

    LENGTH = "length"
    REPEAT = "repeat"
    SEQUENCE = "sequence"
    WORD = "word"
    COMMON = "common"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that is not met, and where: `fragment` as it was typed, after NFKC. None: the whole password."""

    rule: Rule
    fragment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A set of rules.

    `shortest` and `longest` are in code points. `sequence` is the shortest run that is refused, None allows
    all. `history` counts the newest passwords that may not come again, the current one among them; 0 allows
    all. ValueError when the rules contradict each other or ASVS 6.2.1 and 6.2.9.
    """

    name: str
    shortest: int = 12
    shortest_with_second_factor: int | None = None
    longest: int = 256
    repeat: bool = True
    sequence: int | None = 4
    words: bool = True
    common: bool = True
    history: int = 4

    def __post_init__(self) -> None:
        least = self.shortest_with_second_factor or self.shortest
        if not _LEAST_LENGTH <= least <= self.shortest <= _LONG_ENOUGH_FOR_ALL <= self.longest:
            raise ValueError("a password may need 8 to 64 characters, and 64 must be allowed")
        if self.sequence is not None and self.sequence < _LEAST_SEQUENCE:
            raise ValueError("a sequence has 3 characters or more")
        if self.history < 0:
            raise ValueError("a history cannot be shorter than nothing")


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(name="esr"),
        # What ESR itself has asked since August 2021.
        Profile(name="esr-2021", repeat=False, sequence=None, words=False),
        Profile(
            name="nist-800-63b-4",
            shortest=15,
            shortest_with_second_factor=8,
            repeat=False,
            sequence=None,
            words=False,
            history=0,
        ),
    )
}
"""The profiles by name."""


def tuned(
    profile: Profile, *, shortest: int | None = None, sequence: int | None = None, history: int | None = None
) -> Profile:
    """The profile with other numbers; None keeps the profile's own, a `sequence` of 0 allows all sequences.

    Raises ValueError as `Profile` does.
    """
    kept_sequence = profile.sequence if sequence is None else sequence or None
    second = profile.shortest_with_second_factor
    alone = profile.shortest if shortest is None else shortest
    return replace(
        profile,
        shortest=alone,
        shortest_with_second_factor=None if second is None else min(second, alone),
        sequence=kept_sequence,
        history=profile.history if history is None else history,
    )


def failures(
    password: str,
    profile: Profile,
    words: Sequence[str],
    *,
    is_common: bool = False,
    in_history: bool = False,
    second_factor: bool = False,
) -> tuple[Failure, ...]:
    """Everything that is wrong with the password, in the order of `Rule`; nothing when it may be used.

    `words` are those of `words_of`. A password four times too long before it is normalised fails by its
    length alone.
    """
    if len(password) > _FOLDED_INTO_ONE * profile.longest:
        return (Failure(Rule.LENGTH),)
    typed = unicodedata.normalize("NFKC", password)
    found = [
        *_length(typed, profile, second_factor=second_factor),
        *_at(typed, Rule.REPEAT, _repeats(typed) if profile.repeat else ()),
        *_at(typed, Rule.SEQUENCE, _sequences(typed, profile.sequence) if profile.sequence else ()),
        *_at(typed, Rule.WORD, _words_in(typed, words) if profile.words else ()),
    ]
    if profile.common and is_common:
        found.append(Failure(Rule.COMMON))
    if profile.history and in_history:
        found.append(Failure(Rule.HISTORY))
    return tuple(found)


def words_of(
    *,
    names: Iterable[str | None],
    username: str,
    job_title: str | None,
    localities: Iterable[str | None],
    more: Iterable[str] = (),
) -> tuple[str, ...]:
    """The words that a person's password may not hold: the system's, and those of role, places and person.

    `localities` are names of employer, site and town; `more` are an installation's own. Names count in their
    own letters and in A to Z, in parts and as one: O'Neill is `neill` and `oneill`.
    """
    found = [*SYSTEM_WORDS]
    for text in (job_title, *localities, *more):
        found += filter(_says_something, _words(text))
    for name in names:
        found += (*_words(name), *_words("".join((name or "").split())))
    found += (_folded(username), *_words(username))
    return tuple(dict.fromkeys(word for word in found if len(word) > 1))


def _says_something(word: str) -> bool:
    return len(word) >= _SHORTEST_ABOUT_WORK and word not in _FUNCTION_WORDS


def browser_rules(
    profile: Profile, words: Sequence[str], *, second_factor: bool = False
) -> dict[str, int | bool | list[str] | None]:
    """What `static/password_policy.js` needs to know, ready for JSON."""
    return {
        "shortest": _shortest(profile, second_factor=second_factor),
        "longest": profile.longest,
        "repeat": profile.repeat,
        "sequence": profile.sequence,
        "words": list(words) if profile.words else [],
    }


def _shortest(profile: Profile, *, second_factor: bool) -> int:
    return (profile.shortest_with_second_factor if second_factor else None) or profile.shortest


def _length(typed: str, profile: Profile, *, second_factor: bool) -> Iterator[Failure]:
    if not _shortest(profile, second_factor=second_factor) <= len(typed) <= profile.longest:
        yield Failure(Rule.LENGTH)


def _at(typed: str, rule: Rule, spans: Iterable[Span]) -> Iterator[Failure]:
    """A failure for each different fragment, in the order of appearance."""
    for fragment in dict.fromkeys(typed[start:end] for start, end in sorted(spans)):
        yield Failure(rule, fragment)


def _repeats(typed: str) -> Iterator[Span]:
    return _runs([character.lower() for character in typed], lambda one, next_one: one == next_one, 2)


def _sequences(typed: str, shortest: int) -> Iterator[Span]:
    places = [_place(character) for character in typed]
    yield from _runs(places, lambda one, next_one: next_one - one == 1, shortest)
    yield from _runs(places, lambda one, next_one: next_one - one == -1, shortest)


def _place(character: str) -> float:
    """Where it stands among the digits of its script, or among a to z; all else stands next to nothing."""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return digit
    lower = character.lower()
    return ord(lower) if lower.isascii() and lower.isalpha() else float("nan")


def _runs(items: Sequence[_T], belong: Callable[[_T, _T], bool], shortest: int) -> Iterator[Span]:
    """The longest stretches in which each item and the next belong together, of at least `shortest` items."""
    start = 0
    for end, (one, next_one) in enumerate(pairwise(items), 1):
        if not belong(one, next_one):
            if end - start >= shortest:
                yield start, end
            start = end
    if len(items) - start >= shortest:
        yield start, len(items)


def _words_in(typed: str, words: Iterable[str]) -> Iterator[Span]:
    """Where words stand; of one within another only the longer."""
    lower = [character.lower() for character in typed]
    # By where each character begins in the text: the lower case of İ is two characters.
    character_at = {offset: at for at, offset in enumerate(accumulate(map(len, lower), initial=0))}
    text = "".join(lower)
    found = {
        (character_at.get(match.start()), character_at.get(match.start() + len(word)))
        for word in map(_folded, words)
        if word and word in text
        for match in re.finditer(f"(?={re.escape(word)})", text)
    }
    spans = [(start, end) for start, end in found if start is not None and end is not None]
    reached = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end > reached and _counts(typed, start, end):
            yield start, end
            reached = end


def _counts(typed: str, start: int, end: int) -> bool:
    """Whether what stands here counts: short words only as whole tokens."""
    return end - start > _WHOLE_TOKEN or (_is_edge(typed, start) and _is_edge(typed, end))


def _is_edge(typed: str, at: int) -> bool:
    """Whether a token may begin or end here: beside what is no letter, and at the humps of camel case.

    NHSLamp and NHSlamp are NHS and a lamp, whichever word the last capital belongs to.
    """
    before, after = typed[:at], typed[at:]
    if not (before[-1:].isalpha() and after[:1].isalpha()):
        return True
    if after[0].isupper():
        return before[-1].islower() or (before[-1].isupper() and after[1:2].islower())
    return after[0].islower() and before[-1].isupper() and before[-2:-1].isupper()


def _words(text: str | None) -> Iterator[str]:
    """The words of a text, those with a hyphen or an apostrophe also as one, and each in A to Z."""
    for piece in _folded(text or "").split():
        parts = "".join(character if _is_of_a_word(character) else " " for character in piece).split()
        for word in (*parts, "".join(parts)):
            yield word
            yield usernames.letters(word).lower()


def _is_of_a_word(character: str) -> bool:
    # Marks too: in many scripts they are the vowels.
    return unicodedata.category(character)[0] in "LM"


def _folded(text: str) -> str:
    return "".join(character.lower() for character in unicodedata.normalize("NFKC", text))
