"""The list that the stand-in for a card authority publishes is one the provider believes."""

from datetime import timedelta
from pathlib import Path

from card_authority import Authority

from idp.services import crl
from idp.services.crl import RevocationList
from tests import certificates
from tests.certificates import NOW, Card


def test_its_list_is_believed_names_what_is_revoked_and_follows_the_one_before(tmp_path: Path) -> None:
    issuer = certificates.Authority.root()
    lost, kept = issuer.card("210987654321"), issuer.card()
    ca, key, card = (tmp_path / name for name in ("ca.pem", "ca.key", "lost.pem"))
    ca.write_bytes(issuer.pem)
    key.write_bytes(Card(issuer.certificate, issuer.key).key_pem)
    card.write_bytes(lost.pem)
    published = Authority(ca, key, [card])

    first = crl.read(published.revocation_list(NOW), issuer.der, NOW)
    assert isinstance(first, RevocationList)
    assert first.is_revoked(lost.certificate.serial_number)
    assert not first.is_revoked(kept.certificate.serial_number)
    assert first.next_update == NOW + timedelta(days=7)

    later = NOW + timedelta(minutes=10)
    second = crl.read(published.revocation_list(later), issuer.der, later)
    assert isinstance(second, RevocationList)
    assert crl.replaces(second, first.number, first.this_update)
    assert not crl.replaces(first, second.number, second.this_update)
