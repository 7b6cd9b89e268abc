"""What every operator command does alike: find its installation, print one answer, say what went wrong.

A command returns an `Answer`. An operator's mistake is a sentence with its remedy on standard error, never a
traceback; with `--json`, standard output still holds exactly one JSON document.
"""

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import click

from idp.cli.installation import Installation, World
from idp.cli.table import printable
from idp.db import Conflict, Unavailable
from idp.services.keys import KeysUnusable, SealBroken
from idp.settings import SettingsWrong

REFUSED = 1
WRONG_SETTINGS = 2

_MEANWHILE = "Someone else changed the same thing at this moment. Nothing was done here; look, and try again."

Problem = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did: `document` for programs, `lines` for people."""

    document: object
    lines: Sequence[str]
    exit_code: int = 0


class Refusal(Exception):
    """The command cannot do it, and has changed nothing. The message names the remedy."""

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, exit_code: int = REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems
        self.exit_code = exit_code


_UNDERSTOOD = (Refusal, SettingsWrong, KeysUnusable, SealBroken, Unavailable, Conflict)


def operates(function: Callable[..., Answer]) -> Callable[..., None]:
    """Give a command `--json` and `--data`, and call it with the `Installation` first."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder that idp demo made.",
    )
    @functools.wraps(function)
    def run(*, as_json: bool, data: Path | None, **arguments: object) -> None:
        context = click.get_current_context()
        _write_anything()
        folder = data or context.find_root().params.get("data")
        installation = Installation(os.environ, folder, context.find_object(World) or World())
        try:
            answer = function(installation, **arguments)
        except _UNDERSTOOD as error:
            context.exit(_refuse(_refusal(error), as_json=as_json))
        finally:
            installation.close()
        _print(answer, as_json=as_json)
        context.exit(answer.exit_code)

    return run


def dry_run(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--dry-run`."""
    return click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")(command)


def done(document: Mapping[str, object], *lines: str, dry_run: bool = False) -> Answer:
    """The answer of a command that changed something, or would have."""
    if dry_run:
        return Answer({**document, "dry_run": True}, ["Dry run: nothing is changed. Without it:", *lines])
    return Answer(document, lines)


def _print(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        # ASCII reaches every terminal, and no character in it can steer one.
        click.echo(json.dumps(answer.document, indent=2, default=_jsonable))
        return
    for line in answer.lines:
        click.echo(line)


def _refusal(error: Exception) -> Refusal:
    """Anything that may happen to an operator, as a sentence."""
    match error:
        case Refusal():
            return error
        case SettingsWrong():
            problems = [{"message": problem} for problem in error.problems]
            return Refusal("The settings will not do.", problems, exit_code=WRONG_SETTINGS)
        case Unavailable():
            return Refusal(f"The database cannot be used: {error}")
        case Conflict():
            return Refusal(_MEANWHILE)
        case _:
            return Refusal(str(error))


def _refuse(refusal: Refusal, *, as_json: bool) -> int:
    click.echo(printable(refusal.message), err=True)
    for problem in refusal.problems:
        click.echo(f"  {printable(_sentence(problem))}", err=True)
    if as_json:
        document: dict[str, object] = {"error": refusal.message}
        if refusal.problems:
            document["problems"] = [dict(problem) for problem in refusal.problems]
        click.echo(json.dumps(document, indent=2, default=_jsonable))
    return refusal.exit_code


def _sentence(problem: Problem) -> str:
    return " ".join(str(part) for part in (problem.get("field"), problem["message"]) if part)


def _jsonable(value: object) -> str:
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if isoformat else value)


def _write_anything() -> None:
    """Names like Siân must not stop a command because the terminal's encoding has no letter for them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
