"""Folders of Kaizen's, and the real Kaizen resuming from them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from kaizen.core.autonomy.state import AgentState, FilesystemStorage, StateManager

ROOT = Path(__file__).resolve().parents[3]


def now() -> datetime:
    return datetime.now(UTC)


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in (target, *(p for p in target.rglob("*") if p.is_dir())):
        folder.chmod(0o755)
    return target


def manager(folder: Path) -> StateManager:
    return StateManager(storage=FilesystemStorage(folder))


def resumed(folder: Path, agent_id: str) -> AgentState:
    state = asyncio.run(manager(folder).resume_from_latest(agent_id))
    assert state is not None
    return state


def saved(folder: Path, state: AgentState) -> str:
    asyncio.run(manager(folder).save_checkpoint(state))
    return str(state.checkpoint_id)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def run_script(script: str, *arguments: str) -> int:
    """Run Python code in a process of its own; return how it ended."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode
