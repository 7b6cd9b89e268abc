"""Signing keys: published before they sign, kept while their tokens live, gone at once when they must."""

import json
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client as Browser

from idp.db import Conflict, signing_key
from idp.db.signing_key import KeyStage
from idp.policy.lifetime import Lifetimes
from idp.protocol import jwt, keyring
from idp.protocol.keyring import KeyMissing, TooEarly
from idp.services.keys import SealBroken
from tests.crowd import together
from tests.site import ISSUER, SIGNED_OUT, Site

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
A_DAY = timedelta(hours=24)
MEMORY = timedelta(seconds=5)


def jwks(site: Site) -> list[dict[str, Any]]:
    response = Browser(site.flask).get("/jwks.json", base_url=ISSUER)
    assert (response.status_code, response.content_type) == (200, "application/json")
    keys: list[dict[str, Any]] = response.get_json()["keys"]
    return keys


def kids(site: Site, alg: str) -> set[str]:
    return {key["kid"] for key in jwks(site) if key["alg"] == alg}


def kid_of(token: str) -> str:
    header = jwt.header_of(token)
    assert header is not None
    kid: str = header["kid"]
    return kid


def at_stage(site: Site, alg: str, stage: KeyStage) -> str:
    with site.provider.database.read() as connection:
        (row,) = (row for row in signing_key.every(connection) if (row.alg, row.stage) == (alg, stage))
    return row.kid


def rotate(site: Site, alg: str, **how: bool) -> signing_key.SigningKey:
    """Also past the five seconds for which a node remembers the keys."""
    done = keyring.rotate(
        site.provider.database, site.provider.masters, alg, Lifetimes(), site.clock.now(), **how
    )
    assert isinstance(done, signing_key.SigningKey)
    site.clock.advance(MEMORY)
    return done


def test_the_set_holds_public_keys_alone(shared_site: Site) -> None:
    keys = jwks(shared_site)
    members = {
        "RS256": {"kty", "kid", "use", "alg", "n", "e"},
        "ES256": {"kty", "kid", "use", "alg", "crv", "x", "y"},
        "EdDSA": {"kty", "kid", "use", "alg", "crv", "x"},
    }
    for key in keys:
        assert key.keys() == members[key["alg"]]
        assert not key.keys() & PRIVATE
        assert key["use"] == "sig"
    assert sorted(key["alg"] for key in keys) == ["ES256", "ES256", "EdDSA", "EdDSA", "RS256", "RS256"]
    assert len({key["kid"] for key in keys}) == 6


def test_the_set_may_be_kept_for_ten_minutes(shared_site: Site) -> None:
    response = Browser(shared_site.flask).get("/jwks.json", base_url=ISSUER)
    assert response.headers["Cache-Control"] == "public, max-age=600"
    assert "Set-Cookie" not in response.headers


def test_private_keys_are_sealed_in_the_database(site: Site) -> None:
    with site.provider.database.read() as connection:
        rows = signing_key.every(connection)
    for row in rows:
        assert row.sealed is not None
        assert not row.public_jwk.keys() & PRIVATE
        opened = json.loads(site.provider.masters.open(row.sealed, b"signing_keys/" + row.kid.encode()))
        assert opened["d"].encode() not in row.sealed


def test_a_sealed_key_cannot_pass_for_another(site: Site) -> None:
    """Its id is authenticated with it: a row cannot be swapped under another id."""
    with site.provider.database.read() as connection:
        first, second, *_ = signing_key.every(connection)
    assert first.sealed is not None
    with pytest.raises(SealBroken):
        site.provider.masters.open(first.sealed, b"signing_keys/" + second.kid.encode())


def test_a_key_is_published_for_a_day_before_it_signs(site: Site) -> None:
    database, masters = site.provider.database, site.provider.masters
    now = site.clock.now()  # the keys of the tests were made on the first of the month
    announced = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert rotate(site, "ES256").kid == announced
    early = keyring.rotate(database, masters, "ES256", Lifetimes(), now + A_DAY - timedelta(seconds=1))
    following = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert early == TooEarly(following, now + A_DAY)
    site.clock.advance(A_DAY)
    assert rotate(site, "ES256").kid == following


def test_looking_first_changes_nothing(site: Site) -> None:
    before = jwks(site)
    announced = at_stage(site, "RS256", KeyStage.ANNOUNCED)
    assert rotate(site, "RS256", dry_run=True).kid == announced
    assert jwks(site) == before
    assert kid_of(site.tokens()["id_token"]) != announced


def test_tokens_of_the_old_key_are_good_until_they_end(site: Site) -> None:
    old_id, old_access = kids(site, "RS256"), kids(site, "ES256")
    before = site.tokens()
    rotate(site, "RS256")
    rotate(site, "ES256")
    after = site.tokens()
    assert kid_of(after["id_token"]) != kid_of(before["id_token"])
    assert kid_of(after["id_token"]) in old_id, "a relying party that read the set before knows the key"
    assert kid_of(after["access_token"]) in old_access
    for tokens in (before, after):
        assert site.userinfo(tokens["access_token"]).status_code == 200
        assert site.claims(tokens["id_token"])
    assert (len(kids(site, "RS256")), len(kids(site, "ES256"))) == (3, 3)


def test_a_day_after_its_last_token_a_key_is_gone(site: Site) -> None:
    retiring = at_stage(site, "ES256", KeyStage.ACTIVE)
    now = site.clock.now()
    rotate(site, "ES256")
    database = site.provider.database
    assert keyring.retire_finished(database, Lifetimes(), now + A_DAY - timedelta(seconds=1)) == []
    assert retiring in kids(site, "ES256")
    assert keyring.retire_finished(database, Lifetimes(), now + A_DAY) == [retiring]
    site.clock.advance(MEMORY)
    assert retiring not in kids(site, "ES256")
    with database.read() as connection:
        (row,) = (row for row in signing_key.every(connection) if row.kid == retiring)
    assert (row.stage, row.sealed) == (KeyStage.RETIRED, None)


def test_in_an_emergency_a_key_and_its_tokens_are_dead_after_five_seconds(site: Site) -> None:
    visitor = site.browser()
    tokens = site.tokens(visitor=visitor)
    assert site.userinfo(tokens["access_token"]).status_code == 200
    unsafe = kid_of(tokens["access_token"])
    for alg, kid in (("ES256", unsafe), ("RS256", kid_of(tokens["id_token"]))):
        keyring.rotate(
            site.provider.database,
            site.provider.masters,
            alg,
            Lifetimes(),
            site.clock.now(),
            at_once=True,
        )
        assert keyring.retire(site.provider.database, site.provider.masters, kid, site.clock.now())
    site.clock.advance(MEMORY)
    assert unsafe not in kids(site, "ES256")
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.post("/introspect", token=tokens["access_token"]).get_json() == {"active": False}
    response = visitor.get(
        f"/logout?id_token_hint={tokens['id_token']}&post_logout_redirect_uri={SIGNED_OUT}"
    )
    assert response.status_code != 303
    fresh = site.refresh(tokens["refresh_token"]).get_json()
    assert site.userinfo(fresh["access_token"]).status_code == 200
    assert kid_of(fresh["access_token"]) in kids(site, "ES256")


def test_an_emergency_does_not_wait_for_the_next_key_to_be_known(site: Site) -> None:
    rotate(site, "ES256")
    announced = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert rotate(site, "ES256", at_once=True).kid == announced
    assert kid_of(site.tokens()["access_token"]) == announced


def test_the_active_key_is_not_retired(site: Site) -> None:
    active = at_stage(site, "ES256", KeyStage.ACTIVE)
    with pytest.raises(Conflict, match="Run: idp key rotate --alg ES256 --at-once"):
        keyring.retire(site.provider.database, site.provider.masters, active, site.clock.now())
    assert active in kids(site, "ES256")


def test_retiring_an_unknown_key_says_so(site: Site) -> None:
    assert keyring.retire(site.provider.database, site.provider.masters, "unknown", site.clock.now()) is False


def test_an_announced_key_that_is_retired_has_a_successor(site: Site) -> None:
    announced = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert keyring.retire(site.provider.database, site.provider.masters, announced, site.clock.now())
    site.clock.advance(A_DAY)
    following = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert following != announced
    assert rotate(site, "ES256").kid == following
    assert kid_of(site.tokens()["access_token"]) == following


def test_a_key_that_retires_after_use_is_not_followed_again(site: Site) -> None:
    retiring = at_stage(site, "ES256", KeyStage.ACTIVE)
    rotate(site, "ES256")
    following = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert keyring.retire(site.provider.database, site.provider.masters, retiring, site.clock.now())
    assert at_stage(site, "ES256", KeyStage.ANNOUNCED) == following


def test_looking_before_retiring_changes_nothing(site: Site) -> None:
    announced = at_stage(site, "ES256", KeyStage.ANNOUNCED)
    assert keyring.retire(
        site.provider.database, site.provider.masters, announced, site.clock.now(), dry_run=True
    )
    site.clock.advance(MEMORY)
    assert announced in kids(site, "ES256")


def test_without_an_active_key_the_answer_is_later_and_the_log_names_the_remedy(site: Site) -> None:
    code = site.browser().sign_in_to()["code"]
    with site.provider.database.write() as connection:
        (row,) = (
            row for row in signing_key.every(connection) if (row.alg, row.stage) == ("ES256", KeyStage.ACTIVE)
        )
        signing_key.move(connection, row, KeyStage.RETIRED, site.clock.now())
    site.clock.advance(MEMORY)
    with pytest.raises(KeyMissing, match="Run: idp key rotate --alg ES256"):
        site.provider.keyring.signer("ES256")
    answer = site.redeem(code)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.get_json()["error"] == "temporarily_unavailable"


def test_of_twelve_who_rotate_at_once_one_does(site: Site) -> None:
    def attempt() -> str:
        try:
            done = keyring.rotate(
                site.provider.database, site.provider.masters, "EdDSA", Lifetimes(), site.clock.now()
            )
        except Conflict:
            return "conflict"
        return "too early" if isinstance(done, TooEarly) else "rotated"

    answers = together(attempt)
    assert answers.count("rotated") == 1
    with site.provider.database.read() as connection:
        stages = sorted(row.stage for row in signing_key.in_use(connection) if row.alg == "EdDSA")
    assert stages == ["active", "announced", "retiring"]


def test_making_keys_twice_makes_them_once(site: Site) -> None:
    assert keyring.make(site.provider.database, site.provider.masters, site.clock.now()) == []


@pytest.mark.parametrize("kid", ["", None, 7, ["x"], "../../etc/passwd", "' OR 1=1 --", "k" * 10_000])
def test_a_strange_kid_finds_no_key(shared_site: Site, kid: object) -> None:
    assert shared_site.provider.keyring.verifier(kid) is None
