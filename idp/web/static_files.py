"""Hold the files that browsers keep: style sheets, scripts, pictures.

They live in `idp/web/static`, vendored by `deploy/vendor_static.py` or our own, and are few and small: read
once, kept in memory, sent compressed. An address carries a hash of the content (`/static/idp.css?v=…`), so it
may be kept for ever; vendored files name one another without one, and there the folder names the version.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PATH = "/static/"
CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, ready to be sent."""

    content: bytes
    content_type: str
    version: str

    @property
    def compressed(self) -> bytes:
        """The content with `Content-Encoding: gzip`."""
        return _gzip(self.content)


def load(folder: Path = FOLDER) -> Mapping[str, StaticFile]:
    """Every servable file under `folder`, by its name relative to it. Other kinds of file are not served."""
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in CONTENT_TYPES
    }


def url(files: Mapping[str, StaticFile], name: str) -> str:
    """The path of the file `name`; KeyError when there is none, because a page asking for it is broken."""
    return f"{PATH}{name}?v={files[name].version}"


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(
        content=content,
        content_type=CONTENT_TYPES[path.suffix],
        version=hashlib.sha256(content).hexdigest()[:12],
    )


@cache
def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
