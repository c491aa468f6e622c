"""What a check works with: the scratch store, opened as often as it likes, and child processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkpoints.errors import PermanentStoreError
from checkpoints.records import Capabilities, Checkpoint
from checkpoints.sameness import same
from checkpoints.selftest.children import Child, undisturbed
from checkpoints.selftest.outcomes import DidNotHold, NotPossible, require
from checkpoints.selftest.places import folder_of
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.urls import parse_url

Opener = Callable[[str], ReadableStore]


@dataclass(slots=True)
class Bench:
    """One check's scratch store. ``opener`` is a function that another process can import."""

    url: str
    opener: Opener
    _opened: list[Store] = field(default_factory=list)

    @property
    def in_one_process(self) -> bool:
        """Whether the store is gone with the process that opened it."""
        return parse_url(self.url).scheme == "memory"

    @property
    def folder(self) -> Path | None:
        """The folder of a store on disk, None for others."""
        return folder_of(self.url)

    def open(self) -> Store:
        """Open the store as another process would; one in memory is the same each time."""
        if self.in_one_process and self._opened:
            return self._opened[0]
        self._opened.append(as_store(self.opener(self.url), self.url))
        return self._opened[-1]

    def close(self) -> None:
        """Close everything that was opened."""
        while self._opened:
            self._opened.pop().close()

    @contextlib.contextmanager
    def child(self, task: str) -> Iterator[Child]:
        """Start a process that does a task of ``checkpoints.selftest.tasks`` with this store."""
        if self.in_one_process:
            raise NotPossible("the store lives in one process and ends with it")
        with contextlib.ExitStack() as stack:
            with undisturbed():
                child = Child.start(task, self.url, self.opener)
                stack.callback(child.close)
            yield child

    def require_offered(self, name: str) -> None:
        """End the check when the store says that it cannot do this."""
        capabilities: Capabilities = self.open().capabilities
        if not getattr(capabilities, name):
            raise NotPossible(capabilities.reasons.get(name, f"this store offers no {name}"))

    def require_loads(self, record: Checkpoint | str, state: dict[str, Any]) -> None:
        """End the check unless a checkpoint loads exactly as ``state``, opened anew."""
        store = self.open()
        found = store.get(record) if isinstance(record, str) else record
        loaded = store.load(found)
        require(same(loaded, state), f"{found.id} loads as something else than was saved")


def as_store(store: ReadableStore, url: str) -> Store:
    """Return the store as one that agents save into. Raises PermanentStoreError."""
    if isinstance(store, Store):
        return store
    store.close()
    scheme = parse_url(url).scheme
    raise PermanentStoreError(
        f"{scheme}:// does not offer all that agents who save into a store need; only stores "
        "that do can be tried. Nothing was written"
    )


def require_refused(action: Callable[[], object], error: type[Exception], otherwise: str) -> None:
    """End the check unless an action raises this error."""
    try:
        action()
    except error:
        return
    raise DidNotHold(otherwise)
