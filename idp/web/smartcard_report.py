"""What the smartcard origin tells the issuer about a card that signs nobody in: sealed, for one browser.

It travels in an address, so it is encrypted, tied to the browser's own state, and good for a few minutes.
Nobody can make one up, and none opens anything.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from idp.accounts.smartcard import Card, CardProblem, Examined
from idp.services.keys import MasterKeys, SealBroken

LIFETIME: Final = timedelta(minutes=5)

_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is wrong, if anything, and what the card looks like. `ending` ends its number."""

    problem: CardProblem | None
    reference: str
    made_at: datetime
    issuer: str | None = None
    ending: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    may_sign_in: bool | None = None
    authority: str | None = None
    verdict: str | None = None
    username: str | None = None

    @classmethod
    def of(cls, examined: Examined, reference: str, now: datetime) -> Self:
        """Report what came of an examination."""
        outcome, said = examined.outcome, examined.said
        report = cls(
            problem=None if isinstance(outcome, Card) else outcome,
            reference=reference,
            made_at=now,
            authority=examined.authority,
            verdict=None if examined.verdict is None else examined.verdict.value,
            username=None if examined.account is None else examined.account.username,
        )
        if said is None:
            return report
        return replace(
            report,
            issuer=said.issuer,
            ending=None if said.card_number is None else said.card_number[-4:],
            not_before=said.not_before,
            not_after=said.not_after,
            may_sign_in=said.may_sign_in,
        )


def seal(masters: MasterKeys, report: Report, state: str) -> str:
    """The report as text for an address of the browser with this state."""
    text = json.dumps(asdict(report), default=_jsonable, separators=(",", ":"))
    return urlsafe_b64encode(masters.seal(text.encode(), _aad(state))).decode().rstrip("=")


def unseal(masters: MasterKeys, text: str, state: str, now: datetime) -> Report | None:
    """The report again; None when it is another browser's, too old, or nobody's."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        opened = masters.open(urlsafe_b64decode(text + "=" * (-len(text) % 4)), _aad(state))
    except (SealBroken, NoBase64):
        return None
    report = _read(json.loads(opened))
    return report if report.made_at <= now < report.made_at + LIFETIME else None


def _read(found: dict[str, Any]) -> Report:
    times = ("made_at", "not_before", "not_after")
    read = {name: datetime.fromisoformat(found[name]) for name in times if found[name] is not None}
    problem = None if found["problem"] is None else CardProblem(found["problem"])
    return Report(**{**found, **read, "problem": problem})


def _jsonable(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(value)  # pragma: no cover - a mistake of ours


def _aad(state: str) -> bytes:
    return b"smartcard-report " + state.encode()
