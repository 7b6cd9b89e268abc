"""Serve an example application on this machine, for a demonstration.

Werkzeug's threaded server: starts at once, but it is not for production.
"""

from __future__ import annotations

import logging
import signal
import sys

from werkzeug.serving import WSGIRequestHandler, make_server

from relying_party.app import create_app
from relying_party.application import Application
from relying_party.settings import read

log = logging.getLogger("relying_party")


class _Handler(WSGIRequestHandler):
    """Logs the path alone: the query of /callback holds a code. Does not say which software this is."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 - werkzeug's signature
        path = getattr(self, "path", "").partition("?")[0]
        log.info("%s %s %s", getattr(self, "command", "-"), path, code)

    def version_string(self) -> str:
        return "example"


def run(application: Application) -> None:
    """Read the command line and serve `application` until the process is told to stop."""
    settings, port = read(application, sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # A stopped demonstration is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = make_server(
        "127.0.0.1", port, create_app(application, settings), threaded=True, request_handler=_Handler
    )
    log.info("%s is at %s", application.name, settings.base_url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
