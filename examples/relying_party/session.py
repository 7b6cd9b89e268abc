"""Keep sessions on the server; the browser holds a signed random name and nothing else.

Tokens in a cookie would travel with every request, be copied with the browser's profile, and outlive a
sign-out. One process, in memory: a real application puts a table or Redis behind the same three methods.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from typing import Any, cast

from flask import Flask, request
from flask.globals import request_ctx
from flask.sessions import SessionInterface, SessionMixin
from flask.wrappers import Request, Response
from itsdangerous import BadSignature, Signer

IDLE_SECONDS = 30 * 60
ABSOLUTE_SECONDS = 12 * 60 * 60
CAPACITY = 10_000


class Session(dict[str, Any], SessionMixin):
    """What we remember of one browser.

    `lock` lets one request at a time use the refresh token, which works once only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sid = secrets.token_urlsafe(32)
        self.former_sid: str | None = None
        self.started_at = self.seen_at = time.monotonic()
        self.lock = threading.Lock()

    def renew(self) -> None:
        """Go on under a new name, so that a name planted before sign-in is worth nothing after it."""
        self.former_sid, self.sid = self.sid, secrets.token_urlsafe(32)

    def is_live(self, now: float) -> bool:
        """Whether it was used lately and has not lasted too long; `now` in monotonic seconds."""
        return now - self.seen_at < IDLE_SECONDS and now - self.started_at < ABSOLUTE_SECONDS


class ServerSessions(SessionInterface):
    """Sessions of one application, under a cookie of its own name."""

    def __init__(self, *, cookie: str, secure: bool) -> None:
        self._cookie = cookie
        self._secure = secure
        # Made anew with each start, like the sessions themselves.
        self._signer = Signer(secrets.token_bytes(32), salt=cookie)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def open_session(self, app: Flask, request: Request) -> Session:  # noqa: ARG002 - Flask's signature
        """Return the live session that the cookie names, or an empty one that is kept once it is used."""
        sid = self._sid(request)
        now = time.monotonic()
        with self._lock:
            session = self._sessions.get(sid) if sid else None
            if session is None or not session.is_live(now):
                return Session()
            session.seen_at = now
            self._sessions.move_to_end(session.sid)
            return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002 - Flask's signature
        """Keep the session; name it to the browser when its name is new."""
        current = cast("Session", session)
        response.vary.add("Cookie")
        with self._lock:
            if current.former_sid:
                self._sessions.pop(current.former_sid, None)
                current.former_sid = None
            if not current:
                self._sessions.pop(current.sid, None)
                return
            self._sessions[current.sid] = current
            while len(self._sessions) > CAPACITY:
                self._sessions.popitem(last=False)
        if self._sid(request) != current.sid:
            # No Max-Age: on a shared workstation it ends with the browser.
            response.set_cookie(
                self._cookie,
                self._signer.sign(current.sid).decode(),
                httponly=True,
                secure=self._secure,
                samesite="Lax",  # Strict would not come along when the provider sends the browser back
            )

    def _sid(self, request: Request) -> str | None:
        try:
            return self._signer.unsign(request.cookies.get(self._cookie, "")).decode()
        except BadSignature:
            return None


def current() -> Session:
    """Return the session of the request being answered."""
    # ServerSessions always opens a Session, which Flask's annotations cannot know.
    return cast("Session", request_ctx.session)
