"""People who cannot get in, each in a story of their own, told in English and in Welsh."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.journeys import browser as browsers
from tests.journeys.demo import Demo
from tests.journeys.recovery.story import Story


@pytest.fixture(params=["en", "cy"])
def language(request: pytest.FixtureRequest) -> str:
    """English or Welsh. A test in one language is parametrized with it."""
    language: str = request.param
    return language


@pytest.fixture
def story(demo: Demo, chromium: Browser, language: str, request: pytest.FixtureRequest) -> Iterator[Story]:
    """What happens to one person, at a browser that must have nothing to complain of."""
    name = request.node.originalname.removeprefix("test_")
    with browsers.watched(chromium, f"{name}-{language}") as watched:
        yield Story(demo, watched, language, watched.tab())
