from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from idp.policy.lifetime import Lifetimes

SECONDS = {
    "code": 60,
    "transaction": 1800,
    "id_token": 300,
    "access_token": 300,
    "refresh_idle": 1800,
    "refresh_absolute": 43200,
    "refresh_retry": 10,
    "offline_idle": 1209600,
    "offline_absolute": 7776000,
    "session_idle": 1800,
    "session_absolute": 43200,
    "due_session_idle": 600,
    "session_idle_aal3": 900,
    "client_assertion": 60,
    "client_assertion_leeway": 30,
    "jwks_max_age": 600,
    "key_announce": 86400,
    "key_retiring": 86400,
    "known_device": 15552000,
    "trusted_device": 2592000,
    "freshness": 300,
    "reset_link": 3600,
    "unlock_link": 3600,
    "activation_link": 86400,
    "enrol_link": 3600,
    "recovery_request": 3600,
}


def test_the_defaults_are_these_seconds() -> None:
    assert {name: value.total_seconds() for name, value in asdict(Lifetimes()).items()} == SECONDS


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("code", timedelta(0), "code must be longer"),
        ("session_idle", timedelta(hours=13), "session_idle must not exceed session_absolute"),
        ("key_announce", timedelta(minutes=5), "key_announce must not be shorter than jwks_max_age"),
        ("key_retiring", timedelta(minutes=4), "key_retiring must not be shorter than id_token"),
    ],
)
def test_lifetimes_that_contradict_are_refused(name: str, value: timedelta, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Lifetimes(), **{name: value})
