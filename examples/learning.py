#!/usr/bin/env python3
"""Learning: a relying party that shows a person their mandatory training.

The second application of the pair: whoever is signed in at My ESR Self-Service opens it without signing in
again. It asks for less (no email address), so it is told less. The courses are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from relying_party.application import Application
from relying_party.server import run

SOON = timedelta(days=60)


class Status(StrEnum):
    """How a person stands with one course."""

    DONE = "Up to date"
    SOON = "Due soon"
    OVERDUE = "Overdue"


@dataclass(frozen=True, slots=True)
class Course:
    """One course of the Core Skills Training Framework, as one person stands with it."""

    name: str
    minutes: int
    due: str
    status: Status


# Name, minutes it takes, days from today until it is due.
CATALOGUE = (
    ("Data security awareness", 60, 212),
    ("Fire safety", 30, 34),
    ("Infection prevention and control, level 2", 45, 148),
    ("Moving and handling, level 2", 90, -9),
    ("Resuscitation, level 2: adult basic life support", 120, 301),
    ("Safeguarding adults, level 2", 75, 655),
    ("Safeguarding children, level 2", 75, 655),
    ("Equality, diversity and human rights", 30, 420),
)


def status(days_left: int) -> Status:
    """Return how a person stands with a course that is due in `days_left` days."""
    if days_left < 0:
        return Status.OVERDUE
    return Status.SOON if days_left <= SOON.days else Status.DONE


def courses(today: date) -> tuple[Course, ...]:
    """Return the courses of everybody, the most urgent first."""
    found = []
    for name, minutes, days_left in sorted(CATALOGUE, key=lambda entry: entry[2]):
        due = today + timedelta(days=days_left)
        text = f"{due.day} {due.strftime('%B %Y')}"
        found.append(Course(name=name, minutes=minutes, due=text, status=status(days_left)))
    return tuple(found)


def content(_claims: Mapping[str, Any], today: date) -> dict[str, object]:
    """Return what `courses.html` shows beside the person's claims."""
    found = courses(today)
    return {"courses": found, "current": sum(course.status is not Status.OVERDUE for course in found)}


APPLICATION = Application(
    name="Learning",
    summary="Find out which training you have to do, and when.",
    home="Courses",
    template="courses.html",
    theme="learning",
    cookie="learning",
    scope="openid profile esr",
    other="My ESR Self-Service",
    content=content,
)

if __name__ == "__main__":
    run(APPLICATION)
