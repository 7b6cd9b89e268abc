from dataclasses import replace

import pytest

from idp.accounts import passphrase
from idp.policy.password import PROFILES, Profile, failures, tuned, words_of
from idp.services.common_passwords import is_common
from idp.services.randomness import SystemRandomness
from idp.services.words import passphrase_words
from tests.fakes import FakeRandomness

WORDS = words_of(
    names=["Mary Ann", "O'Neill-Pr\u0175s"],
    username="432MONEILLPRWS01",
    job_title="Staff Nurse",
    localities=["East Suffolk and North Essex NHS Foundation Trust", "Bristol"],
)


@pytest.mark.parametrize(
    "profile",
    [*PROFILES.values(), tuned(PROFILES["esr"], sequence=3)],
    ids=lambda profile: f"{profile.name}, sequence {profile.sequence}",
)
def test_ten_thousand_of_ten_thousand_pass(profile: Profile) -> None:
    made = passphrase.suggest(SystemRandomness(), profile, WORDS, 10_000)

    # Of 469 thousand million, two are hardly ever the same; those would be counted once.
    assert len(made) >= 9_999
    assert [each for each in made if failures(each, profile, WORDS)] == []
    assert [each for each in made[:1000] if is_common(each)] == []


def test_the_longest_that_may_be_asked_for_is_reached() -> None:
    made = passphrase.suggest(SystemRandomness(), tuned(PROFILES["esr"], shortest=64), WORDS, 100)
    assert len(made) == 100
    assert all(len(each) >= 64 for each in made)


def test_three_different_ones_are_suggested() -> None:
    made = passphrase.suggest(FakeRandomness("suggest"), PROFILES["esr"], WORDS)
    assert len(set(made)) == 3
    assert all(len(each.split("-")) == 3 for each in made)
    assert all(word in passphrase_words() for each in made for word in each.split("-"))


def test_chance_alone_decides() -> None:
    one, same, other = (
        passphrase.suggest(FakeRandomness(seed), PROFILES["esr"], WORDS) for seed in ("a", "a", "b")
    )
    assert one == same
    assert not set(one) & set(other)


def test_three_short_words_get_company() -> None:
    listed = passphrase_words()

    class Shortest(FakeRandomness):
        def below(self, n: int) -> int:
            short = [at for at, word in enumerate(listed) if len(word) == 3]
            return short[super().below(n) % len(short)]

    for made in passphrase.suggest(Shortest(), PROFILES["nist-800-63b-4"], (), 20):
        assert len(made.split("-")) == 4
        assert len(made) == 15


def test_when_nothing_passes_it_gives_up() -> None:
    hyphen = replace(PROFILES["esr"], name="no hyphen", repeat=False, sequence=None)
    assert passphrase.suggest(FakeRandomness(), hyphen, ["-"]) == ()


def test_the_words_are_many_and_plain() -> None:
    listed = passphrase_words()
    assert len(set(listed)) == len(listed) == 7772
    assert all(word.isascii() and word.isalpha() and word.islower() for word in listed)
    assert min(map(len, listed)) == 3
