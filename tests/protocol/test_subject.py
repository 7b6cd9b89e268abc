"""Who a person is to one client (OpenID Connect Core §8)."""

from uuid import UUID

from idp.policy.client_metadata import ClientMetadata, SubjectType
from idp.protocol.subject import subject
from tests.site import Site

ACCOUNT = UUID("20000000-0000-4000-8000-000000000001")
ROTA = "https://rota.example.nhs.uk/callback"
LEARNING = "https://learning.example.nhs.uk/callback"


def sub_for(site: Site, client_id: str, redirect_uris: list[str], **registered: object) -> str:
    site.add_client(client_id, "a-secret", redirect_uris=redirect_uris, **registered)
    tokens = site.tokens(client_id, redirect_uri=redirect_uris[0])
    sub: str = site.claims(tokens["id_token"])["sub"]
    assert site.claims(tokens["access_token"])["sub"] == sub
    assert site.userinfo(tokens["access_token"]).get_json()["sub"] == sub
    assert site.post("/introspect", client_id, token=tokens["refresh_token"]).get_json()["sub"] == sub
    return sub


def test_a_public_subject_is_the_accounts_and_the_same_everywhere(site: Site) -> None:
    made = site.add_account("918AJONES01")
    tokens = [
        site.redeem(site.browser().sign_in_to(username="918AJONES01")["code"]).get_json() for _ in range(2)
    ]
    assert {site.claims(each["id_token"])["sub"] for each in tokens} == {str(made.id)}
    assert sub_for(site, "rota", redirect_uris=[ROTA]) != str(made.id)


def test_pairwise_subjects_are_equal_in_one_sector_and_differ_between_sectors(site: Site) -> None:
    plain = site.claims(site.tokens()["id_token"])["sub"]
    rota = sub_for(site, "rota", redirect_uris=[ROTA], subject_type="pairwise")
    again = sub_for(site, "rota-2", redirect_uris=[f"{ROTA}2"], subject_type="pairwise")
    learning = sub_for(site, "learning", redirect_uris=[LEARNING], subject_type="pairwise")
    joined = sub_for(
        site,
        "both",
        redirect_uris=[LEARNING, ROTA],
        subject_type="pairwise",
        sector_identifier_uri="https://rota.example.nhs.uk/sector.json",
    )
    assert rota == again == joined
    assert len({plain, rota, learning}) == 3
    assert [len(each) for each in (rota, learning)] == [43, 43]


def test_two_accounts_of_one_sector_differ(site: Site) -> None:
    site.add_account("918AJONES01")
    site.add_client("rota", redirect_uris=[ROTA], subject_type="pairwise")
    codes = [
        site.browser().sign_in_to("rota", username, redirect_uri=ROTA)["code"]
        for username in ("918JSMITH01", "918AJONES01")
    ]
    answers = [site.redeem(code, "rota", redirect_uri=ROTA).get_json() for code in codes]
    assert len({site.claims(answer["id_token"])["sub"] for answer in answers}) == 2


def test_a_pairwise_hint_is_understood(site: Site) -> None:
    site.add_client("rota", redirect_uris=[ROTA], subject_type="pairwise")
    visitor = site.browser()
    hint = site.tokens("rota", visitor, redirect_uri=ROTA)["id_token"]
    response = visitor.authorize("rota", redirect_uri=ROTA, prompt="none", id_token_hint=hint)
    assert response.location.startswith(f"{ROTA}?code=")


def test_another_key_gives_other_subjects() -> None:
    pairwise = ClientMetadata("Rota", (ROTA,), subject_type=SubjectType.PAIRWISE)
    assert subject(b"a" * 32, pairwise, ACCOUNT) != subject(b"b" * 32, pairwise, ACCOUNT)
    # HMAC-SHA-256 over 0x0013 || "rota.example.nhs.uk" || the 16 bytes of the UUID, made with openssl dgst.
    assert subject(b"a" * 32, pairwise, ACCOUNT) == "OEBnQhvXz3SdBit9vVmNhD43kyCyzNWvcUjszCCyJ9E"
