"""The demo's mailbox: what would have been sent, read from the outbox folder. Not there in production.

A letter's text is shown, never its HTML; the addresses of our own pages in it can be followed.
"""

import re
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
    """`body` is the text in pieces, each with whether it is the address of one of our pages."""

    name: str
    to: str
    subject: str
    sent: str
    body: tuple[tuple[str, bool], ...]


def show(exchange: Exchange) -> Response:
    """GET /dev/outbox."""
    folder = exchange.provider.outbox
    if folder is None:
        return errors.page(exchange, "not_found")
    newest = sorted(folder.glob("*.eml"), reverse=True)[:_NEWEST] if folder.is_dir() else []
    messages = tuple(_read(path, exchange.provider.issuer) for path in newest)
    return exchange.page("outbox.html", messages=messages)


def show_message(exchange: Exchange, name: str) -> Response:
    """GET /dev/outbox/<name>."""
    folder = exchange.provider.outbox
    path = next((path for path in folder.glob("*.eml") if path.name == name), None) if folder else None
    if path is None:
        return errors.page(exchange, "not_found")
    return exchange.page("outbox_message.html", message=_read(path, exchange.provider.issuer))


def _read(path: Path, issuer: str) -> _Message:
    parsed = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    part = parsed.get_body(("plain",))
    return _Message(
        name=path.name,
        to=str(parsed["To"] or ""),
        subject=str(parsed["Subject"] or ""),
        sent=str(parsed["Date"] or ""),
        body=() if part is None else _pieces(part.get_content(), issuer),
    )


def _pieces(text: str, issuer: str) -> tuple[tuple[str, bool], ...]:
    ours = re.compile(rf"({re.escape(issuer)}/[^\s<>\"']*)")
    return tuple((piece, n % 2 == 1) for n, piece in enumerate(ours.split(text)) if piece)
