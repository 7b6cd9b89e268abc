"""Operators say whose cards are believed and linked, see how lists stand, and what is wrong with a card."""

from datetime import timedelta
from pathlib import Path

import pytest

from idp.db import Database
from tests.accounts.cards import CA, answering
from tests.builders import add_account, an_account
from tests.certificates import NOW, Authority, Card
from tests.cli.conftest import Operator

pytestmark = pytest.mark.usefixtures("_logging_as_before")

DAY = timedelta(days=1)
LIST = "http://crl.example/cards.crl"


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(CA.pem)
    return path


@pytest.fixture
def _sian(database: Database) -> None:
    with database.write() as connection:
        add_account(connection, an_account(NOW))


def file_of(tmp_path: Path, card: Card, name: str = "card.pem") -> Path:
    path = tmp_path / name
    path.write_bytes(card.pem)
    return path


class TestAuthorities:
    def test_are_added_and_listed(self, idp: Operator, ca_file: Path) -> None:
        said = idp.does("ca", "add", ca_file, "--name", "Card CA", "--crl-url", LIST)
        assert said.startswith("Card CA is believed. SHA-256 of its certificate: ")

        (listed,) = idp.json("ca", "list")
        assert (listed["name"], listed["crl_url"], listed["crl_number"]) == ("Card CA", LIST, None)
        assert "believed" in idp.does("ca", "list")

    def test_whose_revocations_nobody_tells_are_warned_of(self, idp: Operator, ca_file: Path) -> None:
        assert "none is accepted" in idp.does("ca", "add", ca_file, "--name", "Card CA")

    def test_are_not_added_by_a_dry_run(self, idp: Operator, ca_file: Path) -> None:
        assert "Dry run" in idp.does("ca", "add", ca_file, "--name", "Card CA", "--dry-run")
        assert idp.json("ca", "list") == []

    def test_that_are_none_are_refused(self, idp: Operator, tmp_path: Path, ca_file: Path) -> None:
        card = file_of(tmp_path, CA.card())
        assert "not for this use" in idp.refused("ca", "add", card, "--name", "Card CA")
        large = tmp_path / "large"
        large.write_bytes(bytes(1_000_000))
        assert "no certificate" in idp.refused("ca", "add", large, "--name", "Card CA")
        assert "not an http" in idp.refused("ca", "add", ca_file, "--name", "x", "--crl-url", "ldap://x/")

    def test_are_disabled_enabled_and_moved(self, idp: Operator, ca_file: Path) -> None:
        idp.does("ca", "add", ca_file, "--name", "Card CA")
        assert idp.does("ca", "disable", "Card CA") == "Card CA is disabled.\n"
        assert idp.does("ca", "disable", "Card CA") == "Card CA was disabled already.\n"
        assert idp.does("ca", "enable", "Card CA") == "Card CA is believed.\n"
        idp.does("ca", "move", "Card CA", "--crl-url", LIST)
        assert idp.json("ca", "list")[0]["crl_url"] == LIST
        assert "is not an http" in idp.refused("ca", "move", "Card CA", "--crl-url", "file:///x")
        assert "Run: idp ca list" in idp.refused("ca", "disable", "Another")


class TestLists:
    def test_are_fetched_and_shown(self, idp: Operator, ca_file: Path) -> None:
        with answering(lambda _: CA.crl(number=7)) as host:
            idp.does("ca", "add", ca_file, "--name", "Card CA", "--crl-url", host.url)
            assert idp.does("crl", "fetch") == (
                "Card CA: list 7, which is valid until 2026-11-24 07:00:00 UTC.\n"
            )
            assert idp.json("crl", "fetch", "--ca", "Card CA") == [
                {"authority": "Card CA", "fetched": True, "number": "7"}
            ]
        (shown,) = idp.json("crl", "show")
        assert (shown["number"], shown["last_error"]) == ("7", None)

    def test_that_do_not_come_are_told_and_the_last_stays(self, idp: Operator, ca_file: Path) -> None:
        content = [CA.crl(number=7)]
        with answering(lambda _: content[0]) as host:
            idp.does("ca", "add", ca_file, "--name", "Card CA", "--crl-url", host.url)
            idp.does("crl", "fetch")
            content[0] = CA.crl(number=6)
            result = idp("crl", "fetch")
            assert result.exit_code == 1
            assert "it is older than the list we have" in result.stdout
            assert idp.json("crl", "show")[0]["number"] == "7"
            idp.does("crl", "fetch", "--accept-older")
            assert idp.json("crl", "show")[0]["number"] == "6"

    def test_without_an_address_are_none(self, idp: Operator) -> None:
        assert idp.does("crl", "fetch") == "No authority has an address of a list. Run: idp ca move\n"
        assert "Run: idp ca list" in idp.refused("crl", "fetch", "--ca", "Another")

    def test_are_fetched_by_the_worker(self, idp: Operator, ca_file: Path) -> None:
        with answering(lambda _: CA.crl(number=7)) as host:
            idp.does("ca", "add", ca_file, "--name", "Card CA", "--crl-url", host.url)
            assert idp.json("worker", "--once")["results"]["fetch_crls"] == {"fetched": 1}
            assert idp.json("worker", "--once")["results"]["fetch_crls"] == {}
            idp.clock.advance(timedelta(minutes=10))
            host.is_down = True
            assert idp.json("worker", "--once")["results"]["fetch_crls"] == {"failed": 1}
        assert idp.json("crl", "show")[0]["last_error"] == "it answers with status 503"


@pytest.mark.usefixtures("_sian")
class TestCards:
    def test_are_linked_by_number_and_listed(self, idp: Operator) -> None:
        said = idp.does("card", "link", "--account", "123sodowd01", "--card-number", "123456789012")
        assert said == "Card 123456789012 opens 123SODOWD01.\n"
        (listed,) = idp.json("card", "list", "--account", "123SODOWD01")
        assert (listed["card"], listed["username"]) == ("123456789012", "123SODOWD01")
        assert idp.json("card", "list") == [listed]

    def test_are_linked_by_their_certificate(self, idp: Operator, ca_file: Path, tmp_path: Path) -> None:
        idp.does("ca", "add", ca_file, "--name", "Card CA")
        with_number, without = file_of(tmp_path, CA.card()), file_of(tmp_path, CA.card(None, serial=31), "x")
        for certificate in (with_number, without):
            idp.does("card", "link", "--account", "123SODOWD01", "--certificate", certificate)
        assert {each["card"] for each in idp.json("card", "list")} == {"123456789012", "serial 1f"}

    def test_are_not_linked_when_something_is_wrong(
        self, idp: Operator, ca_file: Path, tmp_path: Path
    ) -> None:
        link = ("card", "link", "--account", "123SODOWD01")
        idp.does("ca", "add", ca_file, "--name", "Card CA")
        foreign = file_of(tmp_path, Authority.root("Another CA").card())
        assert "No authority" in idp.refused(*link, "--certificate", foreign)
        assert "twelve digits" in idp.refused(*link, "--card-number", "1234")
        assert "There is no account" in idp.refused(
            "card", "link", "--account", "123NOBODY01", "--card-number", "123456789012"
        )
        assert idp(*link).exit_code == 2
        assert idp(*link, "--card-number", "123456789012", "--certificate", foreign).exit_code == 2
        idp.does(*link, "--card-number", "123456789012")
        assert "linked already" in idp.refused(*link, "--card-number", "123456789012")

    def test_are_released(self, idp: Operator) -> None:
        for number in ("123456789012", "210987654321", "999999999999"):
            idp.does("card", "link", "--account", "123SODOWD01", "--card-number", number)
        said = idp.does("card", "unlink", "--card-number", "123456789012", "--dry-run")
        assert "Dry run" in said
        said = idp.does("card", "unlink", "--card-number", "123456789012")
        assert said == "Card 123456789012 opens 123SODOWD01 no more.\n"
        assert "No such card" in idp.refused("card", "unlink", "--card-number", "123456789012")
        assert len(idp.json("card", "unlink", "--account", "123SODOWD01")["unlinked"]) == 2
        assert idp.json("card", "list") == []
        assert idp("card", "unlink").exit_code == 2

    def test_are_checked(self, idp: Operator, ca_file: Path, tmp_path: Path) -> None:
        lost, kept = CA.card("210987654321"), CA.card()
        with answering(lambda _: CA.crl([lost], number=7)) as host:
            idp.does("ca", "add", ca_file, "--name", "Card CA", "--crl-url", host.url)
            idp.does("crl", "fetch")
        assert idp.json("card", "check", file_of(tmp_path, kept), exit_code=1)["problem"] == "unknown_card"
        idp.does("card", "link", "--account", "123SODOWD01", "--card-number", "123456789012")

        assert idp.json("card", "check", file_of(tmp_path, kept)) == {
            "signs_in": True,
            "problem": None,
            "issuer": "Card CA",
            "card_number": "123456789012",
            "not_before": "2026-11-22T07:00:00+00:00",
            "not_after": "2027-11-22T07:00:00+00:00",
            "may_sign_in": True,
            "authority": "Card CA",
            "revocation": "good",
            "crl_number": "7",
            "username": "123SODOWD01",
        }
        assert idp.json("card", "check", file_of(tmp_path, lost), exit_code=1)["problem"] == "revoked"
        assert "no certificate" in idp.refused("card", "check", Path(__file__))
