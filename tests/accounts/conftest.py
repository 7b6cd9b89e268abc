"""Tests of accounts have a whole provider."""

import pytest

from tests.accounts import desk as desks
from tests.accounts.desk import Desk
from tests.site import Site
from tests.site_fixtures import keys_dir, password_hash, signing_keys, site

__all__ = ["desk", "keys_dir", "password_hash", "signing_keys", "site"]


@pytest.fixture
def desk(site: Site) -> Desk:
    """The recovery service of the site."""
    return desks.build(site)
