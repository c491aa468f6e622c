"""A source with two agents, somebody who operates on it, and time that a test moves."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from dashboard import queue
from tests.dashboard.yards import Yard, make_yard


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[UUID | int]:
    """The hints that would be sent."""
    sent: list[UUID | int] = []
    monkeypatch.setattr(queue, "enqueue_operation", sent.append)
    monkeypatch.setattr(queue, "enqueue_scheduled_run", sent.append)
    return sent


@pytest.fixture
def yard(db: None, tmp_path: Path, hints: list[UUID | int]) -> Yard:
    return make_yard(tmp_path)
