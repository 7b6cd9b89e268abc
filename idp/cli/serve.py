"""Start the server, when everything it stands on is in order.

All that is wrong is said at once, each with its remedy. While this process imports what its workers will
need, another one asks the database.
"""

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from idp.cli.companion import Companion
from idp.cli.process import why_not_free
from idp.services.keys import KeysUnusable, MasterKeys
from idp.settings import Settings, SettingsWrong, load

DEMO_MARKER: Final = "DEMO"
"""A file in the key folder of a demo: its secrets are nobody's, and its passwords everybody's."""

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that only this machine reaches."""

_REFUSED: Final = 1
_WRONG_SETTINGS: Final = 2


@click.command()
@click.option("--with-worker", is_flag=True, help="Run idp worker beside it: for one node.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The folder that idp demo made."
)
@click.pass_context
def serve(context: click.Context, *, with_worker: bool, data: Path | None) -> None:
    """Serve people and applications, until SIGTERM: what is in flight then is finished.

    Settings come from IDP_* variables, or from IDP_*_FILE for those that are secret.
    """
    folder = data or context.find_root().params.get("data")
    if folder is not None:
        os.environ["IDP_DATA"] = str(folder)
    try:
        settings = load(os.environ)
    except SettingsWrong as wrong:
        context.exit(_refuse(wrong.problems, _WRONG_SETTINGS))
    found = problems(settings)
    if found:
        context.exit(_refuse(found, _REFUSED))
    context.exit(_run(settings, with_worker=with_worker))


def problems(settings: Settings) -> list[str]:
    """What keeps a server from starting, a sentence each with its remedy. Imports what workers need."""
    answers, answer = multiprocessing.Pipe(duplex=False)
    asking = multiprocessing.Process(target=_ask, args=(settings, answer))
    asking.start()
    answer.close()
    found = [*_of_keys(settings), *_of_port(settings)]
    import idp.cli.server  # noqa: F401, PLC0415 - it takes as long as the question

    try:
        found += answers.recv()
    except EOFError:
        found.append("The database could not be checked; the cause stands above.")
    asking.join()
    return found


def _run(settings: Settings, *, with_worker: bool) -> int:
    from idp.cli import server  # noqa: PLC0415 - imported while the database was asked

    worker = Companion() if with_worker else None
    try:
        server.run(settings, worker)
    except OSError as error:
        return _refuse([f"{settings.host}:{settings.port} cannot be listened on: {error}."], _REFUSED)
    finally:
        if worker is not None:
            worker.stop()
    return 0


def _ask(settings: Settings, answer: Connection) -> None:
    # Alembic is nobody's burden for longer than the question.
    from idp.cli import database_check  # noqa: PLC0415

    answer.send(database_check.problems(settings))
    answer.close()


def _of_keys(settings: Settings) -> list[str]:
    found = []
    try:
        MasterKeys.load(settings.keys_dir)
    except KeysUnusable as unusable:
        found.append(f"{unusable}.")
    is_demo = (settings.keys_dir / DEMO_MARKER).exists()
    if is_demo and not {urlsplit(settings.issuer).hostname, settings.host} <= LOOPBACK:
        found.append(
            f"The keys in {settings.keys_dir} are a demo's, whose passwords anyone can read: they serve this "
            "machine alone. Make keys of your own with idp key init, and set IDP_KEYS_DIR to their folder."
        )
    return found


def _of_port(settings: Settings) -> list[str]:
    reason = why_not_free(settings.host, settings.port)
    if reason is None:
        return []
    return [f"{reason[:1].upper()}{reason[1:]}. Stop that program, or set IDP_PORT and IDP_HOST otherwise."]


def _refuse(found: list[str], exit_code: int) -> int:
    click.echo("idp serve does not start:", err=True)
    for problem in found:
        click.echo(f"  {problem}", err=True)
    return exit_code
