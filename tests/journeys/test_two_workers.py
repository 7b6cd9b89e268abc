"""Two worker processes on PostgreSQL, and twelve connections that all want the same thing at once.

RFC 6749 §4.1.2 (a code works once, and a second use ends what the first gave), RFC 9700 §4.14.2 (so does a
refresh token, unless its honest holder never heard the answer).
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import bindparam, func, select

from idp.db.grant import grants
from idp.db.refresh_token import refresh_tokens
from idp.db.statement import Statement
from idp.services.digest import digest
from tests.crowd import THREADS, together
from tests.journeys.live import Answer, Line, LiveServer, redemption, renewal

pytestmark = pytest.mark.postgresql

CLIENTS = [pytest.param("payslips", id="confidential"), pytest.param("app", id="public")]

_family = refresh_tokens.alias()
_LIVE_LEAVES = Statement(
    select(func.count())
    .select_from(refresh_tokens)
    .join(grants, refresh_tokens.c.grant_id == grants.c.id)
    .join(_family, refresh_tokens.c.grant_id == _family.c.grant_id)
    .where(_family.c.digest == bindparam("token"))
    .where(refresh_tokens.c.rotated_at.is_(None), grants.c.revoked_at.is_(None)),
    int,
)


@pytest.fixture(scope="module")
def server(server_on_postgresql: LiveServer) -> LiveServer:
    server_on_postgresql.site.add_client("app", secret=None, application_type="native")
    return server_on_postgresql


@pytest.fixture
def lines(server: LiveServer) -> Iterator[list[Line]]:
    """Six connections to each worker."""
    with ExitStack() as stack:
        opened = [stack.enter_context(line) for line in server.lines(THREADS)]
        assert len({line.worker for line in opened}) == 2
        yield opened


@pytest.mark.parametrize("client_id", CLIENTS)
def test_a_code_is_redeemed_once_and_coming_again_it_ends_what_it_gave(
    server: LiveServer, lines: list[Line], client_id: str
) -> None:
    with server.person() as person:
        code = person.code(client_id)

    answers = everywhere(lines, client_id, redemption(code))

    redeemed = [answer.body for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert len(redeemed) == 1
    assert {(answer.status, answer.body["error"]) for answer in refused} == {(400, "invalid_grant")}
    for line in lines[0], lines[-1]:
        assert not is_active(line, redeemed[0]["access_token"])
        assert not is_active(line, redeemed[0]["refresh_token"])
    assert is_refused(lines[0], client_id, redeemed[0]["refresh_token"])
    assert live_leaves(server, redeemed[0]["refresh_token"]) == 0


def test_a_confidential_client_that_repeats_itself_gets_the_same_child_every_time(
    server: LiveServer, lines: list[Line]
) -> None:
    parent = first_refresh_token(server, lines[0], "payslips")

    answers = everywhere(lines, "payslips", renewal(parent))

    assert [answer.status for answer in answers] == [200] * THREADS
    assert len({answer.body["refresh_token"] for answer in answers}) == 1
    assert live_leaves(server, parent) == 1
    # Every answer's access token is good: whichever the client keeps, it is signed in.
    assert all(is_active(lines[0], answer.body["access_token"]) for answer in answers)


def test_a_refresh_token_that_is_older_than_the_last_ends_the_family(
    server: LiveServer, lines: list[Line]
) -> None:
    parent = first_refresh_token(server, lines[0], "payslips")
    child = everywhere(lines, "payslips", renewal(parent))[0].body["refresh_token"]
    grandchild = lines[0].post("/token", "payslips", **renewal(child)).body

    assert is_refused(lines[-1], "payslips", parent)

    assert is_refused(lines[0], "payslips", grandchild["refresh_token"])
    assert not is_active(lines[0], grandchild["access_token"])
    assert live_leaves(server, parent) == 0


def test_a_public_client_succeeds_once_and_every_repetition_ends_the_family(
    server: LiveServer, lines: list[Line]
) -> None:
    parent = first_refresh_token(server, lines[0], "app")

    answers = everywhere(lines, "app", renewal(parent))

    assert sorted(answer.status for answer in answers) == [200] + [400] * (THREADS - 1)
    child = next(answer.body for answer in answers if answer.status == 200)
    assert is_refused(lines[-1], "app", child["refresh_token"])
    assert not is_active(lines[0], child["access_token"])
    assert live_leaves(server, parent) == 0


def test_a_public_client_s_later_reuse_ends_the_family(server: LiveServer, lines: list[Line]) -> None:
    parent = first_refresh_token(server, lines[0], "app")
    child = lines[0].post("/token", "app", **renewal(parent)).body
    assert live_leaves(server, parent) == 1

    assert is_refused(lines[-1], "app", parent)

    assert is_refused(lines[0], "app", child["refresh_token"])
    assert not is_active(lines[0], child["access_token"])


def everywhere(lines: list[Line], client_id: str, form: dict[str, str]) -> list[Answer]:
    """Send the same form over every connection at once."""
    waiting = iter(lines)
    return together(lambda: next(waiting).post("/token", client_id, **form))


def first_refresh_token(server: LiveServer, line: Line, client_id: str) -> str:
    with server.person() as person:
        code = person.code(client_id)
    token: str = line.post("/token", client_id, **redemption(code)).body["refresh_token"]
    return token


def is_refused(line: Line, client_id: str, refresh_token: str) -> bool:
    answer = line.post("/token", client_id, **renewal(refresh_token))
    return (answer.status, answer.body.get("error")) == (400, "invalid_grant")


def is_active(line: Line, token: str) -> bool:
    active: bool = line.post("/introspect", "payslips", token=token).body["active"]
    return active


def live_leaves(server: LiveServer, refresh_token: str) -> int | None:
    """How many tokens of this one's family could be used."""
    with server.database.read() as connection:
        return _LIVE_LEAVES.first(connection, token=digest(refresh_token))
