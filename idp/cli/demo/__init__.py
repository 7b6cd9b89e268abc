"""`idp demo`: the whole product on this machine, with people and applications to try it.

It answers the loopback interface alone, because its passwords are printed. Nothing is made before host,
folder and ports are found to be in order; a folder that a kill left half-made is finished at the next start.
"""

import signal
import time
from pathlib import Path
from types import FrameType

import click

from idp.cli.demo import description, folder
from idp.cli.demo.children import Children
from idp.cli.demo.clients import clients as clients_of
from idp.cli.demo.place import LAST_PORT, PORTS, SQLITE_FILE, Place
from idp.cli.process import why_not_free
from idp.cli.serve import LOOPBACK

_DEFAULT_FOLDER = Path("demo-data")
_DEFAULT_PORT = 8000
_LAST_PORT = 65_535 - LAST_PORT - 1
_LOOK_SECONDS = 0.2


@click.command()
@click.option("--host", default="localhost", show_default=True, help="localhost, 127.0.0.1 or ::1.")
@click.option(
    "--port",
    type=click.IntRange(1, _LAST_PORT),
    help="The provider's port; the applications take the ones after it.  [default: 8000]",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of everything the demo makes.  [default: demo-data]",
)
@click.option("--reset", is_flag=True, help="Begin with an empty demo again.")
@click.option("--database-url", help="An empty PostgreSQL database, instead of a file in the folder.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.pass_context
def demo(
    context: click.Context,
    *,
    host: str,
    port: int | None,
    data: Path | None,
    reset: bool,
    database_url: str | None,
    workers: int,
) -> None:
    """Run the whole product here, until Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    where = (data or context.find_root().params.get("data") or _DEFAULT_FOLDER).resolve()
    try:
        place = _place(where, host, port, database_url, workers, reset=reset)
        _refuse_taken_ports(place)
        with folder.taken(where), Children() as children:
            _start(place, children, reset=reset)
            for line in (*description.lines(place), "Ready. Ctrl-C stops everything."):
                click.echo(line)
            _watch(children)
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _place(
    where: Path, host: str, port: int | None, database_url: str | None, workers: int, *, reset: bool
) -> Place:
    """The demo that was asked for, and that the folder allows."""
    if host not in LOOPBACK:
        raise click.BadParameter(
            f"{host} can be reached by others, who would know every password of the demo. Use localhost.",
            param_hint="--host",
        )
    if database_url is not None and not database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise click.BadParameter(
            "Use postgresql+psycopg://USER@HOST/NAME or sqlite:///PATH.", param_hint="--database-url"
        )
    folder.check(where)
    before = folder.settings(where)
    known_port, known_url = before.get("IDP_PORT"), before.get("IDP_DATABASE_URL")
    for name, asked, known in (("port", port, known_port), ("database-url", database_url, known_url)):
        if not reset and asked is not None and known is not None and str(asked) != known:
            raise click.ClickException(
                f"The demo in {where} has another --{name}. Leave it out, choose another folder with --data, "
                "or begin again with --reset."
            )
    return Place(
        folder=where,
        host="127.0.0.1" if host == "localhost" else host,
        port=port or int(known_port or _DEFAULT_PORT),
        workers=workers,
        database_url=database_url or known_url or _own_database(where),
    )


def _own_database(where: Path) -> str:
    return f"sqlite:///{where / SQLITE_FILE}"


def _refuse_taken_ports(place: Place) -> None:
    for name, offset in PORTS.items():
        # Of both addresses of localhost: a browser may ask either.
        reason = why_not_free("localhost", place.port + offset)
        if reason is not None:
            raise click.ClickException(
                f"{name} cannot start: {reason}, perhaps another demo. "
                "Stop that, or choose other ports with --port."
            )


def _start(place: Place, children: Children, *, reset: bool) -> None:
    """Make whatever is missing, and return when everything answers."""
    clients = clients_of(place)
    if reset:
        _reset(place)
    is_complete = folder.is_complete(place, clients)
    if not is_complete:
        _make_folder(place, clients)
    folder.write_settings(place)
    description.describe(place, clients)
    # They take as long to start as a database to fill.
    children.start_authority(place)
    children.start_relying_parties(place)
    children.start_care_identity(place)
    if not is_complete:
        from idp.cli.demo import seed  # noqa: PLC0415 - a warm start does without it

        seed.fill(place, clients)
    children.start_provider(place)
    children.start_smartcard_origin(place)
    if not is_complete:
        from idp.cli.demo import factors  # noqa: PLC0415 - the same

        children.wait_until_ready("card-authority")
        factors.fetch_list(place)
        folder.completed(place, clients)
    children.wait_until_ready()


def _reset(place: Place) -> None:
    url = folder.settings(place.folder).get("IDP_DATABASE_URL")
    folder.incomplete(place)
    if url is not None and url != _own_database(place.folder):
        from idp.cli.demo import seed  # noqa: PLC0415 - a warm start does without it

        seed.empty(url)
    folder.remove(place.folder)


def _make_folder(place: Place, clients: folder.Clients) -> None:
    folder.incomplete(place)
    is_known = bool(folder.settings(place.folder))
    if not is_known and place.database_url != _own_database(place.folder):
        from idp.cli.demo import seed  # noqa: PLC0415 - a warm start does without it

        seed.refuse_foreign(place.database_url)
    folder.make(place, clients)


def _watch(children: Children) -> None:
    """Wait for Ctrl-C. Raises ClickException when a process ends by itself."""
    while True:
        time.sleep(_LOOK_SECONDS)
        children.refuse_dead()
