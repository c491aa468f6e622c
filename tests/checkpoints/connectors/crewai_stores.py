"""Stores of CrewAI's, as its providers write them, and its rules for what it resumes."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checkpoints.connectors.crewai import jsonb

TABLE = (
    "CREATE TABLE IF NOT EXISTS checkpoints (id TEXT PRIMARY KEY, created_at TEXT NOT NULL,"
    " parent_id TEXT, branch TEXT NOT NULL DEFAULT 'main', data JSONB NOT NULL)"
)
_INSERT = "INSERT INTO checkpoints (id, created_at, parent_id, branch, data) VALUES (?, ?, ?, ?, ?)"


def state(done: int, *, parent_id: str | None = None, branch: str = "main") -> dict[str, Any]:
    """Return what CrewAI saves of a crew that has finished so many of its tasks."""
    tasks = [
        {"description": f"task {n}", "output": {"raw": f"result {n}"} if n < done else None}
        for n in range(max(6, done + 1))
    ]
    crew = {"entity_type": "crew", "id": "c0ffee", "name": "research_crew", "tasks": tasks}
    return {
        "crewai_version": "1.15.30",
        "parent_id": parent_id,
        "branch": branch,
        "entities": [{**crew, "checkpoint_inputs": {"topic": "refunds"}}],
        "event_record": {"nodes": {f"e{done}": {"event": {"type": "task_completed"}}}},
        "trigger": "task_completed",
    }


def new_id(now: datetime | None = None) -> str:
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(4)}"


def make_file(path: Path) -> None:
    """Make a file without any checkpoint."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(TABLE)


def damage_row(path: Path, checkpoint_id: str) -> None:
    """Cut a body in the middle."""
    sql = "UPDATE checkpoints SET data = substr(data, 1, length(data) / 2) WHERE id = ?"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, (checkpoint_id,))


def save_row(
    path: Path,
    content: Mapping[str, Any],
    *,
    checkpoint_id: str | None = None,
    data: bytes | str | None = None,
) -> str:
    """Save as CrewAI's SqliteProvider does, but for SQLite's own ``jsonb()``."""
    name = checkpoint_id or new_id()
    parent, branch = content.get("parent_id"), content.get("branch", "main")
    body = jsonb.encode(content) if data is None else data
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(TABLE)
        connection.execute(_INSERT, (name, name[:15], parent, branch, body))
    return name


def newest_row(path: Path) -> tuple[str, str]:
    """Return the id and the branch of what ``crewai checkpoint resume`` takes."""
    sql = "SELECT id, branch FROM checkpoints ORDER BY rowid DESC LIMIT 1"
    with closing(sqlite3.connect(path)) as connection:
        found: tuple[str, str] = connection.execute(sql).fetchone()
    return found


def last_of_branch(path: Path, branch: str) -> str | None:
    sql = "SELECT id FROM checkpoints WHERE branch = ? ORDER BY rowid DESC LIMIT 1"
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(sql, (branch,)).fetchone()
    return found[0] if found else None


def save_file(folder: Path, content: Mapping[str, Any], *, checkpoint_id: str | None = None) -> str:
    """Save as CrewAI's JsonProvider does."""
    name = checkpoint_id or new_id()
    parent, branch = content.get("parent_id"), content.get("branch", "main")
    target = folder / str(branch)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}_p-{parent or 'none'}.json").write_text(json.dumps(content))
    return name


def newest_file(folder: Path) -> Path:
    """Return the file that ``crewai checkpoint resume`` takes."""
    return max(folder.rglob("*.json"), key=lambda path: path.stat().st_mtime)
