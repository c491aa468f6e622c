"""What this machine lacks: a skip that names it, or a failure where nothing may be skipped."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"


def missing(what: str, how: str) -> NoReturn:
    """Skip; with ``REQUIRE_SERVICES=1`` fail."""
    message = f"{what} is missing: {how}"
    if REQUIRED:
        pytest.fail(f"{message} (REQUIRE_SERVICES=1)", pytrace=False)
    pytest.skip(message)
