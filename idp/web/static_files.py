"""Hold the files that browsers keep: style sheets, scripts, pictures.

They live in `idp/web/static`, vendored by `deploy/vendor_static.py` or our own, and are few and small: read
once, kept in memory, sent compressed. An address carries a hash of the content (`/static/idp.css?v=…`), so it
may be kept for ever. Where one of our scripts imports another, it is sent with that hash; vendored files name
one another without one, and there the folder names the version.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PATH = "/static/"
CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_IMPORT = re.compile(rb'from "\./(?P<name>\w+\.js)"')


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
    content = _content(path)
    return StaticFile(content=content, content_type=CONTENT_TYPES[path.suffix], version=_version(content))


def _content(path: Path) -> bytes:
    """The file as it is sent: in a script, the scripts beside it are imported by their whole addresses."""
    content = path.read_bytes()
    return _IMPORT.sub(partial(_versioned, path.parent), content) if path.suffix == ".js" else content


def _versioned(folder: Path, found: re.Match[bytes]) -> bytes:
    version = _version(_content(folder / found["name"].decode()))
    return b'from "./%s?v=%s"' % (found["name"], version.encode())


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


@cache
def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
