"""What restoring a checkpoint of a LangGraph thread would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from checkpoints.connectors.langgraph import bodies, progress
from checkpoints.connectors.langgraph.records import Material, gather, record_of, sha256_of
from checkpoints.connectors.langgraph.rows import ROOT, CheckpointRow, Key, LangGraphRows
from checkpoints.connectors.langgraph.threads import QUIET_AFTER, Threads
from checkpoints.connectors.marks import OPERATION
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.records import Checkpoint, RestoreMode, RestorePlan, RestoreTarget, Status


@dataclass(frozen=True, slots=True)
class Planner:
    """Derives plans from a store as it is. Writes nothing.

    ``require_copyable`` raises CorruptCheckpoint for a row that no copy can be made of.
    """

    rows: LangGraphRows
    threads: Threads
    require_copyable: Callable[[CheckpointRow], None]

    def plan(self, row: CheckpointRow, now: datetime) -> RestorePlan:
        """Plan the restore of a root checkpoint. Raises CorruptCheckpoint, PlanRefused."""
        if row.key.namespace != ROOT:
            raise PlanRefused(
                f"{row.key.checkpoint_id} belongs to the subgraph {row.key.namespace!r}; restore "
                "the checkpoint of the thread that it ran under"
            )
        self.require_copyable(row)
        head = self.rows.head(row.key.thread_id) or row
        lineage = self.lineage(row)
        states, left_alone = self.subgraphs(row, frozenset(lineage[1:]))
        for state in states:
            self.require_copyable(state)
        material = gather(self.rows, row)
        agent_id = self.threads.agent(row.key.thread_id)
        record = record_of(material, agent_id)
        return RestorePlan(
            agent_id=agent_id,
            thread_id=row.key.thread_id,
            mode=RestoreMode.APPEND,
            targets=tuple(map(target_of, (row, *states))),
            expected_head=head.key.checkpoint_id,
            expected_head_sha256=sha256_of(head),
            superseded=self._superseded(head, lineage),
            rerun_steps=record.next_steps,
            warnings=(
                *warnings_of(record, material),
                *self.per_call_warnings(row),
                *(_later_state(namespace) for namespace in left_alone),
                *self._live_warnings(head, agent_id, now),
            ),
        )

    def lineage(self, row: CheckpointRow) -> list[str]:
        """Return a checkpoint and its ancestors, newest first."""
        key = row.key
        parents = self.rows.parents(key.thread_id, key.namespace)
        lineage: dict[str, None] = {}
        current: str | None = key.checkpoint_id
        while current and current not in lineage:
            lineage[current] = None
            current = parents.get(current)
        return list(lineage)

    def _superseded(self, head: CheckpointRow, lineage: list[str]) -> tuple[str, ...]:
        kept = set(lineage)
        return tuple(name for name in self.lineage(head) if name not in kept)

    def subgraphs(
        self, row: CheckpointRow, ancestors: frozenset[str]
    ) -> tuple[list[CheckpointRow], list[str]]:
        """Return the persistent subgraphs' states at a checkpoint, and those without any."""
        states, left_alone = [], []
        for namespace in self._persistent_namespaces(row.key.thread_id):
            state = self._state_of(namespace, row, ancestors)
            if state:
                states.append(state)
            else:
                left_alone.append(namespace)
        return states, left_alone

    def _persistent_namespaces(self, thread_id: str) -> list[str]:
        """Return the namespaces that outlive a call: those whose name holds no task id."""
        names = self.rows.namespaces(thread_id)
        return sorted(name for name in names if name != ROOT and ":" not in name)

    def _state_of(
        self, namespace: str, row: CheckpointRow, ancestors: frozenset[str]
    ) -> CheckpointRow | None:
        """Return a subgraph's newest checkpoint not after ``row`` and on its lineage."""
        key = row.key
        name = key.checkpoint_id
        found = self.rows.newest_first(key.thread_id, namespace, not_after=name)
        return next((state for state in found if self._ran_under(state, ancestors)), None)

    def _ran_under(self, state: CheckpointRow, ancestors: frozenset[str]) -> bool:
        """Say whether a subgraph's checkpoint was written on the lineage, not on a branch.

        Where a prune took the checkpoint that it was written under, it counts.
        """
        root = bodies.root_in(bodies.decode_metadata(state))
        if root is None or root in ancestors:
            return True
        return self.rows.checkpoint(Key(state.key.thread_id, ROOT, root)) is None

    def per_call_warnings(self, row: CheckpointRow) -> Iterator[str]:
        """Yield which subgraphs start over when the thread goes on from a checkpoint."""
        later = self.rows.called_after(row.key.thread_id, row.key.checkpoint_id)
        begun = {key.namespace for key, data in later if _root(data) == row.key.checkpoint_id}
        for node in sorted({namespace.split(":")[0] for namespace in begun}):
            yield f"the subgraph that {node} called at this checkpoint starts over"

    def _live_warnings(self, head: CheckpointRow, agent_id: str, now: datetime) -> Iterator[str]:
        saved = self.last_save(head.key.thread_id)
        if saved is None:
            return
        record = record_of(gather(self.rows, saved), agent_id)
        if record.status == Status.RUNNING and now - record.created_at < QUIET_AFTER:
            yield "the thread wrote minutes ago: a run that is still alive overwrites the restore"

    def last_save(self, thread_id: str) -> CheckpointRow | None:
        """Return the newest checkpoint of a run; those that operations appended are none."""
        found = self.rows.newest_first(thread_id, ROOT)
        return next((row for row in found if OPERATION not in bodies.decode_metadata(row)), None)


def _root(metadata: bytes) -> str | None:
    try:
        return bodies.root_in(bodies.metadata_in(metadata))
    except CorruptCheckpoint:
        return None


def target_of(row: CheckpointRow) -> RestoreTarget:
    """Name a row that is copied. Raises CorruptCheckpoint when it has no body."""
    sha256 = sha256_of(row)
    if sha256 is None:
        raise CorruptCheckpoint("it has no body", checkpoint_id=row.key.checkpoint_id)
    return RestoreTarget(
        checkpoint_id=row.key.checkpoint_id, namespace=row.key.namespace, sha256=sha256
    )


def warnings_of(record: Checkpoint, material: Material) -> Iterator[str]:
    """Yield what happens again when a run goes on from a checkpoint."""
    if any(write.channel == progress.INTERRUPT for write in material.writes):
        yield "the interrupt at this checkpoint is asked again"
    if len(record.next_steps) > 1:
        yield f"{', '.join(record.next_steps)} ran side by side: all of them run again"


def _later_state(namespace: str) -> str:
    return f"the subgraph {namespace} had not run before this checkpoint: it keeps its later state"
