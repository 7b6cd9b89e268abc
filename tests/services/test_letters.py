"""Letters say what they should in both languages, and no value in them can say anything else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError

from idp.services.letters import Letter, Letters, Written

LETTERS = Letters()
LINK = "https://id.example.nhs.uk/update-password?link=q7wLr0v9Yx3mZb5Jc1Kd8Nf2Pg4Q&request=h4ndle"
UNLOCK_LINK = "https://id.example.nhs.uk/unlock-account?link=Zb5Jc1Kd8Nf2Pg4Qq7wLr0v9Yx3m"
ENROL_LINK = "https://id.example.nhs.uk/mfa/enrol?link=Kd8Nf2Pg4Qq7wLr0v9Yx3mZb5Jc1&request=h4ndle"
ACCOUNT_PAGE = "https://id.example.nhs.uk/account"
FORGOTTEN = "https://id.example.nhs.uk/forgotten"
DESK = "NHSBT service desk, 0117 496 0123"
UNTIL = "2026-11-22T14:35:00+00:00"


def an_account(offer: str, link: str | None = None, desk: str | None = DESK) -> dict[str, Any]:
    return {
        "username": "918PPATEL01",
        "employer": "NHS Blood and Transplant",
        "offer": offer,
        "link": link,
        "until": None if link is None else UNTIL,
        "service_desk": desk,
    }


PERSON: Mapping[str, Any] = {
    "name": "Priya Patel",
    "username": "918PPATEL01",
    "employer": "NHS Blood and Transplant",
    "forgotten": FORGOTTEN,
    "service_desk": DESK,
}
OF_FACTOR: Mapping[str, Any] = {
    **{name: value for name, value in PERSON.items() if name != "forgotten"},
    "factor": "totp",
    "label": "Work telephone",
    "at": "2026-11-22T14:35:00+00:00",
    "account_page": ACCOUNT_PAGE,
}
ASKED: Mapping[str, Any] = {"name": "Priya Patel", "reference": "7F3K-2Q"}
MISS: Mapping[str, Any] = {
    "at": "2026-11-22T14:01:59+00:00",
    "kind": "forgotten",
    "email": "priya.patel@nhsbt.example",
    "username": "918PPATEL01",
    "cause": "unknown_identity",
    "reference": "7F3K-2Q",
}
VALUES: Mapping[Letter, Mapping[str, Any]] = {
    Letter.WELCOME: {**PERSON, "link": LINK, "until": UNTIL},
    Letter.LOGIN_DETAILS: {
        **ASKED,
        "accounts": [an_account("reset", LINK), an_account("activate", LINK, None), an_account("closed")],
    },
    Letter.USERNAMES: {
        **ASKED,
        "forgotten": FORGOTTEN,
        "accounts": [an_account("username"), an_account("activate", LINK), an_account("closed", None, None)],
    },
    Letter.UNLOCK: {
        **ASKED,
        "forgotten": FORGOTTEN,
        "locked": True,
        "accounts": [an_account("unlock", UNLOCK_LINK), an_account("activate", LINK), an_account("closed")],
    },
    Letter.PASSWORD_CHANGED: {**PERSON, "at": UNTIL, "how": "reset"},
    Letter.ACCOUNT_UNLOCKED: {**PERSON, "at": UNTIL},
    Letter.RECOVERY_MISSES: {
        "since": "2026-11-22T13:36:00+00:00",
        "until": UNTIL,
        "total": 3,
        "more": 1,
        "misses": [MISS, {**MISS, "kind": "unlock", "username": None, "cause": "unknown_username"}],
    },
    Letter.FACTOR_ADDED: OF_FACTOR,
    Letter.FACTOR_REMOVED: OF_FACTOR,
    Letter.NEW_DEVICE: {
        **PERSON,
        "at": UNTIL,
        "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "account_page": ACCOUNT_PAGE,
    },
    Letter.ENROL_FACTOR: {**PERSON, "link": ENROL_LINK, "until": UNTIL, "reference": "7F3K-2Q"},
}
LINKS = ("link", "forgotten", "account_page")
HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'",
    "lines": "Jo\r\n\r\nBcc: all@evil.example\u2028\u2029\x0b\x0c\x85",
    "percents": "100% %(link)s %s %d",
    "a template": "{{ link }} {% include 'mail/base.txt' %} {# x",
    "turned text": "\u202egpj.exe\u2066\u200f",
    "control characters": "\x00\x1b[2J\x7f\ud800",
    "links": "http://evil.example/x HTTPS://evil.example www.evil.example ftp://evil.example",
    "too much": "ŵ" * 100_000,
    "nothing": "",
}


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._words: list[str] = []
        self.feed(html.partition("</style>")[2])
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    @property
    def links(self) -> set[str | None]:
        return {given["href"] for _, given in self.elements if "href" in given}


@dataclass(frozen=True)
class Case:
    letter: Letter
    language: str

    def write(self, values: Mapping[str, Any] | None = None) -> Written:
        return LETTERS.render(self.letter, self.language, VALUES[self.letter] if values is None else values)


EVERY = [
    pytest.param(Case(letter, language), id=f"{letter.value}-{language}")
    for letter in Letter
    for language in ("en", "cy")
]


def addresses(text: str) -> set[str]:
    return set(re.findall(r"\b(?:https?|ftp):\S+|\bwww\.\S+", text, re.IGNORECASE))


def given_links(values: object) -> set[str]:
    match values:
        case dict():
            own = {values[name] for name in LINKS if values.get(name)}
            return own.union(*map(given_links, values.values()))
        case list():
            return set().union(*map(given_links, values))
    return set()


def spoilt(value: object, words: str, name: str = "") -> object:
    """The same values with every word that came from outside replaced."""
    fixed = {*LINKS, "until", "since", "at", "how", "offer", "kind", "factor"}
    if words == HOSTILE["links"]:
        fixed.add("service_desk")  # which may have a website
    match value:
        case dict():
            return {key: spoilt(inner, words, key) for key, inner in value.items()}
        case list():
            return [spoilt(inner, words) for inner in value]
        case str() if name not in fixed:
            return words
    return value


@pytest.mark.parametrize("case", EVERY)
class TestEveryLetter:
    def test_has_a_subject_without_names_usernames_or_links(self, case: Case) -> None:
        subject = case.write().subject
        assert 5 < len(subject) < 100
        assert subject == subject.strip()
        for secret in ("Priya", "918", "http", "7F3K"):
            assert secret not in subject

    def test_says_the_same_in_text_and_html(self, case: Case) -> None:
        written = case.write()
        page = Page(written.html)
        for line in written.text.splitlines():
            for words in line.split(": "):
                assert words.strip().rstrip(":") in page.text

    def test_has_the_links_it_was_given_and_no_other(self, case: Case) -> None:
        written = case.write()
        given = given_links(dict(VALUES[case.letter]))
        assert addresses(written.text) == given
        assert Page(written.html).links == given

    def test_prints_every_link_for_programs_that_show_none(self, case: Case) -> None:
        assert addresses(Page(case.write().html).text) == given_links(dict(VALUES[case.letter]))

    def test_has_one_heading_and_says_its_language(self, case: Case) -> None:
        page = Page(case.write().html)
        assert [tag for tag, _ in page.elements].count("h1") == 1
        assert f'<html lang="{case.language}">' in case.write().html

    def test_loads_and_runs_nothing(self, case: Case) -> None:
        for tag, given in Page(case.write().html).elements:
            assert tag not in {"script", "img", "link", "iframe", "object", "form", "input", "style"}
            assert not {name for name in given if name.startswith("on") or name in {"src", "style"}}

    def test_names_no_brand_that_is_not_everyones(self, case: Case) -> None:
        written = case.write(dict(spoilt(dict(VALUES[case.letter]), "x")))  # type: ignore[call-overload]
        assert "NHS" not in written.subject + written.text + written.html

    def test_is_honest_about_its_welsh(self, case: Case) -> None:
        written = case.write()
        for said in (written.text, written.html):
            assert ("cyfieithiad" in said) is (case.language == "cy")

    def test_needs_every_value(self, case: Case) -> None:
        for name in VALUES[case.letter]:
            rest = {key: value for key, value in VALUES[case.letter].items() if key != name}
            with pytest.raises((UndefinedError, TypeError)):  # gettext speaks first about a number
                case.write(rest)

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_is_broken_by_no_value(self, case: Case, kind: str) -> None:
        values = dict(VALUES[case.letter])
        plain = case.write(dict(spoilt(values, "x")))  # type: ignore[call-overload]
        written = case.write(dict(spoilt(values, HOSTILE[kind])))  # type: ignore[call-overload]
        assert written.subject == plain.subject
        assert len(written.text.splitlines()) == len(plain.text.splitlines())
        assert addresses(written.text) == given_links(values)
        assert all(line.isprintable() for line in written.text.splitlines())
        shape, page = Page(plain.html), Page(written.html)
        assert page.elements == shape.elements
        assert len(written.html) < 60_000
        assert "\u202e" not in written.html

    @pytest.mark.parametrize("language", ["en-GB", "fr", "", "../cy"])
    def test_is_english_where_we_do_not_speak_the_language(self, case: Case, language: str) -> None:
        english = LETTERS.render(case.letter, "en", VALUES[case.letter])
        assert LETTERS.render(case.letter, language, VALUES[case.letter]) == english


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "//evil.example",
        "/forgotten",
        "https://id.example/\r\nBcc: x",
        "https://id.example/a b",
        'https://id.example/"onclick',
        "https://id.example/<b>",
        "https://id.example/ŵ",
        "",
    ],
)
def test_a_link_is_a_complete_address_or_there_is_no_letter(link: str) -> None:
    for name in ("link", "forgotten"):
        with pytest.raises(ValueError, match="not the address of a page"):
            LETTERS.render(Letter.WELCOME, "en", {**VALUES[Letter.WELCOME], name: link})


@pytest.mark.parametrize("told", ["2026-11-22T14:35:00", "tomorrow", ""])
def test_a_time_has_its_offset_or_there_is_no_letter(told: str) -> None:
    with pytest.raises(ValueError, match=r"offset|isoformat"):
        LETTERS.render(Letter.WELCOME, "en", {**VALUES[Letter.WELCOME], "until": told})


@pytest.mark.parametrize(
    ("told", "language", "shown"),
    [
        ("2026-11-22T14:35:00+00:00", "en", "14:35 on 22 November 2026"),
        ("2026-06-30T23:35:59+00:00", "en", "00:35 on 1 July 2026"),
        ("2026-11-22T14:35:00Z", "cy", "22 Tachwedd 2026"),
        ("2027-01-05T09:05:00+00:00", "cy", "5 Ionawr 2027"),
    ],
)
def test_times_are_those_of_clocks_in_london(told: str, language: str, shown: str) -> None:
    written = LETTERS.render(Letter.WELCOME, language, {**VALUES[Letter.WELCOME], "until": told})
    assert shown in written.text
    assert shown in Page(written.html).text


def english(letter: Letter, **more: object) -> str:
    return LETTERS.render(letter, "en", {**VALUES[letter], **more}).text


class TestWords:
    def test_login_details_name_each_account_and_end_with_a_reference(self) -> None:
        written = LETTERS.render(Letter.LOGIN_DETAILS, "en", VALUES[Letter.LOGIN_DETAILS])
        assert written.subject == "Your ESR login details"
        assert written.text.startswith("Hello Priya Patel,\n\nSomeone entered your email address")
        assert f"Choose a new password:\n{LINK}\n\nThis link works once, until 14:35 on" in written.text
        assert "You have not used this account yet. Choose a password to begin." in written.text
        assert "This account is closed, and nobody can log in with it." in written.text
        assert written.text.count("Username: 918PPATEL01\nEmployer: NHS Blood and Transplant\n") == 3
        assert written.text.count(f"Service desk: {DESK}\n") == 2
        assert "you need do nothing; nobody can use it without this email." in written.text
        assert "give this reference: 7F3K-2Q" in written.text

    @pytest.mark.parametrize("letter", [Letter.WELCOME, Letter.LOGIN_DETAILS, Letter.ENROL_FACTOR])
    @pytest.mark.parametrize("language", ["en", "cy"])
    def test_in_place_of_a_link_that_is_over_one_may_ask_for_another(
        self, letter: Letter, language: str
    ) -> None:
        again = "https://id.example.nhs.uk/forgotten?request=a-handle"
        late = {"link": None, "again": again}
        of_account = {"accounts": [{**an_account("reset"), "until": UNTIL, **late}]}
        more = of_account if letter is Letter.LOGIN_DETAILS else late
        written = LETTERS.render(letter, language, {**VALUES[letter], **more})
        words = {"en": "could not be sent in time", "cy": "nad oedd modd anfon yr e-bost hwn mewn pryd"}
        for text in (written.text, written.html):
            assert words[language] in text
            assert again in text
            assert "None" not in text

    def test_a_closed_account_and_a_username_have_no_link(self) -> None:
        for letter, offer in ((Letter.LOGIN_DETAILS, "closed"), (Letter.USERNAMES, "username")):
            told = english(letter, accounts=[an_account(offer)])
            assert addresses(told) <= {FORGOTTEN}
            assert "This link works" not in told

    def test_an_offer_that_nobody_knows_is_a_mistake(self) -> None:
        with pytest.raises(UndefinedError):
            english(Letter.UNLOCK, accounts=[an_account("surprise", LINK)])
        with pytest.raises(UndefinedError):
            english(Letter.PASSWORD_CHANGED, how="surprise")

    def test_unlock_says_truthfully_whether_it_is_locked(self) -> None:
        assert "is locked at the moment" in english(Letter.UNLOCK)
        assert "is not locked at the moment" in english(Letter.UNLOCK, locked=False)
        assert f"Unlock this account:\n{UNLOCK_LINK}\n" in english(Letter.UNLOCK)
        assert "Your password stays the same." in english(Letter.UNLOCK)

    @pytest.mark.parametrize(
        ("how", "subject", "words"),
        [
            ("reset", "Your ESR password was changed", "with the link we sent you"),
            ("activated", "Your ESR account is ready", "you can log in with it"),
            ("changed", "Your ESR password was changed", "someone who knew the old one"),
            ("due", "Your ESR password was changed", "a new one had been asked for"),
        ],
    )
    def test_a_changed_password_says_how_and_what_to_do(self, how: str, subject: str, words: str) -> None:
        values = {**VALUES[Letter.PASSWORD_CHANGED], "how": how}
        written = LETTERS.render(Letter.PASSWORD_CHANGED, "en", values)
        assert written.subject == subject
        assert words in written.text
        assert "If it was not you, tell your service desk at once" in written.text

    @pytest.mark.parametrize(
        ("letter", "factor", "words"),
        [
            (Letter.FACTOR_ADDED, "totp", "An authenticator app was added to this account at 14:35 on"),
            (Letter.FACTOR_ADDED, "recovery_codes", "Any that were made before no longer work."),
            (Letter.FACTOR_ADDED, "passkey", "A passkey was added to this account at 14:35 on"),
            (Letter.FACTOR_ADDED, "smartcard", "A smartcard was linked to this account at 14:35 on"),
            (Letter.FACTOR_REMOVED, "totp", "An authenticator app was removed from this account at 14:35 on"),
            (Letter.FACTOR_REMOVED, "recovery_codes", "The recovery codes of this account were removed at"),
            (Letter.FACTOR_REMOVED, "passkey", "A passkey was removed from this account at 14:35 on"),
            (Letter.FACTOR_REMOVED, "smartcard", "A smartcard was unlinked from this account at 14:35 on"),
            (Letter.FACTOR_REMOVED, "all", "Your service desk removed every authenticator app, passkey and"),
        ],
    )
    def test_a_change_of_factors_says_of_which_and_what_to_do(
        self, letter: Letter, factor: str, words: str
    ) -> None:
        told = english(letter, factor=factor)
        assert words in told
        assert "Its name: Work telephone\nUsername: 918PPATEL01\n" in told
        assert f"tell your service desk at once, and look at your account:\n{ACCOUNT_PAGE}\n" in told
        assert "Its name" not in english(letter, factor=factor, label=None)

    def test_a_new_device_is_named_as_it_names_itself(self) -> None:
        told = english(Letter.NEW_DEVICE)
        assert "Someone logged in to this account at 14:35 on 22 November 2026, in a browser" in told
        assert "What the browser calls itself: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/" in told
        assert f"choose a new password:\n{FORGOTTEN}\n" in told

    def test_a_second_factor_is_enrolled_by_a_link_that_warns(self) -> None:
        told = english(Letter.ENROL_FACTOR)
        assert f"Set it up:\n{ENROL_LINK}\n\nThis link works once, until 14:35 on" in told
        assert "in the browser in which you are logging in." in told
        assert "If it was not you, do not use the link: someone knows your password." in told
        assert "Reference: 7F3K-2Q" in told

    def test_without_a_service_desk_there_is_still_help(self) -> None:
        for letter in (Letter.WELCOME, Letter.PASSWORD_CHANGED, Letter.ACCOUNT_UNLOCKED):
            assert f"contact your service desk: {DESK}" in english(letter)
            assert "contact your employer\N{RIGHT SINGLE QUOTATION MARK}s service desk." in english(
                letter, service_desk=None
            )

    def test_a_service_desk_may_have_a_website(self) -> None:
        told = english(Letter.WELCOME, service_desk="https://desk.example")
        assert "contact your service desk: https://desk.example\n" in told

    def test_misses_tell_administrators_what_came_and_what_to_do(self) -> None:
        told = english(Letter.RECOVERY_MISSES)
        assert told.startswith(
            "From 13:36 on 22 November 2026 until 14:35 on 22 November 2026, "
            "3 requests for login details reached nobody.\n"
        )
        assert "check the email address and the date of birth on record" in told
        assert (
            "Time: 14:01 on 22 November 2026\n"
            "Page: Forgotten\n"
            "Email entered: priya.patel@nhsbt.example\n"
            "Username entered: 918PPATEL01\n"
            "Cause: Nobody on record has this email address and date of birth.\n"
            "Reference: 7F3K-2Q\n\n"
            "Time: 14:01 on 22 November 2026\n"
            "Page: Unlock Account\n"
            "Email entered: priya.patel@nhsbt.example\n"
            "Username entered: none\n"
            "Cause: Nobody has this username.\n"
        ) in told
        assert "1 more is not listed." in told
        assert "not listed" not in english(Letter.RECOVERY_MISSES, more=0)

    @pytest.mark.parametrize(
        "cause", ["unknown_identity", "no_account", "unknown_username", "username_of_another"]
    )
    def test_every_cause_of_a_miss_has_words(self, cause: str) -> None:
        assert cause not in english(Letter.RECOVERY_MISSES, misses=[{**MISS, "cause": cause}])
