"""A link that is over before its letter leaves is not in it; where to ask for another one is."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.accounts.late_letter import as_of, ask_again

ISSUER = "https://id.example.nhs.uk"
UNTIL = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RESET = {"link": f"{ISSUER}/update-password?link=x", "until": "2026-11-23T08:00:00+00:00"}


@pytest.mark.parametrize(
    ("link", "again"),
    [
        ("/update-password?link=x", "/forgotten"),
        ("/update-password?link=x&request=a-handle", "/forgotten?request=a-handle"),
        ("/unlock-account?link=x&request=a-handle", "/unlock?request=a-handle"),
        ("/mfa/enrol?link=x", "/mfa/enrol"),
        ("/mfa/enrol?link=x&request=a-handle", "/mfa/enrol?request=a-handle"),
    ],
)
def test_another_link_is_asked_for_where_this_kind_is(link: str, again: str) -> None:
    assert ask_again(f"{ISSUER}{link}") == f"{ISSUER}{again}"


def test_a_letter_in_time_stays_as_it_is() -> None:
    values = {"name": "Jo", "accounts": [RESET, {"link": None, "until": None}], **RESET}
    assert as_of(values, UNTIL - SECOND) == values


def test_a_link_that_is_over_is_taken_out_and_no_other() -> None:
    live = {"link": f"{ISSUER}/update-password?link=y", "until": "2026-11-24T08:00:00+00:00"}
    none = {"link": None, "until": None}
    assert as_of({"name": "Jo", "accounts": [RESET, live, none]}, UNTIL) == {
        "name": "Jo",
        "accounts": [
            {"link": None, "until": "2026-11-23T08:00:00+00:00", "again": f"{ISSUER}/forgotten"},
            live,
            none,
        ],
    }


def test_what_has_a_time_and_no_link_stays_as_it_is() -> None:
    digest = {"since": "2026-11-23T07:00:00+00:00", "until": "2026-11-23T08:00:00+00:00", "misses": []}
    assert as_of(digest, UNTIL + SECOND) == digest
