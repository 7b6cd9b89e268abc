"""Decide what a person who asks for login details is sent about each of their accounts."""

from enum import StrEnum


class Kind(StrEnum):
    """Which page was asked: Forgotten, Request Username/Password, Unlock Account."""

    FORGOTTEN = "forgotten"
    REQUEST = "request"
    UNLOCK = "unlock"
