"""A source with two agents, and hints that are kept instead of sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import queue
from tests.dashboard.yards import Yard, make_yard


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hints that would be sent."""
    sent: list[str] = []
    monkeypatch.setattr(queue, "_send_on_commit", lambda task, *_: sent.append(task))
    return sent


@pytest.fixture
def yard(db: None, tmp_path: Path, hints: list[str]) -> Yard:
    return make_yard(tmp_path)
