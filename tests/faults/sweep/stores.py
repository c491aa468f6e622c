"""The kinds of stores that the sweep plays on, each with a small past and a way back to it."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson

import checkpoints
from checkpoints.identifiers import new_id
from checkpoints.stores.ledger import Ledger
from checkpoints.stores.memory import MemoryStore

Thread = tuple[str, str]
Name = tuple[str, str, str, str]
"""What names a checkpoint: agent, thread, namespace, id."""

MAIN, SIDE, OTHER = ("agent", "main"), ("agent", "side"), ("bystander", "main")
SAVES = {MAIN: 6, SIDE: 5, OTHER: 2}
WORDS = "the index was rebuilt after the second crawl and two sources had moved " * 4


class Kind(Protocol):
    """One kind of store with a past.

    ``threads`` are the one that is acted on, one more, and a bystander's. ``forked`` is where forks
    begin, ``edited`` leads to what an edit may change; ``counts_moves`` says that a head counts how
    often it was moved, and ``knows_users`` that checkpoints say whose they are.
    """

    name: str
    threads: Mapping[str, Thread]
    forked: Thread
    edited: Sequence[str | int]
    counts_moves: bool
    knows_users: bool

    def lay(self, folder: Path, now: datetime) -> str:
        """Make the past, and return the store's URL."""
        ...

    def open(self) -> checkpoints.ReadableStore:
        """Open the store past all hooks of the dashboard."""
        ...

    def image(self) -> Any:
        """Return the store as it is."""
        ...

    def become(self, image: Any) -> None:
        """Let the store be as it was."""
        ...

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        """Save as an agent does that knows of this head. Raises HeadMoved."""
        ...

    def opened_by_dashboard(self) -> contextlib.AbstractContextManager[None]:
        """Let the dashboard open this store where it could not by itself."""
        ...


def digest(state: Any) -> str:
    """Return what tells two states apart."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hashlib.sha256(orjson.dumps(state, default=repr, option=options)).hexdigest()


def draft(thread: Thread, step: int, now: datetime, parent: str | None) -> checkpoints.Draft:
    """Return the draft of an agent's next save."""
    agent_id, thread_id = thread
    return checkpoints.Draft(
        id=new_id(),
        agent_id=agent_id,
        thread_id=thread_id,
        step=step,
        created_at=now,
        parent_id=parent,
        run_id="first" if step <= 3 else "second",
        step_name=("search", "fetch", "extract")[step % 3],
        metadata={"user_id": "anna"} if step % 2 else {},
    )


def state(step: int) -> dict[str, Any]:
    """Return what an agent knows after some steps; most of it stays the same."""
    return {"step": step, "text": WORDS, "log": [f"{n}: {WORDS[:40]}" for n in range(step)]}


@dataclass
class Native:
    """What all of Holdfast's own stores have in common."""

    name: str = ""
    threads: Mapping[str, Thread] = field(
        default_factory=lambda: {"main": MAIN, "side": SIDE, "other": OTHER}
    )
    forked: Thread = ("agent", "tried again")
    edited: Sequence[str | int] = ("step",)
    counts_moves: bool = True
    knows_users: bool = True

    def open(self) -> Any:
        raise NotImplementedError

    def _lay(self, now: datetime) -> None:
        store = self.open()
        for thread, saves in SAVES.items():
            for step in range(1, saves + 1):
                self._put(store, thread, step, now - timedelta(hours=50 - step))
        agent_id, thread_id = SIDE
        oldest = store.history(agent_id, thread_id)[-1]
        store.pin(oldest, reason="the one to show", now=now)
        store.close()

    def save(self, thread: Thread, now: datetime, expected: str | None) -> checkpoints.Checkpoint:
        store = self.open()
        try:
            made = draft(thread, 90, now, expected)
            record: checkpoints.Checkpoint = store.put(made, state(9), expected_head=expected)
        finally:
            store.close()
        return record

    @staticmethod
    def _put(store: checkpoints.Store, thread: Thread, step: int, now: datetime) -> None:
        head = store.head(*thread)
        parent = head.checkpoint_id if head else None
        store.put(draft(thread, step, now, parent), state(step), expected_head=parent)

    def opened_by_dashboard(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


@dataclass
class Memory(Native):
    """The model: the same code paths, nothing on a disk."""

    name: str = "memory"

    def lay(self, folder: Path, now: datetime) -> str:
        self._store = MemoryStore()
        self._lay(now)
        return "memory://"

    def open(self) -> Any:
        return self._store

    def image(self) -> Any:
        store = self._store
        return _ledger_again(store._ledger), dict(store._frames), dict(store._quarantine)

    def become(self, image: Any) -> None:
        store = self._store
        ledger, frames, quarantine = image
        store._ledger = _ledger_again(ledger)
        store._frames, store._quarantine = dict(frames), dict(quarantine)

    def opened_by_dashboard(self) -> contextlib.AbstractContextManager[None]:
        return _opening(self)


def _ledger_again(ledger: Ledger) -> Ledger:
    """Copy a ledger; what its containers hold never changes."""
    values = {field.name: getattr(ledger, field.name) for field in dataclasses.fields(ledger)}
    copied = {name: copy.copy(value) for name, value in values.items()}
    copied["by_thread"] = {key: dict(ids) for key, ids in ledger.by_thread.items()}
    copied["entries"] = copy.deepcopy(ledger.entries)
    return Ledger(**copied)


@contextlib.contextmanager
def _opening(kind: Kind) -> Iterator[None]:
    """Let the dashboard open what it would not open by itself."""
    from dashboard import stores
    from dashboard.credentials import NONE, Credentials

    real = stores.open_url

    def opened(url: str, credentials: Credentials = NONE) -> checkpoints.ReadableStore:
        return kind.open()

    stores.open_url = opened
    try:
        yield
    finally:
        stores.open_url = real


class OnDisk:
    """Everything in one folder, kept and brought back file by file."""

    folder: Path

    def image(self) -> Any:
        """Return the bytes and times of all files, and the names of all folders."""
        found: dict[str, tuple[bytes, int] | None] = {}
        for path in sorted(self.folder.rglob("*")):
            held = (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
            found[str(path.relative_to(self.folder))] = held
        return found

    def become(self, image: Any) -> None:
        """Let the folder hold these files and nothing else."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, held in image.items():
            path = self.folder / name
            if held is None:
                path.mkdir(parents=True, exist_ok=True)
            elif not name.endswith("-shm"):
                path.write_bytes(held[0])
                os.utime(path, ns=(held[1], held[1]))


@dataclass
class Sqlite(OnDisk, Native):
    """The default store."""

    name: str = "sqlite"

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder = folder
        self.url = f"sqlite:///{folder}/agents.db"
        self._lay(now)
        return self.url

    def open(self) -> Any:
        return checkpoints.open_native_store(self.url)


@dataclass
class Folder(Sqlite):
    """The store in a folder."""

    name: str = "file"

    def lay(self, folder: Path, now: datetime) -> str:
        self.folder = folder
        self.url = f"file:///{folder}/agents"
        self._lay(now)
        return self.url


def all_kinds() -> dict[str, Kind]:
    """Return one of each kind."""
    from tests.faults.sweep.crews import CrewAIFile, CrewAIFolder
    from tests.faults.sweep.documents import AgentFrameworkFolder, DreamosFolder
    from tests.faults.sweep.foreign import KaizenFolder, LangGraphFile
    from tests.faults.sweep.graph_tables import LangGraphTables
    from tests.faults.sweep.postgresql import PostgreSql

    kinds: tuple[Kind, ...] = (
        *(Memory(), Sqlite(), Folder(), PostgreSql()),
        *(LangGraphFile(), LangGraphTables(), KaizenFolder(), DreamosFolder()),
        *(AgentFrameworkFolder(), CrewAIFolder(), CrewAIFile()),
    )
    return {kind.name: kind for kind in kinds}
