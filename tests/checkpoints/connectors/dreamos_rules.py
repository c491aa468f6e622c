"""How DreamOS writes, finds and restores checkpoints, as far as design/sources.md describes it.

DreamOS is not published as a package, so this stands in for it: a small implementation of its own
of the rules that its sources follow. An agent's files are those whose names begin with its id; the
latest of a type is the last by name; a restore checks whose the file is, then writes its parts into
the files of the agent's runtime; of routine checkpoints the last three are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT_ROUTINE = 3


def state_of(number: int, **parts: Any) -> dict[str, Any]:
    """Return a state as an agent has it after so many cycles."""
    return {
        "current_task": {
            "id": "TASK-001",
            "status": "in_progress",
            "progress_percentage": number,
            "context": {"task_id": "TASK-001", "status": "in_progress"},
        },
        "mailbox": {"last_processed_id": f"MSG-{number:04}.json", "pending_count": number},
        "operational_context": {"goals": ["hold fast"], "constraints": [], "decisions": []},
        "memory": {
            "short_term": [f"cycle {number}"],
            "session": [{"cycle": number, "note": "ünïcode"}],
        },
        **parts,
    }


@dataclass(frozen=True)
class Agent:
    """A DreamOS agent at work in a project's folder."""

    project: Path
    agent_id: str

    @property
    def folder(self) -> Path:
        return self.project / "runtime" / "agent_comms" / "checkpoints"

    @property
    def data(self) -> Path:
        return self.project / "runtime" / "agent_data" / self.agent_id

    def save(
        self, state: Mapping[str, Any], at: datetime, *, kind: str = "routine", retain: bool = False
    ) -> str:
        """Save a checkpoint; return its name without the suffix."""
        name = f"{self.agent_id}_{at.astimezone(UTC):%Y%m%d%H%M%S}_{kind}"
        document = {
            "agent_id": self.agent_id,
            "timestamp": at.isoformat(),
            "checkpoint_type": kind,
            "version": "1.0",
            "state": state,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}.checkpoint").write_text(json.dumps(document, indent=2))
        if retain:
            self.retain()
        return name

    def found(self, kind: str = "routine") -> list[Path]:
        """Return what the agent takes for its own of a type, in the order of the names."""
        return [
            path
            for path in sorted(self.folder.iterdir())
            if path.name.startswith(self.agent_id)
            and path.name.endswith(".checkpoint")
            and f"_{kind}." in path.name
        ]

    def latest(self, kind: str = "routine") -> Path | None:
        """Return what the agent restores when it is not told what."""
        return next(reversed(self.found(kind)), None)

    def retain(self) -> None:
        """Delete all routine checkpoints but the last three."""
        for path in self.found()[:-KEPT_ROUTINE]:
            path.unlink()

    def restore(self, path: Path | None = None) -> bool:
        """Write a checkpoint's parts into the runtime; False when it gives up."""
        path = path or self.latest()
        try:
            document = json.loads(path.read_text()) if path else {}
            if document["agent_id"] != self.agent_id:
                return False
            state = document["state"]
            parts = {
                "task": state["current_task"],
                "pending": state["mailbox"].get("pending_count", 0),
                "context": state["operational_context"],
                "memory": state["memory"],
            }
        except (ValueError, KeyError, AttributeError):
            return False
        self.data.mkdir(parents=True, exist_ok=True)
        for name, part in parts.items():
            (self.data / f"{name}.json").write_text(json.dumps(part))
        return True

    def runtime(self) -> dict[str, Any]:
        """Return what the agent goes on with after a restore."""
        return {path.stem: json.loads(path.read_text()) for path in self.data.iterdir()}
