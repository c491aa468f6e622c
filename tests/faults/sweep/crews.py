"""What CrewAI's two providers write, in the sweep: a folder of files, and a file of rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import checkpoints
from tests.checkpoints.connectors import crewai_stores
from tests.faults.sweep.foreign import Foreign
from tests.faults.sweep.stores import Thread

CREW = "research_crew"
SAVES = {"main": 6, "side": 4, "other": 2}


@dataclass
class Crew(Foreign):
    """A crew whose branches are threads."""

    threads: Mapping[str, Thread] = field(
        default_factory=lambda: {branch: (CREW, branch) for branch in SAVES}
    )
    forked: Thread = (CREW, "again")
    edited: Sequence[str | int] = ("entities", 0, "checkpoint_inputs", "topic")
    knows_users: bool = False

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        name = self._write(thread[1], 9, datetime.now(UTC), expected)
        return self.saved(name, thread[1])

    def _lay(self, now: datetime) -> None:
        for branch, saves in SAVES.items():
            parent = None
            for done in range(saves):
                parent = self._write(branch, done, now - timedelta(hours=40 - done), parent)

    def _write(self, branch: str, done: int, at: datetime, parent: str | None) -> str:
        raise NotImplementedError


@dataclass
class CrewAIFolder(Crew):
    """The folder that a crew's JsonProvider wrote."""

    name: str = "crewai"

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder, self.root = folder, folder / "saved"
        self.url = f"crewai:///{self.root}"
        self._lay(now)
        return self.url

    def _write(self, branch: str, done: int, at: datetime, parent: str | None) -> str:
        content = crewai_stores.state(done, parent_id=parent, branch=branch)
        name = crewai_stores.new_id(at)
        crewai_stores.save_file(self.root, content, checkpoint_id=name)
        path = self.root / branch / f"{name}_p-{parent or 'none'}.json"
        os.utime(path, (at.timestamp(), at.timestamp()))
        return name


@dataclass
class CrewAIFile(Crew):
    """The file that a crew's SqliteProvider wrote."""

    name: str = "crewai-sqlite"

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder, self.path = folder, folder / "crew.db"
        self.url = f"crewai:///{self.path}"
        self._lay(now)
        return self.url

    def _write(self, branch: str, done: int, at: datetime, parent: str | None) -> str:
        content = crewai_stores.state(done, parent_id=parent, branch=branch)
        name = crewai_stores.new_id(at)
        return crewai_stores.save_row(self.path, content, checkpoint_id=name)
