"""Folders of DreamOS and of Agent Framework in the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import checkpoints
from tests.checkpoints.connectors.dreamos_rules import Agent, state_of
from tests.faults.sweep.foreign import Foreign
from tests.faults.sweep.stores import Thread

SECOND = timedelta(seconds=1)


@dataclass
class DreamosFolder(Foreign):
    """The project of three DreamOS agents."""

    name: str = "dreamos"
    threads: Mapping[str, Thread] = field(
        default_factory=lambda: {
            "main": ("agent-1", "main"),
            "side": ("helper", "main"),
            "other": ("bystander", "main"),
        }
    )
    forked: Thread = ("second", "main")
    edited: Sequence[str | int] = ("current_task", "progress_percentage")
    knows_users: bool = False

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder, self.root = folder, folder / "project"
        self.url = f"dreamos:///{self.root}"
        for agent_id, _ in self.threads.values():
            for cycle in range(6 if agent_id == "agent-1" else 4):
                at = now - timedelta(hours=40 - cycle)
                Agent(self.root, agent_id).save(state_of(cycle), at)
        return self.url

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        """Save as an agent does whose cycles take a second at least: in one that is free."""
        agent = Agent(self.root, thread[0])
        at = datetime.now(UTC)
        names = {path.stem for path in agent.folder.iterdir()}
        while any(name.startswith(f"{agent.agent_id}_{at:%Y%m%d%H%M%S}") for name in names):
            at += SECOND
        return self.saved(agent.save(state_of(90), at))


@dataclass
class AgentFrameworkFolder(Foreign):
    """The folder into which workflows of Agent Framework saved."""

    name: str = "agent-framework"
    threads: Mapping[str, Thread] = field(
        default_factory=lambda: {name: ("flows", name) for name in ("main", "side", "other")}
    )
    forked: Thread = ("flows", "tried again")
    edited: Sequence[str | int] = ("state", "total")
    knows_users: bool = False

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder, self.root = folder, folder / "flows"
        self.url = f"agent-framework:///{self.root}"
        self.root.mkdir()
        for name in self.threads:
            previous = None
            for number in range(6 if name == "main" else 4):
                at = now - timedelta(hours=40 - number)
                previous = self._write(name, number, at, previous)
        return self.url

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        name = self._write(thread[1], 90, datetime.now(UTC), expected)
        return self.saved(name, thread[1])

    def _write(self, name: str, number: int, at: datetime, previous: str | None) -> str:
        from tests.checkpoints.connectors.agent_workflows import saved

        return saved(
            self.root,
            name=name,
            timestamp=at.isoformat(),
            previous_checkpoint_id=previous,
            iteration_count=number,
            state={"total": number},
        )
