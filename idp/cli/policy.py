"""`idp policy`: say what a new password must be, and try passwords.

`check` prints one JSON object a line, with or without `--json`, as each line of standard input comes; it ends
with 0 when every line was judged, whatever the verdicts. Passwords are never arguments, which other users of
the machine could read. Without `--account` neither needs an installation.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import click

from idp import assembly
from idp.accounts.password import newest, words_about
from idp.cli.command import Answer, Refusal, operates
from idp.cli.installation import Installation
from idp.db import account
from idp.policy import username as usernames
from idp.policy.password import PROFILES, SYSTEM_WORDS, Failure, Profile, failures, words_of
from idp.services.common_passwords import is_common
from idp.services.hashing import Hasher

_PROFILE = click.option(
    "--profile", type=click.Choice(list(PROFILES)), help="Otherwise the one that the settings name."
)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Whatever passwords are held against."""

    profile: Profile
    words: Sequence[str]
    history: Sequence[str] = ()
    hasher: Hasher | None = None
    second_factor: bool = False

    def failures(self, password: str) -> tuple[Failure, ...]:
        """Everything that is wrong with the password."""
        return failures(
            password,
            self.profile,
            self.words,
            is_common=self.profile.common and is_common(password),
            in_history=self._is_in_history(password),
            second_factor=self.second_factor,
        )

    def _is_in_history(self, password: str) -> bool:
        hasher = self.hasher
        return hasher is not None and any(hasher.verify(password, phc).ok for phc in self.history)


@click.group()
def policy() -> None:
    """Say what a new password must be, and try passwords."""


@policy.command()
@_PROFILE
@click.option("--account", "username", help="Judge for this person: their words, and their last passwords.")
@click.option("--role-word", "role_words", multiple=True, help="A word of the role; may be repeated.")
@click.option(
    "--locality-word", "locality_words", multiple=True, help="A name of employer, site or town; the same."
)
@click.option("--second-factor", is_flag=True, help="The person has one; some profiles then ask for less.")
@operates
def check(
    installation: Installation,
    *,
    profile: str | None,
    username: str | None,
    role_words: tuple[str, ...],
    locality_words: tuple[str, ...],
    second_factor: bool,
) -> Answer:
    """Judge the passwords on standard input, one a line.

    Prints a JSON object for each: {"accepted": false, "failures": [{"rule": "repeat", "fragment": "ss"}]}.
    Ends with 0 when all were judged, whatever came of it, and with 1 at a line that is no text in UTF-8.
    """
    rules = _profile(installation, profile)
    own = installation.settings_so_far.password_words
    words = words_of(
        names=(), username="", job_title=None, localities=(*role_words, *locality_words), more=own
    )
    judge = _Judge(rules, words, second_factor=second_factor)
    if username is not None:
        judge = _as_for(installation, username, judge)
    stream = sys.stdin.buffer
    if stream.isatty():
        click.echo("Type a password on each line, and Ctrl-D at the end. They can be seen.", err=True)
    for password in _lines(stream):
        click.echo(json.dumps(_verdict(judge.failures(password))))
    # Everything has been printed; a document of all of it, for --json, would break the lines.
    click.get_current_context().exit(0)


@policy.command()
@_PROFILE
@operates
def explain(installation: Installation, *, profile: str | None) -> Answer:
    """Tell the rules in plain words, and where they differ from OWASP ASVS 5.0 and NIST SP 800-63B-4."""
    rules = _profile(installation, profile)
    told, differs = list(_rules(rules)), list(_differences(rules))
    document = {
        "profile": rules.name,
        "shortest": rules.shortest,
        "shortest_with_second_factor": rules.shortest_with_second_factor or rules.shortest,
        "longest": rules.longest,
        "repeat": rules.repeat,
        "sequence": rules.sequence,
        "words": rules.words,
        "common": rules.common,
        "history": rules.history,
        "rules": told,
        "differences": differs,
    }
    lines = [
        f"The profile {rules.name} asks of a new password:",
        *(f"- {rule}" for rule in told),
        "",
        "Where it differs from OWASP ASVS 5.0 and NIST SP 800-63B-4:",
        *(f"- {each}" for each in differs),
    ]
    return Answer(document, lines)


def _profile(installation: Installation, name: str | None) -> Profile:
    """The named profile as it is, or the settings' with the settings' numbers."""
    if name is not None:
        return PROFILES[name]
    return assembly.password_profile(installation.settings_so_far)


def _as_for(installation: Installation, typed: str, judge: _Judge) -> _Judge:
    """The judge with the words and the history of the account besides."""
    username = usernames.normalise(typed)
    with installation.database.read() as connection:
        found = None if username is None else account.find(connection, username)
        if found is None:
            raise Refusal(
                f"There is no account {typed}. Find the right one with idp user list --search NAME."
            )
        words = words_about(connection, found, judge.words)
        history = newest(connection, found, judge.profile.history)
    return replace(judge, words=words, history=history, hasher=installation.hasher())


def _lines(stream: BinaryIO) -> Iterator[str]:
    """The lines without their ends, which no browser would let anybody type."""
    for number, line in enumerate(stream, 1):
        try:
            password = line.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Refusal(f"Line {number} is not in UTF-8. It and what follows was not judged.") from None
        if "\x00" in password:
            raise Refusal(f"Line {number} holds a NUL. It and what follows was not judged.")
        yield password


def _verdict(found: Sequence[Failure]) -> dict[str, object]:
    return {
        "accepted": not found,
        "failures": [{"rule": failure.rule.value, "fragment": failure.fragment} for failure in found],
    }


def _rules(profile: Profile) -> Iterator[str]:
    yield (
        f"length: {profile.shortest} characters or more, {profile.longest} at most. Any character counts, "
        "a space too; nothing is trimmed or cut."
    )
    if profile.shortest_with_second_factor is not None:
        yield f"length: {profile.shortest_with_second_factor} or more are enough beside a second factor."
    if profile.repeat:
        yield "repeat: no character twice in a row, such as ss or pP. Further apart it may come again."
    if profile.sequence is not None:
        letters, digits = "abcdefghij"[: profile.sequence], "1234567890"[: profile.sequence]
        yield (
            f"sequence: no {profile.sequence} or more letters or digits in order, up or down, such as "
            f"{letters} or {digits}."
        )
    if profile.words:
        yield (
            f"word: no word of the system ({', '.join(SYSTEM_WORDS)}), of the role, or of the "
            "employer and its places, and none of the person's own names and username. Words of four letters "
            "or fewer count only by themselves."
        )
    if profile.common:
        yield "common: not on the list of 4.2 million common and breached passwords."
    if profile.history:
        yield f"history: not one of the {profile.history} most recent passwords, the current one included."


def _differences(profile: Profile) -> Iterator[str]:
    if profile.shortest < PROFILES["nist-800-63b-4"].shortest:
        yield (
            f"Less: {profile.shortest} characters. Where there is no second factor, NIST §3.1.1.2 asks for "
            "15; ASVS 6.2.1 asks for 8, and recommends 15."
        )
    if profile.repeat or profile.sequence is not None:
        yield (
            "More: rules about which characters follow one another. ASVS 6.2.5 and NIST §3.1.1.2 forbid "
            "rules of composition; the guidance of the Electronic Staff Record has these."
        )
    if profile.words:
        yield (
            "More: words are refused inside a password. ASVS 6.2.11 asks for a list of them; NIST §3.1.1.2 "
            "compares only whole passwords."
        )
    else:
        yield "Less: no list of words of the context, which ASVS 6.2.11 asks for and NIST §3.1.1.2 allows."
    if profile.history:
        yield "More: a history. Neither asks for one; the guidance does."
