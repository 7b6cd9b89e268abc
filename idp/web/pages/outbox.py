"""The demo's mailbox: what would have been sent, read from the outbox folder. Not there in production."""

from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path

from flask import Response

from idp.web import errors
from idp.web.exchange import Exchange

_NEWEST = 200


@dataclass(frozen=True, slots=True)
class _Message:
    name: str
    to: str
    subject: str
    sent: str
    body: str


def show(exchange: Exchange) -> Response:
    """GET /dev/outbox."""
    folder = exchange.provider.outbox
    if folder is None:
        return errors.page(exchange, "not_found")
    newest = sorted(folder.glob("*.eml"), reverse=True)[:_NEWEST] if folder.is_dir() else []
    return exchange.page("outbox.html", messages=tuple(_read(path) for path in newest))


def show_message(exchange: Exchange, name: str) -> Response:
    """GET /dev/outbox/<name>."""
    folder = exchange.provider.outbox
    path = next((path for path in folder.glob("*.eml") if path.name == name), None) if folder else None
    if path is None:
        return errors.page(exchange, "not_found")
    return exchange.page("outbox_message.html", message=_read(path))


def _read(path: Path) -> _Message:
    parsed = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    part = parsed.get_body(("plain", "html"))
    return _Message(
        name=path.name,
        to=str(parsed["To"] or ""),
        subject=str(parsed["Subject"] or ""),
        sent=str(parsed["Date"] or ""),
        body="" if part is None else part.get_content(),
    )
