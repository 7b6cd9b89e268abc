"""The example applications, signed up at a provider of the tests' own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The examples are scripts, not a package: what they import lies beside them.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from flask import Flask
from relying_party.app import create_app
from relying_party.settings import Settings
from self_service import APPLICATION

from tests.examples.fake_provider import FakeProvider


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


@pytest.fixture
def settings(provider: FakeProvider) -> Settings:
    return Settings(
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        base_url="http://localhost",
        scope="openid profile esr",
        other_url="http://localhost:8003",
    )


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(APPLICATION, settings)
