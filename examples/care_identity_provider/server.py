"""Serve the stand-in on this machine, for a demonstration: it starts at once, and is not for production."""

from __future__ import annotations

import logging
import signal
import sys

from werkzeug.serving import WSGIRequestHandler, make_server

from care_identity_provider.app import create_app
from care_identity_provider.settings import read

log = logging.getLogger("care_identity")


class _Handler(WSGIRequestHandler):
    """Logs the path alone: the query may hold a secret. Does not say which software this is."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 - werkzeug's signature
        path = getattr(self, "path", "").partition("?")[0]
        log.info("%s %s %s", getattr(self, "command", "-"), path, code)

    def version_string(self) -> str:
        return "stand-in"


def run() -> None:
    """Read the command line and serve until the process is told to stop."""
    settings, port = read(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # A stopped demonstration is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = make_server("127.0.0.1", port, create_app(settings), threaded=True, request_handler=_Handler)
    log.info("the stand-in for NHS Care Identity is at %s", settings.base_url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
