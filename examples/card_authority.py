#!/usr/bin/env python3
"""A stand-in for the authority that issues smartcards: it publishes which of them are revoked.

RFC 5280 §5. The list is signed afresh whenever somebody asks, so it never goes out of date however long the
demo runs; its number is the time, so it only ever grows. It listens to this machine alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

LIST = "/cards.crl"
VALID = timedelta(days=7)


class Authority:
    """The authority's certificate and key, and the cards it has revoked."""

    def __init__(self, certificate: Path, key: Path, revoked: Iterable[Path]) -> None:
        loaded = load_pem_private_key(key.read_bytes(), None)
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise SystemExit(f"{key} holds no elliptic curve key.")
        self._key = loaded
        self._certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._revoked = [x509.load_pem_x509_certificate(path.read_bytes()) for path in revoked]

    def revocation_list(self, now: datetime) -> bytes:
        """Return the list as of `now`, in DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now)
            .next_update(now + VALID)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        for card in self._revoked:
            builder = builder.add_revoked_certificate(_entry(card))
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.DER)


def _entry(card: x509.Certificate) -> x509.RevokedCertificate:
    """Its entry: it was reported lost on its first day."""
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(card.serial_number)
        .revocation_date(card.not_valid_before_utc)
        .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        .build()
    )


def serve(authority: Authority, port: int) -> None:
    """Answer on 127.0.0.1 until the process is ended."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == LIST:
                now = datetime.now(UTC).replace(microsecond=0)
                self._say(200, "application/pkix-crl", authority.revocation_list(now))
            elif self.path == "/healthz":
                self._say(200, "text/plain", b"ok\n")
            else:
                self._say(404, "text/plain", b"There is only the list of revoked cards here.\n")

        def _say(self, status: int, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, *_: object) -> None:
            """Nothing goes wrong here that is worth a line."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.serve_forever()


def main() -> None:
    """Run it as the arguments say."""
    parser = argparse.ArgumentParser(description="Publish which smartcards of an authority are revoked.")
    parser.add_argument("--certificate", type=Path, required=True, help="the authority's, PEM")
    parser.add_argument("--key", type=Path, required=True, help="the authority's, PEM")
    parser.add_argument("--revoked", type=Path, action="append", default=[], help="a revoked card, PEM")
    parser.add_argument("--port", type=int, required=True, help="listens on 127.0.0.1 at this port")
    asked = parser.parse_args()
    serve(Authority(asked.certificate, asked.key, asked.revoked), asked.port)


if __name__ == "__main__":
    main()
