"""Erasing for good what a run, a user or a thread has left in a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from checkpoints.connectors import langgraph_native
from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.records import Checkpoint, RestoreTarget
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.operable import ErasableStore, Trash
from checkpoints.stores.removals import TrashKeeping

USER_KEYS: Final = (
    *("user_id", "user", "userId", "end_user", "end_user_id"),
    *("langgraph_auth_user_id", "langgraph_auth_user"),
)
"""Keys of a checkpoint's metadata that name its user; dots and nesting are looked into."""
_WITHIN: Final = ("identity", "id", "name", "metadata", "configurable")


def erasable(store: ReadableStore) -> ErasableStore:
    """Return the store as one that can erase. Raises PlanRefused with the store's own reason."""
    capabilities = store.capabilities
    if not capabilities.erase or not isinstance(store, ErasableStore):
        reason = capabilities.reasons.get("erase", "this kind of store is not deleted from")
        raise PlanRefused(f"an erasure is not possible here: {reason}; nothing was erased")
    return store


def plan_erase(
    store: ReadableStore,
    *,
    run_id: str | None = None,
    user_id: str | None = None,
    agent_id: str | None = None,
    thread_id: str | None = None,
) -> list[ThreadErasure]:
    """Say which checkpoints an erasure takes, thread by thread, trash included. Writes nothing.

    By run, by user (checkpoints whose metadata names that user), or a whole thread; ``agent_id``
    and ``thread_id`` narrow the others down. A thread of which every checkpoint goes is erased as
    a whole, with its head and its journal. Raises PlanRefused when the store cannot erase, or when
    nothing says what to erase.
    """
    erasable(store)
    wanted = _wanted(run_id, user_id, thread_id)
    found = []
    for agent, thread in _threads(store, agent_id, thread_id):
        records = _everything(store, agent, thread)
        going = [record for record in records if wanted(record)]
        if going:
            found.append(_erasure(agent, thread, going, whole=len(going) == len(records)))
    return found


def erase(
    store: ReadableStore,
    erasure: ThreadErasure,
    *,
    operation_id: str,
    now: datetime,
    trash: Trash | None = None,
) -> ThreadErased:
    """Erase what a plan names but for what others cannot be read without, and read back.

    Raises what the store's ``erase_thread`` raises, with nothing erased.
    """
    needed = _needed(store, erasure)
    targets = tuple(t for t in erasure.targets if t.checkpoint_id not in needed)
    spared = replace(erasure, targets=targets, whole=erasure.whole and not needed)
    done = erasable(store).erase_thread(spared, operation_id=operation_id, now=now, trash=trash)
    return replace(done, remaining={**needed, **done.remaining})


def names_user(metadata: Mapping[str, Any], user_id: str) -> bool:
    """Say whether metadata name a user, at the top or in what lies within."""
    return any(
        _is_user(value, user_id)
        if key in USER_KEYS
        else key in _WITHIN and isinstance(value, Mapping) and names_user(value, user_id)
        for key, value in metadata.items()
    )


def _is_user(value: Any, user_id: str) -> bool:
    if isinstance(value, Mapping):
        inside = (value.get(key) for key in (*_WITHIN, *USER_KEYS))
        return any(isinstance(one, (str, int)) and str(one) == user_id for one in inside)
    return isinstance(value, (str, int)) and str(value) == user_id


def _wanted(
    run_id: str | None, user_id: str | None, thread_id: str | None
) -> Callable[[Checkpoint], bool]:
    if run_id is not None and user_id is not None:
        raise PlanRefused("name a run or a user, not both; nothing was erased")
    if run_id is not None:
        return lambda record: record.run_id == run_id
    if user_id is not None:
        return lambda record: names_user(record.metadata, user_id)
    if thread_id is None:
        raise PlanRefused("name the run, the user or the thread to erase; nothing was erased")
    return lambda record: True


def _threads(
    store: ReadableStore, agent_id: str | None, thread_id: str | None
) -> Iterator[tuple[str, str]]:
    if agent_id is not None and thread_id is not None:
        yield agent_id, thread_id
        return
    for thread in list(store.threads()):
        if agent_id in {None, thread.agent_id} and thread_id in {None, thread.thread_id}:
            yield thread.agent_id, thread.thread_id


def _everything(store: ReadableStore, agent_id: str, thread_id: str) -> list[Checkpoint]:
    """Return what there is of a thread, listed or in the store's own trash."""
    lying = store.in_trash(agent_id, thread_id) if isinstance(store, TrashKeeping) else []
    try:
        return [*store.history(agent_id, thread_id), *lying]
    except CheckpointNotFound:
        return lying


def _erasure(
    agent_id: str, thread_id: str, going: Sequence[Checkpoint], *, whole: bool
) -> ThreadErasure:
    targets = tuple(
        RestoreTarget(checkpoint_id=record.id, namespace=record.namespace, sha256=record.sha256)
        for record in going
    )
    return ThreadErasure(agent_id=agent_id, thread_id=thread_id, targets=targets, whole=whole)


def _needed(store: ReadableStore, erasure: ThreadErasure) -> dict[str, str]:
    """Return why some of what is to be erased stays: a graph's checkpoints are built from it."""
    if erasure.whole:
        return {}
    going = {target.checkpoint_id for target in erasure.targets}
    records = _everything(store, erasure.agent_id, erasure.thread_id)
    kept = {record.id for record in records} - going
    needed = langgraph_native.needed_by(store, records, kept)
    return {name: why for name, why in needed.items() if name in going}
