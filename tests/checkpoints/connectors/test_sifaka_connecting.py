"""What any connector promises, of files that are written as Sifaka writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints.connectors.sifaka import SifakaStore
from checkpoints.testing import Connecting, Made

STEPS = ("initialization", "pre_retrieval", "generation", "validation", "complete")


class TestInOneFile(Connecting):
    """One JSON object, which Sifaka writes anew with each save."""

    name = "checkpoints.json"

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        folder = tmp_path / "essays"
        folder.mkdir()
        return folder / self.name

    @pytest.fixture
    def open_operated(self, path: Path) -> Callable[[], Any]:
        def opened() -> SifakaStore:
            return SifakaStore(
                path if path.name == "checkpoints.json" and path.exists() else path.parent
            )

        return opened

    @pytest.fixture
    def make_thread(self, path: Path) -> Callable[[int], Made]:
        def make(count: int) -> Made:
            return Made("essays", "chain-1", tuple(self.save(path) for _ in range(count)))

        return make

    @pytest.fixture
    def go_on(self, path: Path) -> Callable[[str, str], str]:
        return lambda agent_id, thread_id: self.save(path)

    @pytest.fixture
    def damage(self, path: Path) -> Callable[[str], None]:
        def spoil(checkpoint_id: str) -> None:
            before, name, after = path.read_text().partition(f'"checkpoint_id": "{checkpoint_id}"')
            path.write_text(before + name + after.replace('"iteration": 1', '"iteration": tru', 1))

        return spoil

    @pytest.fixture
    def fingerprint(self, path: Path) -> Callable[[], Any]:
        return lambda: (path.read_bytes(), path.stat().st_mtime_ns)

    def save(self, path: Path) -> str:
        """Save as Sifaka's FileStorage does: the whole file, with the chain's latest doubled."""
        content = json.loads(path.read_text()) if path.exists() else {}
        number = sum(not key.startswith("checkpoint:latest") for key in content)
        value = checkpoint(number)
        content[f"checkpoint:chain-1:{value['checkpoint_id']}"] = value
        content["checkpoint:latest:chain-1"] = value
        path.write_text(json.dumps(content, indent=2))
        return str(value["checkpoint_id"])


class TestInLines(TestInOneFile):
    """JSONL, a checkpoint in each line."""

    name = "chain-1.jsonl"

    def save(self, path: Path) -> str:
        number = len(path.read_text().splitlines()) if path.exists() else 0
        with path.open("a") as file:
            file.write(json.dumps(checkpoint(number)) + "\n")
        return str(checkpoint(number)["checkpoint_id"])


def checkpoint(number: int) -> dict[str, Any]:
    step = STEPS[number % len(STEPS)]
    return {
        "checkpoint_id": f"step-{number}",
        "chain_id": "chain-1",
        "timestamp": f"2026-11-21 06:14:{number:02}.520927",
        "current_step": step,
        "iteration": 1,
        "thought": {"text": f"draft {number}"},
        "performance_data": {},
        "recovery_point": step,
        "completed_validators": [],
        "completed_critics": [],
        "metadata": {},
    }
