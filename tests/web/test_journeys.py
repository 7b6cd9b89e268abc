"""Journeys to an assurance, one a row: what is asked for, what is missing, and what the ID Token then says.

OpenID Connect Core §3.1.2.1 and §5.5.1.1, RFC 9470. Each is asked silently first: what cannot be done without
a page is the right error, and nothing is claimed that was not done.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.policy.assurance import Factor
from tests import enrolled
from tests.site import Site, received
from tests.web.assured import Person, at, essential, page_of

PASSWORD, TOTP, CODE = Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE
PASSKEY, KEY = Factor.PASSKEY, Factor.SECURITY_KEY
CARD, OLD_CARD, CARE = Factor.SMARTCARD, Factor.UNCONFIRMED_SMARTCARD, Factor.CARE_IDENTITY
ENROL = "an app is set up"

ENROLLED = {TOTP: enrolled.app, KEY: enrolled.security_key, CARD: enrolled.smartcard}

LOGIN, MFA, SET_UP = "/login", "/mfa", "/mfa/enrol"
BY_PASSWORD, BY_APP, BY_KEY, BY_CARD = (LOGIN, PASSWORD), (MFA, TOTP), (MFA, KEY), (LOGIN, CARD)

NO_LOGIN, NO_PAGE, UNMET = "login_required", "interaction_required", "unmet_authentication_requirements"

AAL1 = ("AAL1_USERPASS", ["pwd"])
AAL2 = ("AAL2_TOTP", ["pwd", "otp", "mfa"])
AAL3 = ("AAL3_SMARTCARD", ["sc", "pin", "mfa"])


@dataclass(frozen=True, slots=True)
class Journey:
    """A journey of somebody who `begun` a session with these factors ten minutes ago, or has none.

    `has` is what she could prove beside her password. `silent` is the error, or the assurance, that
    prompt=none gets. Then each page, and what is done there; then the error, or acr and amr, and the age of
    the sign-in.
    """

    name: str
    asked: dict[str, str]
    silent: str | None
    steps: list[tuple[str, Factor | str]]
    ends: str | tuple[str, list[str]]
    begun: tuple[Factor, ...] = ()
    has: tuple[Factor, ...] = ()
    age: int = 0
    client: dict[str, Any] = field(default_factory=dict)


JOURNEYS = [
    Journey("nothing is asked for", {}, NO_LOGIN, [BY_PASSWORD], AAL1),
    Journey(
        "nothing is asked for, and there is an app", {}, NO_LOGIN, [BY_PASSWORD, BY_APP], AAL2, has=(TOTP,)
    ),
    Journey("a card asks for nothing more", {}, NO_LOGIN, [BY_CARD], AAL3, has=(TOTP,)),
    # Required of who is not signed in.
    Journey(
        "an app is required, and set up",
        {"claims": essential("AAL2_TOTP")},
        NO_LOGIN,
        [BY_PASSWORD, (SET_UP, ENROL), BY_APP],
        AAL2,
    ),
    Journey("a card is required", {"claims": essential("AAL3_SMARTCARD")}, NO_LOGIN, [BY_CARD], AAL3),
    Journey(
        "a card is required, and there is a password",
        {"claims": essential("AAL3_SMARTCARD")},
        NO_LOGIN,
        [BY_PASSWORD],
        UNMET,
    ),
    Journey(
        "level 3 is required, and the list of revoked cards is old",
        {"claims": essential("AAL3_ANY")},
        NO_LOGIN,
        [(LOGIN, OLD_CARD)],
        UNMET,
    ),
    Journey(
        "level 2 or 3 is required, and the list of revoked cards is old",
        {"claims": essential("AAL2_OR_AAL3_ANY")},
        NO_LOGIN,
        [(LOGIN, OLD_CARD)],
        ("AAL2_ANY", ["sc", "pin", "mfa"]),
    ),
    Journey(
        "level 3 is required, and a passkey can be copied",
        {"claims": essential("AAL3_ANY")},
        NO_LOGIN,
        [(LOGIN, PASSKEY)],
        UNMET,
    ),
    Journey(
        "level 3 is wished for, and a passkey can be copied",
        {"acr_values": "AAL3_ANY"},
        NO_LOGIN,
        [(LOGIN, PASSKEY)],
        ("AAL2_ANY", ["swk", "user", "mfa"]),
    ),
    Journey(
        "level 3 is required, and a security key cannot",
        {"claims": essential("AAL3_ANY")},
        NO_LOGIN,
        [(LOGIN, KEY)],
        ("AAL3_FIDO2", ["hwk", "user", "mfa"]),
    ),
    Journey(
        "level 2 is required, and NHS Care Identity says no more",
        {"claims": essential("AAL2_ANY")},
        NO_LOGIN,
        [(LOGIN, CARE)],
        ("AAL2_ANY", ["mfa"]),
    ),
    Journey(
        "level 3 is required, and NHS Care Identity says less",
        {"claims": essential("AAL3_ANY")},
        NO_LOGIN,
        [(LOGIN, CARE)],
        UNMET,
    ),
    Journey("what nobody knows is required", {"claims": essential("gold")}, UNMET, [], UNMET),
    # Of who is signed in with a password.
    Journey(
        "any assurance is required",
        {"claims": '{"id_token":{"acr":{"essential":true}}}'},
        "AAL1_USERPASS",
        [],
        AAL1,
        begun=(PASSWORD,),
        age=600,
    ),
    Journey(
        "an app is wished for",
        {"acr_values": "AAL2_TOTP"},
        "AAL1_USERPASS",
        [BY_APP],
        AAL2,
        begun=(PASSWORD,),
        has=(TOTP,),
        age=600,
    ),
    Journey(
        "an app is wished for in a claim",
        {"claims": '{"id_token":{"acr":{"value":"AAL2_TOTP"}}}'},
        "AAL1_USERPASS",
        [BY_APP],
        AAL2,
        begun=(PASSWORD,),
        has=(TOTP,),
        age=600,
    ),
    Journey(
        "an app is wished for, and there is none",
        {"acr_values": "AAL2_TOTP"},
        "AAL1_USERPASS",
        [],
        AAL1,
        begun=(PASSWORD,),
        age=600,
    ),
    Journey(
        "an app is required of a session",
        {"claims": essential("AAL2_TOTP")},
        NO_LOGIN,
        [BY_APP],
        AAL2,
        begun=(PASSWORD,),
        has=(TOTP,),
        age=600,
    ),
    Journey(
        "level 2 is required of a session, and set up",
        {"claims": essential("AAL2_ANY")},
        NO_PAGE,
        [(SET_UP, ENROL), BY_APP],
        AAL2,
        begun=(PASSWORD,),
        age=600,
    ),
    Journey(
        "a card is required of a session",
        {"claims": essential("AAL3_SMARTCARD")},
        NO_LOGIN,
        [BY_CARD],
        AAL3,
        begun=(PASSWORD,),
        has=(CARD,),
    ),
    Journey(
        "a card is required of a session, and the password comes again",
        {"claims": essential("AAL3_SMARTCARD")},
        NO_LOGIN,
        [BY_PASSWORD],
        UNMET,
        begun=(PASSWORD,),
        has=(CARD,),
    ),
    Journey(
        "an app is required of a session, and a recovery code stands in for it",
        {"claims": essential("AAL2_TOTP")},
        NO_LOGIN,
        [(MFA, CODE), BY_PASSWORD, (MFA, CODE)],
        UNMET,
        begun=(PASSWORD,),
        has=(TOTP,),
    ),
    Journey(
        "the client requires more than the request",
        {"acr_values": "AAL1_USERPASS"},
        NO_LOGIN,
        [BY_APP],
        AAL2,
        begun=(PASSWORD,),
        has=(TOTP,),
        age=600,
        client={"minimum_acr": "AAL2_OR_AAL3_ANY"},
    ),
    Journey(
        "the client requires one thing and the request another",
        {"claims": essential("AAL3_FIDO2")},
        NO_LOGIN,
        [BY_KEY],
        ("AAL3_FIDO2", ["pwd", "hwk", "user", "mfa"]),
        begun=(PASSWORD,),
        has=(TOTP, KEY),
        age=600,
        client={"minimum_acr": "AAL2_OR_AAL3_ANY"},
    ),
    # Of who is signed in with more.
    Journey(
        "less is asked for", {"acr_values": "AAL1_USERPASS"}, "AAL3_SMARTCARD", [], AAL3, (CARD,), age=600
    ),
    Journey(
        "an app is required of who came with a card",
        {"claims": essential("AAL2_TOTP")},
        NO_LOGIN,
        [BY_PASSWORD, BY_APP],
        AAL2,
        begun=(CARD,),
        has=(TOTP,),
    ),
    Journey(
        "level 3 is required of who came with a passkey",
        {"claims": essential("AAL3_ANY")},
        NO_LOGIN,
        [BY_CARD],
        AAL3,
        begun=(PASSKEY,),
    ),
    # How long ago it may have been.
    Journey("young enough", {"max_age": "601"}, "AAL2_TOTP", [], AAL2, (PASSWORD, TOTP), (TOTP,), age=600),
    Journey("too old", {"max_age": "600"}, NO_LOGIN, [BY_PASSWORD, BY_APP], AAL2, (PASSWORD, TOTP), (TOTP,)),
    Journey(
        "a new sign-in", {"prompt": "login"}, None, [BY_PASSWORD, BY_APP], AAL2, (PASSWORD, TOTP), (TOTP,)
    ),
    Journey("a new sign-in with a card", {"prompt": "login"}, None, [BY_CARD], AAL3, (CARD,)),
    Journey(
        "young enough, and a factor is missing",
        {"max_age": "900", "claims": essential("AAL3_FIDO2")},
        NO_LOGIN,
        [BY_KEY],
        ("AAL3_FIDO2", ["pwd", "otp", "hwk", "user", "mfa"]),
        begun=(PASSWORD, TOTP),
        has=(TOTP, KEY),
        age=600,
    ),
    Journey(
        "too old, and a factor is missing",
        {"max_age": "300", "claims": essential("AAL3_FIDO2")},
        NO_LOGIN,
        [BY_PASSWORD, BY_KEY],
        ("AAL3_FIDO2", ["pwd", "hwk", "user", "mfa"]),
        begun=(PASSWORD, TOTP),
        has=(TOTP, KEY),
    ),
]


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
def test_a_journey(site: Site, journey: Journey) -> None:
    joan = Person(site)
    if journey.client:
        site.add_client("demanding", **journey.client)
    client_id = "demanding" if journey.client else "payslips"
    _begin(site, joan, journey)
    if journey.silent is not None:
        assert (
            _outcome(joan, joan.ask(client_id, **journey.asked, prompt="none"), client_id) == journey.silent
        )

    answer = joan.ask(client_id, **journey.asked)
    for page, what in journey.steps:
        assert page_of(answer) == page
        answer = _do(site, joan, page, what)

    if isinstance(journey.ends, str):
        assert received(answer)["error"] == journey.ends
        return
    told = joan.claims(answer, client_id)
    assert (told["acr"], told["amr"]) == journey.ends
    assert told["auth_time"] == at(site, ago=journey.age)
    # Nothing is missing any more.
    if "prompt" not in journey.asked:
        again = joan.ask(client_id, **{**journey.asked, "prompt": "none"})
        assert _outcome(joan, again, client_id) == told["acr"]


def _begin(site: Site, joan: Person, journey: Journey) -> None:
    """Sign in with what the session is begun with, and have the rest from then on."""
    later = [factor for factor in journey.has if factor not in journey.begun]
    for factor in journey.has:
        if factor not in later:
            ENROLLED[factor](site, joan.account.id)
    if journey.begun:
        joan.ask()
    for factor in journey.begun:
        _do(site, joan, LOGIN if factor is journey.begun[0] else MFA, factor)
    for factor in later:
        ENROLLED[factor](site, joan.account.id)
    if journey.begun:
        site.clock.advance(timedelta(seconds=600))


def _do(site: Site, joan: Person, page: str, what: Factor | str) -> TestResponse:
    if not isinstance(what, Factor):
        enrolled.app(site, joan.account.id)
        return joan.hub()
    if what is PASSWORD:
        return joan.log_in()
    return joan.come_with(what) if page == LOGIN else joan.prove(what)


def _outcome(joan: Person, answer: TestResponse, client_id: str) -> str:
    parameters = received(answer)
    return parameters.get("error") or str(joan.claims(answer, client_id)["acr"])
