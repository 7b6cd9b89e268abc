"""Find the registered value that a received one was probably meant to be, and where the two differ.

For operators: a redirect URI is compared exactly (RFC 9700 §2.1), so one character is enough to refuse it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class Difference:
    """Two texts, each with a line that has a ^ beneath every character the other lacks there."""

    received: str
    received_marks: str
    registered: str
    registered_marks: str


def closest(received: str, registered: Iterable[str]) -> Difference | None:
    """The difference to the most similar value; None when nothing is registered.

    Both are shown in ASCII, everything else as an escape: look-alike letters and invisible spaces are seen.
    """
    shown = visible(received)
    candidates = [(_matcher(shown, visible(value)), visible(value)) for value in registered]
    if not candidates:
        return None
    matcher, nearest = max(candidates, key=lambda candidate: candidate[0].ratio())
    left, right = [" "] * len(shown), [" "] * len(nearest)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag != "equal":
            left[start:end] = "^" * (end - start)
            right[other_start:other_end] = "^" * (other_end - other_start)
    return Difference(shown, "".join(left).rstrip(), nearest, "".join(right).rstrip())


def visible(text: str) -> str:
    """The text in printable ASCII, everything else as an escape."""
    return text.encode("unicode_escape", "backslashreplace").decode("ascii").replace("\\\\", "\\")


def _matcher(received: str, registered: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, received, registered, autojunk=False)
