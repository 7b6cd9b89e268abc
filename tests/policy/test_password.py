import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.policy.password import (
    PROFILES,
    SYSTEM_WORDS,
    Failure,
    Profile,
    Rule,
    browser_rules,
    failures,
    tuned,
    words_of,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "password_policy_esr.json").read_text(encoding="utf-8")
)
WORDS = tuple(word for kind in ("system", "role", "locality") for word in VECTORS["context"][f"{kind}_words"])
ESR = PROFILES["esr"]
NIST = PROFILES["nist-800-63b-4"]
# Every kind of character that a rule looks at, in a few letters: what it should catch comes up by chance.
NASTY = st.text(
    st.sampled_from("aAbBcCdDnNhHsSeErR12349-' ßẞéŵ\u0302\u0131\u0130\u017f\u212a\uff11\uff12٣٤\uff21🦊Σσς"),
    max_size=40,
)
TYPED = NASTY | st.text(max_size=40)


def found(
    password: str, profile: Profile = ESR, words: tuple[str, ...] = WORDS
) -> list[tuple[str, str | None]]:
    return [(failure.rule.value, failure.fragment) for failure in failures(password, profile, words)]


@pytest.mark.parametrize("password", VECTORS["accept"])
def test_what_the_vectors_accept_is_accepted(password: str) -> None:
    assert found(password) == []


@pytest.mark.parametrize("vector", VECTORS["reject"], ids=lambda vector: vector["password"])
def test_what_the_vectors_reject_is_rejected_for_their_reason_alone(vector: dict[str, str | None]) -> None:
    ((rule, fragment),) = found(str(vector["password"]))
    assert rule == vector["rule"]
    assert vector["fragment"] in {None, fragment}


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        pytest.param("tin-horse-l", [("length", None)], id="11 characters"),
        pytest.param("tin-horse-la", [], id="12 characters"),
        pytest.param("tin-horse-l\u00e9", [], id="12 characters of 13 bytes"),
        pytest.param("tin-horse-e\u0301", [("length", None)], id="12 code points that are 11 after NFKC"),
        pytest.param("tin-horse-\U0001f98a", [("length", None)], id="a character outside the BMP is one"),
        pytest.param("tin-horse-\ufb01", [], id="a ligature is the two letters it stands for"),
        pytest.param("a1" * 32, [], id="64 characters"),
        pytest.param("a1" * 128, [], id="256 characters"),
        pytest.param("a1" * 128 + "a", [("length", None)], id="257 characters"),
        pytest.param("a1" * 100_000, [("length", None)], id="far too long"),
        pytest.param("", [("length", None)], id="empty"),
        pytest.param(" tin-horse-l", [], id="a space in front is a character like any"),
        pytest.param("tin-horse-l\t", [], id="nothing is trimmed"),
    ],
)
def test_the_length_is_counted_in_code_points_of_the_nfkc_form(
    password: str, expected: list[tuple[str, str | None]]
) -> None:
    assert found(password) == expected


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        pytest.param("Copper-Lamp-9", ["pp"], id="two"),
        pytest.param("Coppper-Lamp-9", ["ppp"], id="three are one fragment"),
        pytest.param("Cope-Lamp-9pP", ["pP"], id="any case"),
        pytest.param("Copper-Letters-pp", ["pp", "tt"], id="each fragment once, in order"),
        pytest.param("tin  horse-la", ["  "], id="spaces"),
        pytest.param("tin-horse-22", ["22"], id="digits"),
        pytest.param("tin-horse-2\u00b2", ["22"], id="a superscript is a digit after NFKC"),
        pytest.param("Tin.Horse.🦊🦊", ["🦊🦊"], id="emoji"),
        pytest.param("Stra\u00dfe-Lamp-19", [], id="sharp s is one letter"),
        pytest.param("Stra\u00df\u1e9ee-Lamp-1", ["\u00df\u1e9e"], id="sharp s and its capital"),
        pytest.param("Stras\u017fe-Lamp-1", ["ss"], id="long s is an s after NFKC"),
        pytest.param("tin-horse-e\u0301\u00e9", ["\u00e9\u00e9"], id="composed and decomposed"),
        pytest.param("tin-horse-q\u0323\u0323", ["\u0323\u0323"], id="marks"),
        pytest.param("tin-horse-\u0130\u0130", ["\u0130\u0130"], id="dotted I"),
        pytest.param("tin-horse-\u0130i", [], id="dotted I is no i"),
        pytest.param("tin-horse-\u03c3\u03a3", ["\u03c3\u03a3"], id="sigma"),
        pytest.param(
            "tin-horse-\u03c3\u03c2", [], id="final sigma is another letter: nothing is case-folded"
        ),
        pytest.param("Cre@tew&rd01", [], id="apart from each other"),
    ],
)
def test_adjacent_equal_characters_are_a_repeat(password: str, expected: list[str]) -> None:
    assert found(password) == [("repeat", fragment) for fragment in expected]


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        pytest.param("ABCDhorse.tin", ["ABCD"], id="letters"),
        pytest.param("tin.DCBA.horse", ["DCBA"], id="down"),
        pytest.param("tin.aBcD.horse", ["aBcD"], id="mixed case"),
        pytest.param("tin.abcde.hors", ["abcde"], id="five are one fragment"),
        pytest.param("tin.abc.horse1", [], id="three"),
        pytest.param("tin.abdc.horse", [], id="there and back"),
        pytest.param("tin.abcdcba.ho", ["abcd", "dcba"], id="up and down share a letter"),
        pytest.param("tin.1234.horse", ["1234"], id="digits"),
        pytest.param("tin.1234-4321.ho", ["1234", "4321"], id="each in order"),
        pytest.param("tin.4321-1234.ho", ["4321", "1234"], id="each in order, down first"),
        pytest.param("tin.8901.horse", [], id="digits do not wrap"),
        pytest.param("tin.yzab.horse", [], id="letters do not wrap"),
        pytest.param("tin.90ab.horse", [], id="digits and letters are two things"),
        pytest.param("tin.1357.horse", [], id="steps of two"),
        pytest.param("tin.\uff11\uff12\uff13\uff14.horse", ["1234"], id="full-width digits"),
        pytest.param("tin.\u0661\u0662\u0663\u0664.hors", ["\u0661\u0662\u0663\u0664"], id="Arabic digits"),
        pytest.param("tin.1\u06623\u0664.hors", ["1\u06623\u0664"], id="digits of mixed scripts"),
        pytest.param("tin.\U0001d7d9\U0001d7da\U0001d7db\U0001d7dc.hors", ["1234"], id="mathematical digits"),
        pytest.param("tin.\u2460\u2461\u2462\u2463.hors", ["1234"], id="circled digits"),
        pytest.param("tin.\u03b1\u03b2\u03b3\u03b4.hors", [], id="Greek letters are no a to z"),
        pytest.param("tin.\u0130jkl.horse", [], id="dotted I is no i"),
        pytest.param("tin.H\u0130JK.horse", [], id="nor does it go between h and j"),
        pytest.param("9012.Horse.Tin", [], id="012 is three"),
    ],
)
def test_four_steps_of_one_are_a_sequence(password: str, expected: list[str]) -> None:
    assert found(password) == [("sequence", fragment) for fragment in expected]


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        pytest.param("tin-bristol.la", ["bristol"], id="a long word"),
        pytest.param("tinBRIStolamp", ["BRIStol"], id="anywhere, in any case"),
        pytest.param("ecosystematic-7", ["system"], id="within a longer word"),
        pytest.param("p@tin-P4\u00dfsword", [], id="substitution is what the guidance recommends"),
        pytest.param("\uff2e\uff35\uff32\uff33\uff25-lamp-ti", ["NURSE"], id="full-width letters"),
        pytest.param("esr-lamp-tin-9", ["esr"], id="a short word by itself"),
        pytest.param("horsesrun-tin9", [], id="a short word within a longer one"),
        pytest.param("dresrun-tin-lam", [], id="a short word in no word at all"),
        pytest.param("petroleum-Tin9", [], id="petroleum"),
        pytest.param("tin9esr4lamp", ["esr"], id="digits are its edges"),
        pytest.param("tin_esr lamp.9", ["esr"], id="so are other characters"),
        pytest.param("tinEsrLamp91", ["Esr"], id="humps of camel case are its edges"),
        pytest.param("EsrLampTin91", ["Esr"], id="a hump at the beginning"),
        pytest.param("lampTin91Esr", ["Esr"], id="a hump at the end"),
        pytest.param("tonyNHSLamp91", ["NHS"], id="capitals before a hump"),
        pytest.param("NHSlamp-tin9", ["NHS"], id="capitals before small letters"),
        pytest.param("TINHSLAMP-91", [], id="capitals alone have no hump"),
        pytest.param("tinhslamp-91", [], id="nor have small letters"),
        pytest.param("Nhsx-lamp-ti", [], id="a longer word that begins like it"),
        pytest.param("anhs-lamp-ti", [], id="a longer word that ends like it"),
        pytest.param("\u00e9esr-lamp-ti9", [], id="letters with accents are letters"),
        pytest.param("nhs-nurse-NHS-tin", ["nhs", "nurse", "NHS"], id="each as it was typed"),
    ],
)
def test_words_of_system_role_and_place_are_found(password: str, expected: list[str]) -> None:
    assert found(password) == [("word", fragment) for fragment in expected]


def test_of_a_word_within_another_only_the_longer_is_told() -> None:
    words = ("smith", "jsmith", "918jsmith01", "nurse")
    assert found("918JSMITH01-tin-SmithNurse", words=words) == [
        ("word", "918JSMITH01"),
        ("word", "Smith"),
        ("word", "Nurse"),
    ]


def test_of_two_words_that_begin_together_only_the_longer_is_told() -> None:
    assert found("tin-nursery-19", words=("nurse", "nursery", "nur")) == [("word", "nursery")]


def test_a_word_does_not_end_within_a_character() -> None:
    # Its lower case is an i and a dot.
    assert found("tin-lamp-alib\u0130", words=("alibi",)) == []


@pytest.mark.parametrize(
    "word", ["\u0130zmir", "\u0130ZM\u0130R", "Stra\u00dfe", "\uff22ristol", "e\u0301cole"]
)
def test_a_word_is_found_as_it_is_written(word: str) -> None:
    assert found(f"tin-19-{word}-lamp", words=(word,)) == [("word", unicodedata.normalize("NFKC", word))]


def test_everything_is_told_together_in_one_order() -> None:
    everything = failures("Pass1234", ESR, ("pass",), is_common=True, in_history=True)
    assert everything == (
        Failure(Rule.LENGTH, None),
        Failure(Rule.REPEAT, "ss"),
        Failure(Rule.SEQUENCE, "1234"),
        Failure(Rule.WORD, "Pass"),
        Failure(Rule.COMMON, None),
        Failure(Rule.HISTORY, None),
    )
    assert [rule.value for rule in Rule] == ["length", "repeat", "sequence", "word", "common", "history"]


@pytest.mark.parametrize(
    ("profile", "second_factor", "length", "accepted"),
    [
        ("esr", False, 11, False),
        ("esr", True, 11, False),
        ("esr", True, 12, True),
        ("esr-2021", False, 11, False),
        ("esr-2021", False, 12, True),
        ("nist-800-63b-4", False, 14, False),
        ("nist-800-63b-4", False, 15, True),
        ("nist-800-63b-4", True, 7, False),
        ("nist-800-63b-4", True, 8, True),
    ],
)
def test_each_profile_has_its_shortest(
    profile: str, second_factor: bool, length: int, accepted: bool
) -> None:
    password = ("z1" * length)[:length]
    assert (failures(password, PROFILES[profile], (), second_factor=second_factor) == ()) is accepted


@pytest.mark.parametrize("name", ["esr-2021", "nist-800-63b-4"])
def test_the_other_profiles_ask_for_no_composition(name: str) -> None:
    assert found("nurse-aabbcc-1234567", PROFILES[name]) == []


def test_the_other_profiles_know_common_passwords_and_only_one_has_a_history() -> None:
    told = {
        name: [
            failure.rule.value for failure in failures("z1" * 8, profile, (), is_common=True, in_history=True)
        ]
        for name, profile in PROFILES.items()
    }
    assert told == {
        "esr": ["common", "history"],
        "esr-2021": ["common", "history"],
        "nist-800-63b-4": ["common"],
    }


def test_a_profile_is_tuned() -> None:
    made = tuned(ESR, shortest=14, sequence=3, history=10)
    assert made == Profile(name="esr", shortest=14, sequence=3, history=10)
    assert found("tin.abc.horse", made) == [("length", None), ("sequence", "abc")]


def test_a_profile_that_is_not_tuned_is_as_it_was() -> None:
    assert [tuned(profile) for profile in PROFILES.values()] == list(PROFILES.values())


def test_a_sequence_of_nothing_allows_all() -> None:
    assert found("tin.abcdefgh.ho", tuned(ESR, sequence=0)) == []


def test_who_has_a_second_factor_never_needs_a_longer_password() -> None:
    made = tuned(replace(NIST, shortest_with_second_factor=12), shortest=10)
    assert (made.shortest, made.shortest_with_second_factor) == (10, 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shortest": 7},
        {"shortest": 65},
        {"longest": 63},
        {"shortest_with_second_factor": 7},
        {"shortest_with_second_factor": 13},
        {"sequence": 2},
        {"sequence": 0},
        {"history": -1},
    ],
)
def test_rules_that_cannot_be_are_a_bug(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"password|sequence|history"):
        Profile(name="wrong", **wrong)


def test_the_words_of_a_person_are_collected() -> None:
    words = words_of(
        names=["Si\u00e2n", "O\u2019Neill-Pr\u0175s"],
        username="918SONEILLPRWS02",
        job_title="IT Staff Nurse, One Day Surgery (Band 6)",
        localities=["NHS Blood and Transplant", None, "King's Lynn"],
        more=["Lorenzo", "My Portal"],
    )
    assert set(words) - set(SYSTEM_WORDS) == {
        *("staff", "nurse", "surgery", "band"),
        *("blood", "transplant", "king", "kings", "lynn"),
        *("lorenzo", "portal"),
        *("si\u00e2n", "sian", "neill", "pr\u0175s", "prws", "oneillpr\u0175s", "oneillprws"),
        *("918soneillprws02", "soneillprws"),
    }
    assert len(set(words)) == len(words)
    assert words[:2] == ("password", "system")


@pytest.mark.parametrize(
    ("names", "password", "fragment"),
    [
        pytest.param(["Mary", "O'Neill"], "tin-ONeill-lamp1", "ONeill", id="apostrophe left out"),
        pytest.param(["Mary", "O'Neill"], "tin-O'Neill-lamp", "Neill", id="apostrophe typed"),
        pytest.param(["Mary", "O'Dea"], "tin-odea-lamp-19", "odea", id="a short one left out"),
        pytest.param(["Ann", "Smith-Jones"], "tin-19-SmithJones", "SmithJones", id="hyphen left out"),
        pytest.param(["Ann", "Smith-Jones"], "tin-19-jones-lamp", "jones", id="half a name"),
        pytest.param(["Ann", "Smith-Jones"], "tinAnnLamp19", "Ann", id="a short given name"),
        pytest.param(["Ann", "Smith-Jones"], "tin-channel-19", None, id="a short given name in a word"),
        pytest.param(["Hu\u0175", "Pr\u0175s"], "tin-lamp-prws-19", "prws", id="in A to Z"),
        pytest.param(
            ["Hu\u0175", "Pr\u0175s"], "tin-lamp-prw\u0302s-19", "pr\u0175s", id="in its own letters"
        ),
        pytest.param(["Ji\u0159\u00ed", "Wei\u00df"], "tin-lamp-weis-s9", None, id="not nearly"),
        pytest.param(["Ji\u0159\u00ed", "Wei\u00df"], "tin-lamp-wei\u00df-9", "wei\u00df", id="sharp s"),
        pytest.param([None, "Sukarno"], "tin-sukarno-lamp", "sukarno", id="mononym"),
        pytest.param(
            ["Lotte", "van der Berg"], "tin-VanDerBerg-19", "VanDerBerg", id="a name of several words"
        ),
        pytest.param(
            ["\u092e\u0940\u0930\u093e", "Rao"],
            "tin-\u092e\u0940\u0930\u093e-lamp",
            "\u092e\u0940\u0930\u093e",
            id="vowels that are marks",
        ),
        pytest.param(
            ["\u674e", "\u5c0f\u9f8d"], "tin-\u5c0f\u9f8d-lamp-19", "\u5c0f\u9f8d", id="no letter of A to Z"
        ),
    ],
)
def test_nobody_uses_their_own_name(names: list[str | None], password: str, fragment: str | None) -> None:
    words = words_of(names=names, username="918XXX01", job_title=None, localities=[])
    expected = [] if fragment is None else [("word", fragment)]
    assert [told for told in found(password, words=words) if told[0] == "word"] == expected


def test_words_that_say_nothing_and_single_letters_are_allowed() -> None:
    words = words_of(
        names=["J", "Lee"], username="918JLEE01", job_title="Head of the Lab", localities=["A & E"]
    )
    assert found("of-the-A-and-E-J", words=words) == []
    assert found("my-Head-for-tin", words=words) == [("word", "Head")]


def test_the_browser_is_told_the_rules_it_decides() -> None:
    rules = browser_rules(ESR, ("nurse", "nhs"))
    assert json.loads(json.dumps(rules)) == {
        "shortest": 12,
        "longest": 256,
        "repeat": True,
        "sequence": 4,
        "words": ["nurse", "nhs"],
    }
    assert browser_rules(NIST, ("nurse",), second_factor=True) == {
        "shortest": 8,
        "longest": 256,
        "repeat": False,
        "sequence": None,
        "words": [],
    }


@given(TYPED)
def test_how_a_keyboard_composes_makes_no_difference(password: str) -> None:
    for form in ("NFKC", "NFKD", "NFC", "NFD"):
        assert found(unicodedata.normalize(form, password)) == found(password)


@given(TYPED)
def test_every_fragment_is_in_what_was_typed(password: str) -> None:
    typed = unicodedata.normalize("NFKC", password)
    assert all(fragment is None or (fragment and fragment in typed) for _, fragment in found(password))


@given(TYPED, st.booleans(), st.booleans())
def test_no_rule_depends_on_another(password: str, is_common: bool, in_history: bool) -> None:
    off = Profile(
        name="off", shortest=8, longest=64, repeat=False, sequence=None, words=False, common=False, history=0
    )
    alone = [
        replace(off, shortest=12, longest=256),
        replace(off, repeat=True),
        replace(off, sequence=4),
        replace(off, words=True),
        replace(off, common=True),
        replace(off, history=4),
    ]
    facts = {"is_common": is_common, "in_history": in_history}
    together = list(failures(password, ESR, WORDS, **facts))
    apart = [
        failure
        for rule, profile in zip(Rule, alone, strict=True)
        for failure in failures(password, profile, WORDS, **facts)
        if failure.rule is rule
    ]
    assert together == apart


@given(TYPED, TYPED)
def test_more_characters_never_undo_a_repeat_or_a_sequence(password: str, more: str) -> None:
    def kinds(text: str) -> set[str]:
        return {rule for rule, _ in found(text) if rule in {"repeat", "sequence"}}

    # A space between, for NFKC may join what is put together.
    assert kinds(password) <= kinds(f"{password} {more}")


@given(TYPED)
def test_repeats_are_where_a_reference_sees_them(password: str) -> None:
    lower = [character.lower() for character in unicodedata.normalize("NFKC", password)]
    expected = any(lower[at] == lower[at - 1] for at in range(1, len(lower)))
    assert expected == any(rule == "repeat" for rule, _ in found(password))


@given(TYPED | st.from_regex(r"\A[a-eA-E1-5]{1,12}\Z"))
def test_sequences_are_where_a_reference_sees_them(password: str) -> None:
    western = re.sub(r"\d", lambda digit: str(int(digit[0])), unicodedata.normalize("NFKC", password))
    ladders = ("abcdefghijklmnopqrstuvwxyz", "0123456789")
    rungs = {
        ladder[at : at + 4] for up in ladders for ladder in (up, up[::-1]) for at in range(len(ladder) - 3)
    }
    lower = western.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", ladders[0]))
    assert any(rung in lower for rung in rungs) == any(rule == "sequence" for rule, _ in found(password))


@given(
    NASTY
    | st.lists(st.sampled_from(["nhs", "Nhs", "NHS", "x", "Tin", "lamp", "-", "9"]), max_size=5).map("".join)
)
def test_short_words_are_where_a_reference_sees_them(password: str) -> None:
    typed = unicodedata.normalize("NFKC", password)
    small, big = "[a-z\u00df\u00e9\u0175\u0131\u03c2\u03c3]", "[A-Z\u1e9e\u0130\u03a3]"
    before = (
        f"(?:(?<![^\\W\\d_])|(?<={small})(?={big})|(?<={big})(?={big}{small})|(?<={big}{big})(?={small}))"
    )
    after = f"(?:(?![^\\W\\d_])|(?<={small})(?={big})|(?<={big})(?={big}{small})|(?<={big}{big})(?={small}))"
    expected = {match[0] for match in re.finditer(f"{before}[nN][hH][sS]{after}", typed)}
    assert {fragment for rule, fragment in found(password, words=("nhs",)) if rule == "word"} == expected
