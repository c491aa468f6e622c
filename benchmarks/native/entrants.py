"""Everything that saves states here: ours, its peers, and what the disk and the encoder cost."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson

from checkpoints import Checkpoint, CheckpointManager, Draft, Store
from checkpoints.identifiers import new_id
from checkpoints.stores.urls import open_store

State = dict[str, Any]


class Entrant:
    """Saves one state after another into a folder of its own; ``saved`` is what loads them."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.saved: list[Any] = []

    def save(self, state: State) -> None:
        """Save a state; this is what is timed."""
        raise NotImplementedError

    def load(self, number: int) -> object:
        """Load the state that was saved as the ``number``-th, counted from 0."""
        raise NotImplementedError

    def settle(self) -> None:
        """Flush what the save left to the system, untimed, so that nobody waits for another."""

    def close(self) -> None:
        """Let go; what is on disk is whole afterwards. The next load opens it again."""

    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class Ours(Entrant):
    """The default store through its own interface."""

    name = "ours"

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder)
        self.url = f"sqlite:///{folder.absolute()}/store.db"
        self._options = options
        self._open: Store | None = None

    @property
    def store(self) -> Store:
        """The store, opened when it is not."""
        if self._open is None:
            self._open = cast("Store", open_store(self.url, **self._options))
        return self._open

    def save(self, state: State) -> None:
        head = self.saved[-1].id if self.saved else None
        draft = new_draft(step=len(self.saved), parent_id=head)
        self.saved.append(self.store.put(draft, state, expected_head=head))

    def load(self, number: int) -> object:
        return self.store.load(cast("Checkpoint", self.saved[number]))

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class Manager(Entrant):
    """The default store as an agent has it: through CheckpointManager."""

    name = "CheckpointManager"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        url = f"sqlite:///{folder.absolute()}/store.db"
        self._manager = CheckpointManager("bench", store=url)

    def save(self, state: State) -> None:
        self.saved.append(self._manager.create_checkpoint(state=state))

    def close(self) -> None:
        self._manager.close()


class Flush(Entrant):
    """What the disk alone takes: 4 KB appended and flushed."""

    name = "P"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._handle = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def save(self, state: State) -> None:
        os.write(self._handle, bytes(4096))
        os.fdatasync(self._handle)

    def close(self) -> None:
        os.close(self._handle)


class Encode(Entrant):
    """What encoding alone takes."""

    name = "S"

    def save(self, state: State) -> None:
        self.saved.append(len(orjson.dumps(state)))


def new_draft(*, step: int, parent_id: str | None, thread_id: str = "main") -> Draft:
    """Return the draft of an agent's next checkpoint."""
    return Draft(
        id=new_id(),
        agent_id="bench",
        thread_id=thread_id,
        step=step,
        created_at=datetime.now(UTC),
        parent_id=parent_id,
        step_name="act",
    )
