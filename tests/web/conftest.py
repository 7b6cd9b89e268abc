"""Tests of web have a whole provider, or build one with settings of their own."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from idp.db.signing_key import SigningKey
from idp.services import logs
from tests import site as sites
from tests.site import Site
from tests.site_fixtures import keys_dir, password_hash, signing_keys, site

__all__ = ["keys_dir", "password_hash", "signing_keys", "site"]

Build = Callable[..., Site]


@pytest.fixture
def build(
    database_url: str, keys_dir: Path, signing_keys: list[SigningKey], password_hash: str, now: datetime
) -> Iterator[Build]:
    """Make the one provider of a test, with these settings, one account and one client."""
    built: list[Site] = []

    def make(**settings: Any) -> Site:  # noqa: ANN401 - whatever settings hold
        one = sites.build(database_url, keys_dir, signing_keys, password_hash, now, **settings)
        built.append(one)
        one.add_account()
        one.add_client()
        return one

    yield make
    for each in built:
        each.provider.database.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, with everybody's debugging turned on."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(stream, "DEBUG")
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers, root.level = handlers, level
    logging.getLogger("authlib").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
