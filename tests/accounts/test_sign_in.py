"""Signing in: who is let in, and that everybody else gets the same answer for the same work."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from idp.accounts import browser_session
from idp.accounts.entry import Entered, Visit
from idp.accounts.sign_in import Credentials, Failed, SignIn
from idp.db import account, attempt, audit, password_history, rate
from idp.db.account import AccountState
from idp.services.hashing import Busy, Hasher, HashParameters, Verified
from tests.observed import statements
from tests.site import PASSWORD, Site

WRONG = "Wrong.Horse.Lamp19"


def credentials(site: Site, username: str = "918JSMITH01", password: str = PASSWORD) -> Credentials:
    return Credentials(
        username=username,
        password=password,
        visit=Visit(
            address="192.0.2.7",
            user_agent="a browser",
            known_device=None,
            trusted_device=None,
            current=None,
            request_digest=None,
            is_trusted_network=False,
            reference=site.provider.randomness.reference(),
        ),
        limits=site.provider.limits,
    )


def logged(site: Site, account_id: UUID) -> list[tuple[str, object]]:
    with site.provider.database.read() as connection:
        events = audit.of_account(connection, account_id, 10)
    return [(event.outcome, (event.detail or {}).get("cause")) for event in events]


def account_id(site: Site, username: str = "918JSMITH01") -> UUID:
    with site.provider.database.read() as connection:
        found = account.find(connection, username)
    assert found is not None
    return found.id


def test_the_right_password_opens_a_session(site: Site) -> None:
    answer = site.provider.sign_in.with_password(credentials(site))
    assert isinstance(answer, Entered)
    assert logged(site, account_id(site)) == [("success", None)]
    with site.provider.database.read() as connection:
        found = account.find(connection, "918JSMITH01")
    assert found is not None
    assert found.last_sign_in_at == site.clock.now()


@pytest.mark.parametrize("typed", ["918jsmith01", "  918JSMITH01\t", "\uff19\uff11\uff18JSMITH01"])
def test_a_username_is_found_however_it_is_typed(site: Site, typed: str) -> None:
    assert isinstance(site.provider.sign_in.with_password(credentials(site, typed)), Entered)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(WRONG, id="another"),
        pytest.param(PASSWORD.lower(), id="other case"),
        pytest.param(f" {PASSWORD}", id="never trimmed"),
        pytest.param(PASSWORD[:-1], id="shorter"),
        pytest.param("x" * 1100, id="1,100 bytes"),
        pytest.param("\u0301" * 60_000, id="sixty thousand accents"),
        pytest.param(f"{PASSWORD}\0", id="NUL"),
        pytest.param("\ud800", id="half a character"),
        pytest.param("", id="empty"),
    ],
)
def test_any_other_password_fails_after_one_hash(site: Site, password: str) -> None:
    before = site.provider.sign_in.hasher.verifications
    answer = site.provider.sign_in.with_password(credentials(site, password=password))
    assert answer == Failed()
    assert site.provider.sign_in.hasher.verifications - before == 1


@pytest.mark.parametrize("typed", ["\ud800", "\0", "x" * 60_000, "'; DROP TABLE accounts;--", "918%", ""])
def test_a_name_that_nobody_can_have_fails_like_any_other(site: Site, typed: str) -> None:
    assert site.provider.sign_in.with_password(credentials(site, typed)) == Failed()


def test_a_password_typed_in_another_form_of_unicode_is_the_same(site: Site) -> None:
    hashed = site.provider.sign_in.hasher.hash("Ysbyty-Gŵyr-Caffè-Glân")
    with site.provider.database.write() as connection:
        before = account.get(connection, account_id(site))
        assert account.set_password(connection, before, hashed, site.clock.now())
    decomposed = "Ysbyty-Gw\u0302yr-Caffe\u0300-Gla\u0302n"
    assert isinstance(site.provider.sign_in.with_password(credentials(site, password=decomposed)), Entered)


@dataclass(frozen=True)
class Case:
    """A guess that opens nothing, and what the audit log says of it."""

    username: str
    password: str
    prepare: Callable[[Site], object]
    cause: str


def nothing(_site: Site) -> None:
    pass


def an_account(**made: object) -> Callable[[Site], object]:
    return lambda site: site.add_account("918JDOE01", **made)  # type: ignore[arg-type]  # of every kind


def throttled(site: Site) -> None:
    site.add_account("918JDOE01")
    for _ in range(6):
        site.provider.sign_in.with_password(credentials(site, "918JDOE01", WRONG))


CASES = [
    pytest.param(Case("918NOBODY01", PASSWORD, nothing, "unknown_username"), id="unknown"),
    pytest.param(Case("not a username", PASSWORD, nothing, "unknown_username"), id="impossible"),
    pytest.param(Case("918JSMITH01", WRONG, nothing, "wrong_password"), id="wrong"),
    pytest.param(Case("918JDOE01", WRONG, throttled, "throttled"), id="throttled"),
    pytest.param(Case("918JDOE01", PASSWORD, throttled, "throttled"), id="throttled, right password"),
    *(
        pytest.param(Case("918JDOE01", password, an_account(state=state), state.value), id=f"{state}{right}")
        for state in (AccountState.DISABLED, AccountState.LEAVER, AccountState.INACTIVE, AccountState.PENDING)
        for password, right in ((WRONG, ""), (PASSWORD, ", right password"))
    ),
    pytest.param(
        Case("918JDOE01", PASSWORD, an_account(ends_on=date(2026, 11, 22)), "employment_ended"),
        id="left yesterday, right password",
    ),
]


@pytest.mark.parametrize("case", CASES)
def test_every_failure_costs_one_hash_and_the_same_statements(site: Site, case: Case) -> None:
    sign_in = site.provider.sign_in
    case.prepare(site)
    with statements() as of_a_wrong_password:
        sign_in.with_password(credentials(site, password=WRONG))
    before = sign_in.hasher.verifications
    tried = credentials(site, case.username, case.password)
    with statements() as seen:
        assert sign_in.with_password(tried) == Failed()
    assert sign_in.hasher.verifications - before == 1
    assert seen == of_a_wrong_password
    assert len(seen) == 10
    with site.provider.database.read() as connection:
        (event,) = audit.by_reference(connection, tried.visit.reference)
    assert (event.outcome, event.detail) == ("failed", {"cause": case.cause})


def test_a_password_that_is_due_for_change_opens_a_session_that_is_not_live(site: Site) -> None:
    joan = site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    answer = site.provider.sign_in.with_password(credentials(site, "918JDOE01"))
    assert isinstance(answer, Entered)
    now = site.clock.now()
    with site.provider.database.read() as connection:
        assert browser_session.find(connection, answer.session.secret, now) is None
        due = browser_session.find_due(connection, answer.session.secret, now)
        assert account.get(connection, joan.id).last_sign_in_at == now
    assert due is not None
    assert (due.sid, due.account_id, due.acr) == (answer.session.sid, joan.id, "password_due")
    assert logged(site, joan.id) == [("password_change_due", None)]
    assert site.provider.sign_in.known_devices.knows(answer.known_device, joan.person_id, now)


def test_a_password_that_is_due_for_change_frees_the_throttle(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    for _ in range(3):
        for _ in range(5):
            assert site.provider.sign_in.with_password(credentials(site, "918JDOE01", WRONG)) == Failed()
        assert isinstance(site.provider.sign_in.with_password(credentials(site, "918JDOE01")), Entered)


def test_the_session_of_a_due_password_is_kept_when_its_person_signs_in_again(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD)
    first = site.provider.sign_in.with_password(credentials(site, "918JDOE01"))
    assert isinstance(first, Entered)
    with site.provider.database.read() as connection:
        current = browser_session.find_unended(connection, first.session.secret)
    wanted = credentials(site, "918JDOE01")
    again = replace(wanted, visit=replace(wanted.visit, current=current))
    second = site.provider.sign_in.with_password(again)
    assert isinstance(second, Entered)
    assert second.session.sid == first.session.sid
    assert second.session.secret != first.session.secret


def test_a_due_password_whose_employment_ended_opens_nothing(site: Site) -> None:
    yesterday = date(2026, 11, 22)
    site.add_account("918JDOE01", state=AccountState.MUST_CHANGE_PASSWORD, ends_on=yesterday)
    assert site.provider.sign_in.with_password(credentials(site, "918JDOE01")) == Failed()


def test_a_success_starts_the_count_afresh(site: Site) -> None:
    for _ in range(3):
        for _ in range(5):
            assert site.provider.sign_in.with_password(credentials(site, password=WRONG)) == Failed()
        assert isinstance(site.provider.sign_in.with_password(credentials(site)), Entered)


def test_a_success_at_one_account_frees_the_other_of_the_same_person(site: Site) -> None:
    first = site.add_account("918JDOE01")
    site.add_account("432JDOE01", person_id=first.person_id)
    for _ in range(5):
        site.provider.sign_in.with_password(credentials(site, "432JDOE01", WRONG))
    assert isinstance(site.provider.sign_in.with_password(credentials(site, "918JDOE01")), Entered)
    for _ in range(5):
        site.provider.sign_in.with_password(credentials(site, "432JDOE01", WRONG))
    assert isinstance(site.provider.sign_in.with_password(credentials(site, "432JDOE01")), Entered)


def stronger(site: Site) -> SignIn:
    """The same service after its operator asked for costlier hashes."""
    hasher = Hasher(site.provider.masters.pepper, HashParameters(memory=32 * 1024, passes=2))
    return replace(site.provider.sign_in, hasher=hasher)


def stored_hash(site: Site, username: str = "918JSMITH01") -> str:
    with site.provider.database.read() as connection:
        found = account.find(connection, username)
    assert found is not None
    return found.password_hash or ""


def test_a_sign_in_renews_a_hash_of_older_parameters(site: Site) -> None:
    assert "m=64," in stored_hash(site)
    assert isinstance(stronger(site).with_password(credentials(site)), Entered)
    assert "m=32768" in stored_hash(site)
    assert isinstance(stronger(site).with_password(credentials(site)), Entered)


def test_a_renewed_hash_is_remembered_as_the_same_password(site: Site) -> None:
    with site.provider.database.write() as connection:
        jane = account_id(site)
        for hour, phc in ((1, stored_hash(site)), (0, "$older")):
            at = site.clock.now() - timedelta(days=1) + timedelta(hours=hour)
            password_history.add(connection, site.provider.randomness.uuid(), jane, phc, at)
    assert isinstance(stronger(site).with_password(credentials(site)), Entered)
    with site.provider.database.read() as connection:
        assert password_history.recent(connection, jane, 4) == [stored_hash(site), "$older"]


def test_no_hash_is_renewed_for_an_account_that_is_closed(site: Site) -> None:
    site.add_account("918JDOE01", state=AccountState.DISABLED)
    with statements() as seen:
        assert stronger(site).with_password(credentials(site, "918JDOE01")) == Failed()
    assert len(seen) == 10
    assert "m=64," in stored_hash(site, "918JDOE01")


class Queue(Hasher):
    """A hash queue in which something happens while one waits for one's turn."""

    def __init__(self, pepper: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(pepper)
        self.meanwhile = meanwhile

    def check(self, pool: Any, password: str, phc: str | None) -> Verified:  # noqa: ANN401 - private to its parent
        self.meanwhile()
        return super().check(pool, password, phc)


def while_it_waits(site: Site, meanwhile: Callable[[], object]) -> SignIn:
    return replace(site.provider.sign_in, hasher=Queue(site.provider.masters.pepper, meanwhile))


def test_an_account_that_is_disabled_while_its_password_is_checked_stays_out(site: Site) -> None:
    def disable() -> None:
        with site.provider.database.write() as connection:
            account.set_state(connection, account_id(site), AccountState.ACTIVE, AccountState.DISABLED)

    assert while_it_waits(site, disable).with_password(credentials(site)) == Failed()
    assert logged(site, account_id(site)) == [("failed", "changed_meanwhile")]


def test_a_password_that_is_replaced_while_it_is_checked_opens_nothing(site: Site) -> None:
    later = site.clock.now() + timedelta(seconds=1)

    def replace_it() -> None:
        with site.provider.database.write() as connection:
            account.set_password(connection, account.get(connection, account_id(site)), "$another", later)

    assert while_it_waits(site, replace_it).with_password(credentials(site)) == Failed()


def test_no_transaction_is_open_while_a_password_is_hashed(site: Site) -> None:
    heard = []

    def write() -> None:
        with site.provider.database.write() as connection:
            heard.append(attempt.of_key(connection, site.provider.sign_in.attempts.of_name("918NOBODY01")))

    while_it_waits(site, write).with_password(credentials(site, "918NOBODY01"))
    (of_name,) = heard
    assert [row.n for row in of_name] == [1], "the guess is counted and committed before it is checked"


def test_who_finds_the_queue_full_has_not_tried(site: Site) -> None:
    hasher = Hasher(site.provider.masters.pepper, threads=1, queue=1)
    sign_in = replace(site.provider.sign_in, hasher=hasher)
    with hasher.place(), hasher.place():
        for _ in range(6):
            with pytest.raises(Busy):
                sign_in.with_password(credentials(site))
    assert isinstance(sign_in.with_password(credentials(site)), Entered)


def test_a_corrected_typing_error_is_no_spraying(site: Site) -> None:
    address = site.provider.sign_in.attempts.of_address(credentials(site).visit.address)
    since = site.clock.now() - timedelta(minutes=10)

    def names() -> int:
        with site.provider.database.read() as connection:
            return rate.names_failed(connection, address, since)

    site.provider.sign_in.with_password(replace(credentials(site), password="Tin.Horse.Lamp18"))
    assert names() == 1
    site.provider.sign_in.with_password(credentials(site))
    assert names() == 0
