"""Where a person is taken who logs in for no application: home, or a page of ours by its name."""

from dataclasses import dataclass
from types import MappingProxyType

from idp.web.exchange import Exchange

NEXT = "next"
HOME = "/"
CHANGE_PASSWORD = "/change-password"  # noqa: S105 - a path
_PAGES = MappingProxyType(
    {
        "account": "/account",
        "change-password": CHANGE_PASSWORD,
        "add-passkey": "/passkey/add",
        "enrol-app": "/mfa/enrol",
        "recovery-codes": "/mfa/recovery-codes",
    }
)


@dataclass(frozen=True, slots=True)
class Onwards:
    """A page of ours, and the query by which the login page remembers it."""

    path: str
    query: str


def asked(exchange: Exchange) -> Onwards:
    """What the address asks for by a name of ours; home for everything else."""
    page = exchange.asked(NEXT)
    return Onwards(_PAGES[page], f"?{NEXT}={page}") if page in _PAGES else Onwards(HOME, "")
