"""A drill of a whole store: a sample of each agent's checkpoints, one rehearsal after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from checkpoints.drills.rehearsing import rehearse
from checkpoints.drills.sampling import sample_of
from checkpoints.drills.scratch import sweep_scratch
from checkpoints.drills.values import Limits, Rehearsal
from checkpoints.errors import CheckpointNotFound
from checkpoints.records import Checkpoint, Thread
from checkpoints.stores.base import ReadableStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Which checkpoints a drill takes: ``checkpoints`` of each thread, of one agent or of all.

    Another seed takes others, besides each head and the newest good one.
    """

    agent_id: str | None = None
    checkpoints: int = 2
    seed: int | str = 0


def drill(
    store: ReadableStore,
    sampled: Sampled,
    *,
    folder: Path,
    now: datetime,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
) -> Iterator[Rehearsal]:
    """Rehearse a sample and yield what came of each; the store is only read.

    What drills that were killed left in ``folder`` is removed first. Raises CheckpointNotFound for
    an agent that is not there, and StoreError when the store cannot be listed.
    """
    sweep_scratch(folder)
    threads = [t for t in store.threads() if sampled.agent_id in (None, t.agent_id)]
    if sampled.agent_id is not None and not threads:
        raise CheckpointNotFound(f"{store.url} has no agent {sampled.agent_id!r}")
    for thread in threads:
        for record in _chosen(store, thread, sampled):
            yield rehearse(store, record, folder=folder, now=now, limits=limits)


def _chosen(store: ReadableStore, thread: Thread, sampled: Sampled) -> list[Checkpoint]:
    records = store.history(thread.agent_id, thread.thread_id)
    seed = f"{sampled.seed}-{thread.agent_id}-{thread.thread_id}"
    return sample_of(records, count=sampled.checkpoints, seed=seed, head_id=thread.head_id)
