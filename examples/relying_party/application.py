"""What makes one example application differ from the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Application:
    """One application.

    `home` names its page for people who are signed in, `template` shows it, and `content(claims, today)`
    fills it. `cookie` is its own: browsers share the cookies of localhost between all ports. `scope` is
    what it asks the provider for, no more than its page needs; `other` names its neighbour.
    """

    name: str
    summary: str
    home: str
    template: str
    theme: str
    cookie: str
    scope: str
    other: str
    content: Callable[[Mapping[str, Any], date], dict[str, object]]
