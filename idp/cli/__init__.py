"""Operator commands, a module per noun: `idp client add` is `add` in `cli/client.py`.

A module is imported when its command runs, so `idp --help` reads nothing but this one. Every command takes
`--json` and `--data`, and ends with 0 (done), 1 (refused, nothing changed) or 2 (wrong usage or settings).
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

COMMANDS: Final[Mapping[str, str]] = {
    "demo": "Run the whole product here, with people and applications to try it.",
    "serve": "Serve people and applications.",
    "smartcard": "Ask browsers for a smartcard, beside the servers.",
    "worker": "Send mail, clean up and rotate keys, beside the servers.",
    "db": "Bring the database to this release, and check it.",
    "key": "Make, list, rotate and retire keys.",
    "employer": "Add and list the organisations that employ people.",
    "user": "Add, import and administer people and their accounts.",
    "client": "Register and administer relying parties.",
    "policy": "Say what a new password must be, and try passwords.",
    "mail": "See what became of mail, and try it again.",
    "ca": "Say whose smartcards are believed.",
    "crl": "Fetch and show the lists of revoked smartcards.",
    "card": "Link smartcards to accounts, and find out what is wrong with one.",
    "care-identity": "See whether NHS Care Identity answers, and what to register there.",
    "explain": "Tell what happened under a reference that a page showed.",
}
"""Each is the command of that name in the module of that name, where `-` is `_`."""

_EXIT_CODES = "Ends with 0 (done), 1 (refused, nothing changed) or 2 (wrong usage or settings)."


class _Lazy(click.Group):
    """A group whose commands are imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"idp.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Lazy,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that idp demo made, to administer the demo. Otherwise IDP_* variables say where to find"
    " everything.",
)
@click.version_option(package_name="esr-idp")
def main(data: Path | None) -> None:
    """Run and administer the identity provider."""
    # Subcommands read --data from this command's context, unless they are given their own.
