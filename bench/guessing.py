"""Time a wrong password for every kind of username: no kind may answer faster.

A known, an unknown, a throttled and a disabled username take turns, each try from a new browser; only the
POST of the password counts. The known one signs in after every fourth failure, so that it is never
throttled itself.
"""

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bench.browser import Browser
from bench.drive import Flow, Unexpected, once
from bench.message import Response
from bench.operations import sign_in
from bench.target import Target

TRIES: Final = 50
_WRONG: Final = "not the password of anyone 7"
_TRIES_TO_THROTTLE: Final = 8
_FAILURES_IN_A_ROW: Final = 4
_SERVER_ERROR: Final = 500
_NOBODY: Final = "999ZNOBODY01"


def medians(target: Target, disable: Callable[[str], None]) -> dict[str, float]:
    """The median milliseconds of TRIES wrong passwords for each kind; spends the target's last two people.

    `disable` disables the account of a username.
    """
    known, throttled, disabled = (
        _browser(target, person) for person in (target.people[0], *target.people[-2:])
    )
    disable(disabled.username)
    for _ in range(_TRIES_TO_THROTTLE):
        _guess(target, throttled)
    kinds = {
        "known": known,
        "unknown": replace(known, username=_NOBODY),
        "throttled": throttled,
        "disabled": disabled,
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(TRIES):
        if number % _FAILURES_IN_A_ROW == 0:
            once(target.address, sign_in(target, replace(known, cookies={})))
        for kind, browser in kinds.items():
            times[kind].append(_guess(target, browser))
    return {kind: statistics.median(each) * 1000 for kind, each in times.items()}


def _browser(target: Target, person: tuple[str, str | None]) -> Browser:
    return Browser(target.origin, *person)


def _guess(target: Target, person: Browser) -> float:
    browser = replace(person, cookies={})
    shown: list[tuple[str, Response]] = []

    def open_page() -> Flow:
        shown.append((yield from browser.visit(target.origin + target.authorize({}))))

    once(target.address, open_page())
    action, hidden = browser.form(*shown[0])
    fields = {**hidden, "username": browser.username, "password": _WRONG}

    def submit() -> Flow:
        response = yield browser.filled(action, fields)
        if response.status >= _SERVER_ERROR or response.location.startswith(target.client.redirect_uri):
            raise Unexpected("a refusal", response)

    return once(target.address, submit())
