"""`idp crl`: the lists of revoked smartcards, which the worker fetches by itself."""

import click

from idp.accounts.revocation_list import Failed
from idp.cli import ca
from idp.cli.command import REFUSED, Answer, operates
from idp.cli.installation import Installation
from idp.cli.table import table
from idp.db import certificate_authority, revocation_list
from idp.db.certificate_authority import CertificateAuthority
from idp.db.revocation_list import RevocationList
from idp.services import logs


@click.group()
def crl() -> None:
    """Fetch and show the lists of revoked smartcards."""


@crl.command()
@click.option("--ca", "name", help="Only that of the authority called so.")
@click.option(
    "--accept-older",
    is_flag=True,
    help="Take a list that is older than the one we have: after its authority was restored from a backup.",
)
@operates
def fetch(installation: Installation, name: str | None, accept_older: bool) -> Answer:
    """Fetch the lists now, and keep those that their authorities have signed."""
    logs.configure(level="ERROR")
    with installation.database.read() as connection:
        if name is not None:
            authorities = [ca.get(connection, name)]
        else:
            enabled = certificate_authority.enabled(connection)
            authorities = [each for each in enabled if each.crl_url is not None]
    documents, lines, has_failed = [], [], False
    for authority in authorities:
        came = installation.smartcards.lists.fetch(authority, accept_older=accept_older)
        if isinstance(came, Failed):
            has_failed = True
            documents.append({"authority": authority.name, "fetched": False, "cause": came.cause})
            lines.append(f"{authority.name}: not fetched, because {came.cause}. The list we have stays.")
        else:
            number = str(came.number)
            documents.append({"authority": authority.name, "fetched": True, "number": number})
            lines.append(
                f"{authority.name}: list {number}, which is valid until {came.next_update:%F %T} UTC."
            )
    return Answer(
        documents,
        lines or ["No authority has an address of a list. Run: idp ca move"],
        exit_code=REFUSED if has_failed else 0,
    )


@crl.command()
@operates
def show(installation: Installation) -> Answer:
    """Show the list we have of every authority, and how the last try to fetch one went."""
    with installation.database.read() as connection:
        found = [
            (each, revocation_list.find(connection, each.id))
            for each in certificate_authority.enabled(connection)
        ]
    documents = [_document(authority, known) for authority, known in found]
    rows = [
        (
            each["authority"],
            each["number"],
            each["this_update"],
            each["next_update"],
            each["tried_at"],
            each["last_error"],
        )
        for each in documents
    ]
    return Answer(documents, table(("AUTHORITY", "NUMBER", "MADE", "VALID UNTIL", "TRIED", "ERROR"), rows))


def _document(authority: CertificateAuthority, known: RevocationList | None) -> dict[str, object]:
    return {
        "authority": authority.name,
        "url": authority.crl_url,
        "number": None if known is None or known.number is None else str(known.number),
        "this_update": known and known.this_update,
        "next_update": known and known.next_update,
        "fetched_at": known and known.fetched_at,
        "tried_at": known and known.tried_at,
        "last_error": known and known.last_error,
    }
