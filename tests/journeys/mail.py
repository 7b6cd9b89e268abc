"""The letters that a running demo has sent: files in its outbox, read as a mail program reads them."""

import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

_WAIT_SECONDS = 30
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter. `language` is the one it says it is written in."""

    subject: str
    language: str
    text: str
    html: str

    def links(self, path: str = "/") -> list[str]:
        """The addresses in its text that begin with this path of ours, each as one would click it."""
        return re.findall(rf"^http://localhost:\d+{path}\S*$", self.text, re.MULTILINE)

    def link(self, path: str) -> str:
        """The only one of these."""
        (only,) = self.links(path)
        assert only.replace("&", "&amp;") in self.html
        return only


@dataclass
class Mailbox:
    """Everybody's letters, each handed out once, oldest first."""

    folder: Path
    _seen: set[str] = field(default_factory=set)
    _waiting: defaultdict[str, deque[Mail]] = field(default_factory=lambda: defaultdict(deque))

    def next(self, to: str) -> Mail:
        """The next letter to this address; waits until the worker has sent it."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self._waiting[to]:
            assert time.monotonic() < deadline, f"No new letter to {to} in {self.folder}."
            time.sleep(_LOOK_SECONDS)
            self._collect()
        return self._waiting[to].popleft()

    def _collect(self) -> None:
        for path in sorted(self.folder.glob("*.eml")):
            if path.name not in self._seen:
                letter = BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
                self._waiting[letter["To"]].append(_mail(letter))
                self._seen.add(path.name)


def _mail(letter: EmailMessage) -> Mail:
    return Mail(letter["Subject"], letter["Content-Language"], _part(letter, "plain"), _part(letter, "html"))


def _part(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert isinstance(part, EmailMessage)
    content: str = part.get_content().replace("\r\n", "\n")
    return content
