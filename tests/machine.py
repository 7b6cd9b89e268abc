"""What this machine cannot offer: the test is skipped with the remedy, or fails where all must run.

CI sets `IDP_TEST_REQUIRE_ALL=1`, so that a green run there means that nothing was left out.
"""

import os
from typing import NoReturn

import pytest

REQUIRE_ALL = "IDP_TEST_REQUIRE_ALL"


def cannot(reason: str, *, remedy: str) -> NoReturn:
    """Leave the test out, loudly."""
    message = f"{reason} Remedy: {remedy}"
    if os.environ.get(REQUIRE_ALL, "") not in {"", "0"}:
        pytest.fail(f"{message} ({REQUIRE_ALL} is set.)", pytrace=False)
    pytest.skip(message)
