"""Every operation on stores of other frameworks, each planned once and carried out any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import checkpoints
from checkpoints import lineage
from checkpoints.connectors.marks import OPERATION
from checkpoints.trash import StoreTrash
from tests.faults.sweep.crews import CrewAIFile, CrewAIFolder
from tests.faults.sweep.documents import AgentFrameworkFolder, DreamosFolder
from tests.faults.sweep.foreign import Foreign, KaizenFolder, LangGraphFile
from tests.faults.sweep.stores import digest

ON_DISK: Mapping[str, Callable[[], Foreign]] = {
    "agent-framework": AgentFrameworkFolder,
    "crewai": CrewAIFolder,
    "crewai-sqlite": CrewAIFile,
    "dreamos": DreamosFolder,
    "kaizen": KaizenFolder,
    "langgraph": LangGraphFile,
}
OPERATION_ID = "0d6ee79b-2cf9-4e0c-a4f6-0b9e2f4b1c11"
Act = Callable[[], object]
Seen = dict[tuple[str, str, str, str], str]


@dataclass
class Yard:
    """A framework's store with a past, and Holdfast's trash somewhere else."""

    kind: Foreign
    trash_url: str

    def seen(self) -> Seen:
        """Return the digest of every state that the store lists."""
        with closing(self.kind.open()) as store:
            return {
                (record.agent_id, record.thread_id, record.namespace, record.id): digest(
                    store.load(record)
                )
                for thread in list(store.threads())
                for record in store.history(thread.agent_id, thread.thread_id)
            }

    def in_trash(self) -> set[str]:
        """Return what lies in the trash and no more in the store."""
        with closing(self.kind.open()) as store, closing(self._trash_store()) as native:
            found = store.trashed(*self.main, operation_id=OPERATION_ID, trash=StoreTrash(native))
        return set(found)

    @property
    def main(self) -> tuple[str, str]:
        return self.kind.threads["main"]

    def planned(self, name: str) -> Act:
        """Plan an act and return what carries it out, in a store opened anew."""
        with closing(self.kind.open()) as store:
            prepared: Callable[[Any], Callable[[Any, Any], object]] = getattr(self, f"_{name}")
            carry_out = prepared(store)

        def act() -> object:
            with closing(self.kind.open()) as opened, closing(self._trash_store()) as native:
                return carry_out(opened, StoreTrash(native))

        return act

    def effects(self) -> int:
        """Return how many checkpoints say that the operation wrote them."""
        with closing(self.kind.open()) as store:
            return sum(
                record.metadata.get(OPERATION) == OPERATION_ID
                for thread in list(store.threads())
                for record in store.history(thread.agent_id, thread.thread_id)
                if not record.namespace
            )

    def _restore(self, store: Any) -> Callable[[Any, Any], object]:
        plan = store.plan_restore(_oldest(store.history(*self.main)))
        written = store.choose_ids(plan)
        told: Any = {"operation_id": OPERATION_ID, "reason": "it went astray", "now": now()}
        return lambda opened, _: lineage.restore(opened, plan, written_ids=written, **told)

    def _fork(self, store: Any) -> Callable[[Any, Any], object]:
        agent_id, thread_id = self.kind.forked
        origin = _oldest(store.history(*self.main))
        plan = lineage.plan_fork(store, origin, agent_id=agent_id, thread_id=thread_id)
        written = store.choose_fork_ids(plan)
        told: Any = {"operation_id": OPERATION_ID, "reason": "it went astray", "now": now()}
        return lambda opened, _: opened.fork(plan, written_ids=written, **told)

    def _prune(self, store: Any) -> Callable[[Any, Any], object]:
        policy = checkpoints.RetentionPolicy.keep_last(2)
        plan = lineage.plan_prune(store, *self.main, policy, now=now())
        assert plan.remove
        told: Any = {"operation_id": OPERATION_ID, "now": now()}
        return lambda opened, trash: lineage.remove(opened, plan, trash=trash, **told)

    def _undo(self, store: Any) -> Callable[[Any, Any], object]:
        """Bring back what a prune has moved just now."""
        self.planned("prune")()
        ids = sorted(self.in_trash())
        return lambda opened, trash: opened.put_back(
            *self.main, ids, operation_id=OPERATION_ID, trash=trash
        )

    def _erase(self, store: Any) -> Callable[[Any, Any], object]:
        agent_id, thread_id = self.main
        (erasure,) = lineage.plan_erase(store, agent_id=agent_id, thread_id=thread_id)
        told: Any = {"operation_id": OPERATION_ID, "now": now()}
        return lambda opened, trash: lineage.erase(opened, erasure, trash=trash, **told)

    def _trash_store(self) -> Any:
        return checkpoints.open_native_store(self.trash_url)


def laid(kind: Foreign, folder: Path, trash_url: str) -> Yard:
    """Let a framework save into a folder some hours ago."""
    folder.mkdir(parents=True, exist_ok=True)
    kind.lay(folder, datetime.now(UTC) - timedelta(days=1))
    return Yard(kind, trash_url)


def now() -> datetime:
    """Return a time at which no run saves any more."""
    return datetime.now(UTC) + timedelta(minutes=10)


def _oldest(records: list[checkpoints.Checkpoint]) -> checkpoints.Checkpoint:
    return [record for record in records if not record.namespace][-1]


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield the files of ours that are in the way of a framework, or of nobody."""
    return (path for path in folder.rglob("*") if "holdfast" in path.name)
