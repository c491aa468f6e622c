"""A prune whose worker sleeps, while it is carried out by another one and undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from checkpoints.lineage import plan_removal
from checkpoints.plans import ThreadPrune
from checkpoints.records import Draft, Removal
from checkpoints.stores.memory import MemoryStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPERATION = "op-1"


class Slow(MemoryStore):
    """Between looking and moving something to the trash, everybody else has time to act."""

    plan: ThreadPrune | None = None

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        plan, self.plan = self.plan, None
        if plan is not None:
            self.remove(plan, operation_id=OPERATION, now=now)
            ids = [one.checkpoint_id for one in plan.remove]
            self.put_back(plan.agent_id, plan.thread_id, ids, operation_id=OPERATION)
        return super().trash(checkpoints, now=now)


def test_what_was_undone_while_a_worker_slept_is_listed_when_it_wakes() -> None:
    store, parent = Slow(), None
    for step in range(4):
        draft = Draft(
            id=f"c{step}",
            agent_id="agent",
            thread_id="main",
            step=step,
            created_at=NOW,
            parent_id=parent,
        )
        parent = store.put(draft, {"step": step}, expected_head=parent).id
    store.plan = plan = plan_removal(store, "agent", "main", {"c1": "chosen"}, now=NOW)

    done = store.remove(plan, operation_id=OPERATION, now=NOW)

    assert (done.removed, list(done.stayed)) == ((), ["c1"])
    assert {record.id for record in store.history("agent", "main")} == {"c0", "c1", "c2", "c3"}
    assert store.in_trash("agent", "main") == []
