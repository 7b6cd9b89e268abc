"""`idp card`: which smartcard opens which account, and what is wrong with one that does not."""

from pathlib import Path

import click

from idp import assembly
from idp.accounts import card_link
from idp.accounts.administration import NotDone
from idp.accounts.factor_news import FactorNews
from idp.accounts.smartcard import Card
from idp.cli import ca
from idp.cli.command import REFUSED, Answer, Refusal, done, dry_run, operates
from idp.cli.installation import Installation
from idp.cli.table import pairs, table
from idp.db import Connection, account, smartcard
from idp.db.account import Account
from idp.db.smartcard import Smartcard
from idp.policy import username as usernames
from idp.services import logs, x509
from idp.services.x509 import Verified

_CERTIFICATE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def card() -> None:
    """Link smartcards to accounts, and find out what is wrong with one."""


@card.command()
@click.option("--account", "username", required=True, help="The username of the account it opens.")
@click.option("--certificate", type=_CERTIFICATE, help="The card's certificate, PEM or DER.")
@click.option("--card-number", help="The twelve digits on the card.")
@dry_run
@operates
def link(
    installation: Installation,
    username: str,
    certificate: Path | None,
    card_number: str | None,
    dry_run: bool,
) -> Answer:
    """Let a card open an account, and tell its owner by mail."""
    with installation.change(dry_run=dry_run) as connection:
        found = _account(connection, username)
        which = _which(installation, connection, certificate, card_number)
        linked = card_link.link(
            connection,
            _news(installation),
            installation.randomness,
            found,
            which,
            installation.now(),
        )
        if isinstance(linked, NotDone):
            raise Refusal(linked.problem)
    name = card_link.name_of(linked)
    return done(
        {"username": found.username, "card": name}, f"Card {name} opens {found.username}.", dry_run=dry_run
    )


@card.command()
@click.option("--card-number", help="The twelve digits on the card.")
@click.option("--account", "username", help="Every card of the account with this username.")
@dry_run
@operates
def unlink(
    installation: Installation, card_number: str | None, username: str | None, dry_run: bool
) -> Answer:
    """Let a card open nothing any more, end every session of its account, and tell its owner by mail."""
    if (card_number is None) is (username is None):
        raise click.UsageError("Say which card: --card-number NUMBER or --account USERNAME.")
    with installation.change(dry_run=dry_run) as connection:
        if username is not None:
            cards = smartcard.of_account(connection, _account(connection, username).id)
        else:
            one = smartcard.find_by_number(connection, card_number or "")
            cards = [] if one is None else [one]
        if not cards:
            raise Refusal("No such card is linked. Run: idp card list")
        released = [_release(installation, connection, each) for each in cards]
    lines = [f"Card {name} opens {whose} no more." for name, whose in released]
    document = {"unlinked": [{"card": name, "username": whose} for name, whose in released]}
    return done(document, *lines, dry_run=dry_run)


@card.command(name="list")
@click.option("--account", "username", help="Only the cards of the account with this username.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@operates
def list_(installation: Installation, username: str | None, limit: int) -> Answer:
    """List cards and whose they are; the ones linked last come first."""
    with installation.database.read() as connection:
        cards = (
            smartcard.latest(connection, limit)
            if username is None
            else smartcard.of_account(connection, _account(connection, username).id)
        )
        documents = [_document(connection, each) for each in cards]
    rows = [tuple(each.values()) for each in documents]
    return Answer(documents, table(("CARD", "USERNAME", "LINKED", "LAST USED"), rows))


@card.command()
@click.argument("certificate", metavar="FILE", type=_CERTIFICATE)
@operates
def check(installation: Installation, certificate: Path) -> Answer:
    """Say whether the card whose certificate is in FILE could sign in now, and what it looks like."""
    logs.configure(level="ERROR")
    der = x509.read_card(ca.read_certificate(certificate))
    if der is None:
        raise Refusal("The file holds no certificate that can be read.")
    examined = installation.smartcards.examine([der], installation.now())
    outcome, said = examined.outcome, examined.said
    is_good = isinstance(outcome, Card)
    document = {
        "signs_in": is_good,
        "problem": None if isinstance(outcome, Card) else outcome.value,
        "issuer": said and said.issuer,
        "card_number": said and said.card_number,
        "not_before": said and said.not_before,
        "not_after": said and said.not_after,
        "may_sign_in": said and said.may_sign_in,
        "authority": examined.authority,
        "revocation": examined.verdict and examined.verdict.value,
        "crl_number": None if examined.crl_number is None else str(examined.crl_number),
        "username": examined.account and examined.account.username,
    }
    lines = pairs((name.replace("_", " ").capitalize(), value) for name, value in document.items())
    return Answer(document, lines, exit_code=0 if is_good else REFUSED)


def _news(installation: Installation) -> FactorNews:
    return FactorNews(assembly.post(installation.settings, installation.masters, installation.randomness))


def _which(
    installation: Installation, connection: Connection, certificate: Path | None, card_number: str | None
) -> str | Verified:
    if (certificate is None) is (card_number is None):
        raise click.UsageError("Say which card: --certificate FILE or --card-number NUMBER.")
    if card_number is not None:
        return card_number
    if certificate is None:  # pragma: no cover - one of them is there
        raise TypeError(certificate)
    number_from = installation.settings.smartcard_number_from
    read = card_link.read_card(connection, ca.read_certificate(certificate), number_from, installation.now())
    if isinstance(read, NotDone):
        raise Refusal(read.problem)
    return read


def _account(connection: Connection, username: str) -> Account:
    name = usernames.normalise(username)
    found = None if name is None else account.find(connection, name)
    if found is None:
        raise Refusal(f"There is no account {username}. Run: idp user list --search PART")
    return found


def _release(installation: Installation, connection: Connection, one: Smartcard) -> tuple[str, str]:
    found = account.get(connection, one.account_id)
    released = card_link.unlink(connection, _news(installation), found, one, installation.now())
    if isinstance(released, NotDone):
        raise Refusal(released.problem)
    return card_link.name_of(one), found.username


def _document(connection: Connection, one: Smartcard) -> dict[str, object]:
    return {
        "card": card_link.name_of(one),
        "username": account.get(connection, one.account_id).username,
        "linked_at": one.linked_at,
        "last_used_at": one.last_used_at,
    }
