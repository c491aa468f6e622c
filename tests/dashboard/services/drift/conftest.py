"""A yard for each test."""

from __future__ import annotations

import pytest

from tests.dashboard.services.drift.yard import DriftYard, make_drift_yard


@pytest.fixture
def yard(db: None) -> DriftYard:
    return make_drift_yard()
