"""`idp employer`: the organisations that employ people."""

import click

from idp.accounts import administration
from idp.accounts.administration import NotDone
from idp.cli.command import Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import table
from idp.db import employer as rows


@click.group()
def employer() -> None:
    """Add and list the organisations that employ people."""


@employer.command()
@click.option("--code", required=True, help="Three digits, the beginning of every username there.")
@click.option("--name", required=True)
@click.option("--ods-code", help="The organisation's code in the ODS directory, such as RXK.")
@click.option("--locality", help="Where it is; passwords may not contain it.")
@click.option("--service-desk", help="Whom its staff call for help; shown on pages.")
@dry_run
@operates
def add(
    installation: Installation,
    code: str,
    name: str,
    ods_code: str | None,
    locality: str | None,
    service_desk: str | None,
    dry_run: bool,
) -> Answer:
    """Add an employer."""
    with installation.change(dry_run=dry_run) as connection:
        added = administration.add_employer(
            connection, rows.Employer(code, name, ods_code, locality, service_desk), installation.now()
        )
        if isinstance(added, NotDone):
            raise Refusal(added.problem)
    return done(_document(added), f"{added.code} {added.name} is added.", dry_run=dry_run)


@employer.command(name="list")
@operates
def list_(installation: Installation) -> Answer:
    """List every employer, by code."""
    with installation.database.read() as connection:
        employers = rows.every(connection)
    return Answer(
        [_document(row) for row in employers],
        table(
            ("CODE", "NAME", "ODS", "LOCALITY", "SERVICE DESK"),
            ((row.code, row.name, row.ods_code, row.locality, row.service_desk) for row in employers),
        ),
    )


def _document(row: rows.Employer) -> dict[str, object]:
    return {
        "code": row.code,
        "name": row.name,
        "ods_code": row.ods_code,
        "locality": row.locality,
        "service_desk": row.service_desk,
    }
