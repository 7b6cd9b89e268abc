"""The folder of a demo: made in steps that a kill may interrupt anywhere, and taken by one demo at a time.

The key folder comes first and whole, by a rename, and holds the mark of a demo; whatever else is missing is
made again at the next start. A folder that holds anything but has no mark is somebody else's.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import click

from idp.cli.demo import care_identity, certificates
from idp.cli.demo.certificates import CARDS
from idp.cli.demo.clients import Client
from idp.cli.demo.files import write
from idp.cli.demo.people import EMPLOYERS, PEOPLE
from idp.cli.demo.place import SQLITE_FILE, Place, bundled
from idp.cli.serve import DEMO_MARKER
from idp.services.clock import SystemClock
from idp.services.keys import MasterKeys
from idp.settings import SETTINGS_FILE

Clients: TypeAlias = Sequence[Client]

_NEW_KEYS: Final = "keys.new"
_LOCK: Final = "lock"
_MADE: Final = "made.json"
_BEFORE_THE_MARK: Final = frozenset({_NEW_KEYS, _LOCK})
_OURS: Final = (
    SETTINGS_FILE,
    "demo.json",
    _MADE,
    SQLITE_FILE,
    f"{SQLITE_FILE}-wal",
    f"{SQLITE_FILE}-shm",
    "outbox",
    "clients",
    "cards",
    "ca.pem",
    "ca.key",
    "localhost.pem",
    "localhost.key",
    "care-identity.pem",
    "care-identity.json",
    "logs",
    _NEW_KEYS,
    "keys",  # Last: while the mark is there, removing can be taken up again.
)
_MARK = "These keys were made for a demo. Its passwords are printed where everyone can read them.\n"
_SERVICE_DESK = "ESR service desk, 01632 960 000, service.desk@esr.example"


def check(folder: Path) -> None:
    """Refuse a folder that is somebody else's; change nothing."""
    if not str(folder).isprintable() or "?" in str(folder):
        raise click.ClickException(
            "The path of the folder holds a character that settings cannot; choose another."
        )
    try:
        names = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise click.ClickException(
            f"{folder} cannot be used: {error.strerror}. Choose another with --data."
        ) from error
    if names - _BEFORE_THE_MARK and not (folder / "keys" / DEMO_MARKER).is_file():
        raise click.ClickException(
            f"{folder} is not empty, and no demo's. Nothing was changed. Choose another folder with --data."
        )


def settings(folder: Path) -> dict[str, str]:
    """What the folder's settings say; nothing when it is new."""
    try:
        lines = (folder / SETTINGS_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """Make the folder, and keep every other demo out of it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise click.ClickException(
            f"{folder} cannot be made: {error.strerror}. Choose another with --data."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise click.ClickException(
            f"Another demo is running in {folder}. Stop it, or choose another folder with --data."
        ) from None
    finally:
        os.close(lock)


def remove(folder: Path) -> None:
    """Remove what a demo made in the folder, and nothing else."""
    for name in _OURS:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def make(place: Place, clients: Clients) -> None:
    """Make whatever is missing of the folder, but for the database."""
    _make_keys(place)
    for directory in (place.outbox, place.clients, place.cards, place.logs):
        directory.mkdir(mode=0o700, exist_ok=True)
    for client in clients:
        client.make_credentials(place.clients)
    certificates.make(place, SystemClock().now())
    care_identity.make(place)


def write_settings(place: Place) -> None:
    """Tell every command of ours about this demo: they find it by `--data`."""
    write(
        place.folder / SETTINGS_FILE, "".join(f"{name}={value}\n" for name, value in _settings(place).items())
    )


def is_complete(place: Place, clients: Clients) -> bool:
    """Whether this release has made the whole demo before."""
    try:
        made = json.loads((place.folder / _MADE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    if place.database_url.startswith("sqlite:///"):
        path = Path(place.database_url.removeprefix("sqlite:///"))
        if not path.exists():
            return False
    return (
        bool(made == _made(place, clients))
        and all(client.has_credentials(place.clients) for client in clients)
        and certificates.is_complete(place, SystemClock().now())
        and care_identity.is_complete(place)
    )


def completed(place: Place, clients: Clients) -> None:
    """Remember that nothing is missing."""
    write(place.folder / _MADE, json.dumps(_made(place, clients)) + "\n")


def incomplete(place: Place) -> None:
    """Remember that something may be missing."""
    (place.folder / _MADE).unlink(missing_ok=True)


def _make_keys(place: Place) -> None:
    if place.marker.exists():
        return
    new = place.folder / _NEW_KEYS
    shutil.rmtree(new, ignore_errors=True)
    MasterKeys.create(new)
    write(new / DEMO_MARKER, _MARK)
    new.rename(place.keys)


def _settings(place: Place) -> dict[str, str]:
    return {
        "IDP_ISSUER": place.issuer,
        "IDP_DATABASE_URL": place.database_url,
        "IDP_KEYS_DIR": str(place.keys),
        "IDP_HOST": place.host,
        "IDP_PORT": str(place.port),
        "IDP_WORKERS": str(place.workers),
        # Cookies know no ports: demos side by side, and the applications, would share theirs.
        "IDP_COOKIE_PREFIX": f"demo{place.port}-",
        "IDP_OUTBOX_DIR": str(place.outbox),
        "IDP_SMARTCARD_ORIGIN": place.smartcard_origin,
        "IDP_SMARTCARD_HOST": place.host,
        "IDP_SMARTCARD_PORT": str(place.smartcard_port),
        "IDP_SMARTCARD_CERTIFICATE": str(place.server_certificate),
        "IDP_SMARTCARD_KEY": str(place.server_key),
        "IDP_CARE_IDENTITY_ISSUER": place.care_identity,
        "IDP_CARE_IDENTITY_CLIENT_ID": care_identity.CLIENT_ID,
        "IDP_CARE_IDENTITY_KEY": str(place.care_identity_key),
        # So that there is more than one way to sign in there.
        "IDP_CARE_IDENTITY_ACR_VALUES": "AAL2_OR_AAL3_ANY",
        "IDP_BRAND": "nhs",
        "IDP_SERVICE_DESK": _SERVICE_DESK,
        # Whoever tries the demo is one address, and may well be a program.
        "IDP_LOGIN_PAGES_PER_MINUTE": "100000",
        "IDP_SIGN_INS_PER_MINUTE": "100000",
        "IDP_FAILED_NAMES_PER_TEN_MINUTES": "10000",
        "IDP_RECOVERY_PER_TEN_MINUTES": "100000",
        "IDP_RECOVERY_PER_HOUR": "100000",
        "IDP_RECOVERY_PER_PERSON_HOUR": "1000",
        "IDP_RECOVERY_PER_PERSON_DAY": "1000",
        "IDP_MAIL_FROM": "no-reply@esr.example",
        "IDP_ADMIN_EMAIL": "service.desk@esr.example",
    }


def _made(place: Place, clients: Clients) -> dict[str, str]:
    """A digest of all that a demo is made from: another release makes what it has more."""
    migrations = sorted(path.name for path in (bundled("migrations") / "versions").glob("*.py"))
    parts = (migrations, EMPLOYERS, PEOPLE, CARDS, tuple(clients), place.database_url)
    return {"made_from": hashlib.sha256(repr(parts).encode()).hexdigest()}
