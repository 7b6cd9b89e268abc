"""Tests of accounts have a whole provider."""

from tests.site_fixtures import keys_dir, password_hash, signing_keys, site

__all__ = ["keys_dir", "password_hash", "signing_keys", "site"]
