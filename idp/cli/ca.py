"""`idp ca`: the certificate authorities whose smartcards are believed.

The authority that issues the cards is the one to add, with the address of its revocation list: nothing is
ever fetched from an address that a certificate names.
"""

from pathlib import Path

import click

from idp.accounts import card_link
from idp.accounts.administration import NotDone
from idp.cli.command import Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import table
from idp.db import Connection, certificate_authority, revocation_list
from idp.db.certificate_authority import CertificateAuthority
from idp.db.revocation_list import RevocationList

_LARGEST = 64 * 1024


@click.group()
def ca() -> None:
    """Say whose smartcards are believed."""


@ca.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What to call it here.")
@click.option("--crl-url", help="Where its revocation list is.")
@click.option("--ocsp-url", help="Whom to ask when the list is out of date.")
@dry_run
@operates
def add(
    installation: Installation,
    file: Path,
    name: str,
    crl_url: str | None,
    ocsp_url: str | None,
    dry_run: bool,
) -> Answer:
    """Believe the authority whose certificate, PEM or DER, is in FILE.

    Until its revocation list is there, nobody can sign in with one of its cards: idp crl fetch
    """
    with installation.change(dry_run=dry_run) as connection:
        added = card_link.add_authority(
            connection,
            installation.randomness,
            read_certificate(file),
            name=name,
            crl_url=crl_url,
            ocsp_url=ocsp_url,
            now=installation.now(),
        )
        if isinstance(added, NotDone):
            raise Refusal(added.problem)
    document = _document(added, None)
    lines = [f"{added.name} is believed. SHA-256 of its certificate: {added.fingerprint.hex()}"]
    if crl_url is None and ocsp_url is None:
        lines.append("Nobody can say which of its cards are revoked, so none is accepted. Run: idp ca move")
    return done(document, *lines, dry_run=dry_run)


@ca.command(name="list")
@operates
def list_(installation: Installation) -> Answer:
    """List every authority, and the revocation list we have of each."""
    with installation.database.read() as connection:
        found = [
            (each, revocation_list.find(connection, each.id))
            for each in certificate_authority.every(connection)
        ]
    rows = (
        (
            each.name,
            each.crl_url,
            each.ocsp_url,
            known and known.number,
            known and known.next_update,
            _state(each),
        )
        for each, known in found
    )
    return Answer(
        [_document(each, known) for each, known in found],
        table(("NAME", "REVOCATION LIST", "OCSP", "NUMBER", "VALID UNTIL", "STATE"), rows),
    )


@ca.command()
@click.argument("name")
@click.option("--crl-url", help="Where its revocation list is from now on.")
@click.option("--ocsp-url", help="Whom to ask from now on when the list is out of date.")
@dry_run
@operates
def move(
    installation: Installation, name: str, crl_url: str | None, ocsp_url: str | None, dry_run: bool
) -> Answer:
    """Change where the authority NAME is asked about revocation; what is left out is not asked any more."""
    with installation.change(dry_run=dry_run) as connection:
        authority = get(connection, name)
        problem = card_link.move(
            connection, authority, crl_url=crl_url, ocsp_url=ocsp_url, now=installation.now()
        )
        if problem is not None:
            raise Refusal(problem.problem)
    document = {"name": authority.name, "crl_url": crl_url, "ocsp_url": ocsp_url}
    return done(document, f"{authority.name} is asked there from now on.", dry_run=dry_run)


@ca.command()
@click.argument("name")
@dry_run
@operates
def disable(installation: Installation, name: str, dry_run: bool) -> Answer:
    """Accept no card of the authority NAME any more. Sessions that are open stay open."""
    return _set_disabled(installation, name, disabled=True, dry_run=dry_run)


@ca.command()
@click.argument("name")
@dry_run
@operates
def enable(installation: Installation, name: str, dry_run: bool) -> Answer:
    """Accept cards of the authority NAME again."""
    return _set_disabled(installation, name, disabled=False, dry_run=dry_run)


def get(connection: Connection, name: str) -> CertificateAuthority:
    """The authority called so. Raises `Refusal`."""
    found = certificate_authority.find(connection, name)
    if found is None:
        raise Refusal(f"There is no authority called {name}. Run: idp ca list")
    return found


def read_certificate(file: Path) -> bytes:
    """What is in the file, or the beginning of what can be no certificate."""
    with file.open("rb") as opened:
        return opened.read(_LARGEST)


def _set_disabled(installation: Installation, name: str, *, disabled: bool, dry_run: bool) -> Answer:
    with installation.change(dry_run=dry_run) as connection:
        authority = get(connection, name)
        changed = card_link.set_disabled(connection, authority, disabled=disabled, now=installation.now())
    state = "disabled" if disabled else "believed"
    line = f"{authority.name} is {state}." if changed else f"{authority.name} was {state} already."
    return done({"name": authority.name, "disabled": disabled, "changed": changed}, line, dry_run=dry_run)


def _state(authority: CertificateAuthority) -> str:
    return "believed" if authority.disabled_at is None else "disabled"


def _document(authority: CertificateAuthority, known: RevocationList | None) -> dict[str, object]:
    return {
        "name": authority.name,
        "fingerprint": authority.fingerprint.hex(),
        "crl_url": authority.crl_url,
        "ocsp_url": authority.ocsp_url,
        "added_at": authority.added_at,
        "disabled_at": authority.disabled_at,
        "crl_number": None if known is None or known.number is None else str(known.number),
        "crl_next_update": known and known.next_update,
    }
