"""The words of a new password: its rules, and why one was not accepted.

The rules a page lists are those of the profile in force, with the profile's numbers, in the words of the
guidance. Every refusal names its reason and the fragment it is about. `templates/partials/new_password.html`
prints both, and the browser ticks the rules off as a person types.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from idp.accounts.password import Rules
from idp.policy.password import Failure, Profile, Rule, browser_rules
from idp.provider import Provider
from idp.web.language import N_

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "1234567890"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A message id, and the values of its placeholders."""

    words: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list of rules: about one rule, or with parts that are about one each."""

    sentence: Sentence
    rule: Rule | None
    parts: tuple["Line", ...] = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a field."""

    field: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Choice:
    """What helps a person to choose: the rules in words and for the browser, and passphrases to take."""

    lines: tuple[Line, ...]
    browser_rules: Mapping[str, object]
    suggestions: tuple[str, ...]


_FIELDS = ("username", "current_password", "password", "confirm_password")

_LENGTH = N_("Passwords must be %(shortest)s characters or more in length")
_HISTORY = N_("Passwords may not be the same as the last %(history)s previous passwords you had")
_REPEAT_OR_SEQUENCE = N_(
    "Passwords may not contain repeating characters "
    "(e.g. password \N{EN DASH} as it contains a repeating 's') "
    "or sequential characters or numbers (such as '%(letters)s' or '%(digits)s')"
)
_REPEAT = N_(
    "Passwords may not contain repeating characters "
    "(e.g. password \N{EN DASH} as it contains a repeating 's')"
)
_SEQUENCE = N_(
    "Passwords may not contain sequential characters or numbers (such as '%(letters)s' or '%(digits)s')"
)
_NO_REPEAT = N_("No repeating characters")
_NO_SEQUENCE = N_("No sequential characters or numbers")
_WORD = N_(
    "Certain words and terms are not permitted within passwords. "
    "Users should avoid using words associated with the system, their roles, or their locality"
)
_COMMON = N_("Passwords may not be on the list of passwords that criminals try first")

_REFUSED: Mapping[Rule, str] = {
    Rule.LENGTH: N_("The password must have %(shortest)s characters or more, and not more than %(longest)s"),
    Rule.REPEAT: N_("'%(fragment)s' is a repeated character: do not use the same one twice in a row"),
    Rule.SEQUENCE: N_(
        "'%(fragment)s' is a run of %(sequence)s or more letters or numbers in order: break it up"
    ),
    Rule.WORD: N_(
        "'%(fragment)s' is a word about your role, your locality, your name or this system: use another word"
    ),
    Rule.COMMON: N_("This password is on the list of passwords that criminals try first: choose another"),
    Rule.HISTORY: N_("This password is one of your last %(history)s passwords: choose a new one"),
}
_MISSING = N_("Enter a new password")
_MISSING_AGAIN = N_("Enter the new password again to confirm it")
_DIFFERENT = N_("The two passwords do not match: enter the same one again")


def choice(provider: Provider, rules: Rules) -> Choice:
    """What a page of an account with these rules shows."""
    return Choice(
        lines(rules.profile),
        browser_rules(rules.profile, rules.words),
        provider.passwords.suggestions(rules),
    )


def lines(profile: Profile) -> tuple[Line, ...]:
    """The rules of a profile, in the order of the guidance."""
    numbers = _numbers(profile)
    said: list[Line | None] = [
        Line(Sentence(_LENGTH, numbers), Rule.LENGTH),
        Line(Sentence(_HISTORY, numbers), Rule.HISTORY) if profile.history else None,
        _repeat_and_sequence(profile, numbers),
        Line(Sentence(_WORD, numbers), Rule.WORD) if profile.words else None,
        Line(Sentence(_COMMON, numbers), Rule.COMMON) if profile.common else None,
    ]
    return tuple(line for line in said if line is not None)


def typed_wrong(password: str, confirm_password: str) -> list[Wrong]:
    """What is wrong before any rule is asked: something was left out, or the two are not the same."""
    if not password:
        return [wrong("password", _MISSING)]
    if not confirm_password:
        return [wrong("confirm_password", _MISSING_AGAIN)]
    return [wrong("confirm_password", _DIFFERENT)] if password != confirm_password else []


def refused(failures: Iterable[Failure], profile: Profile) -> list[Wrong]:
    """Every reason why a password was not accepted."""
    numbers = _numbers(profile)
    return [
        Wrong("password", Sentence(_REFUSED[failure.rule], {**numbers, "fragment": failure.fragment or ""}))
        for failure in failures
    ]


def refused_so_far(provider: Provider, rules: Rules, password: str) -> list[Wrong]:
    """The same while something else is wrong with the form; nothing for a password that was left out."""
    failures = provider.passwords.judge(rules, password) if password else ()
    return refused(failures, rules.profile)


def in_order(wrong: Iterable[Wrong]) -> list[Wrong]:
    """As the fields stand on the page."""
    return sorted(wrong, key=lambda each: _FIELDS.index(each.field))


def wrong(field: str, words: str) -> Wrong:
    """A field that is wrong for a reason without placeholders."""
    return Wrong(field, Sentence(words, {}))


def _repeat_and_sequence(profile: Profile, numbers: Mapping[str, object]) -> Line | None:
    match profile.repeat, profile.sequence is not None:
        case True, True:
            # One sentence in the guidance, two rules to tick off.
            parts = (
                Line(Sentence(_NO_REPEAT, {}), Rule.REPEAT),
                Line(Sentence(_NO_SEQUENCE, {}), Rule.SEQUENCE),
            )
            return Line(Sentence(_REPEAT_OR_SEQUENCE, numbers), None, parts)
        case True, False:
            return Line(Sentence(_REPEAT, numbers), Rule.REPEAT)
        case False, True:
            return Line(Sentence(_SEQUENCE, numbers), Rule.SEQUENCE)
    return None


def _numbers(profile: Profile) -> dict[str, object]:
    run = profile.sequence or 0
    return {
        "shortest": profile.shortest,
        "longest": profile.longest,
        "history": profile.history,
        "sequence": run,
        "letters": _LETTERS[:run],
        "digits": _DIGITS[:run],
    }
