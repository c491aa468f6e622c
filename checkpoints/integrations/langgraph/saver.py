"""``HoldfastSaver``: LangGraph's checkpointer over any store of Holdfast's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import random
from types import TracebackType
from typing import Any, Final, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    SerializerProtocol,
)
from langgraph.checkpoint.base import Checkpoint as GraphCheckpoint

from checkpoints.errors import PermanentStoreError
from checkpoints.integrations.langgraph import deltas, listing, removal
from checkpoints.integrations.langgraph.addresses import Address
from checkpoints.integrations.langgraph.copying import copy_thread
from checkpoints.integrations.langgraph.event_loop import in_thread, pages_in_thread
from checkpoints.integrations.langgraph.saving import Threads
from checkpoints.integrations.langgraph.writes import Task
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.urls import open_store

AGENT: Final = "langgraph"


class HoldfastSaver(BaseCheckpointSaver[str]):  # type: ignore[misc]
    """Keeps a graph's checkpoints in a store of Holdfast's own.

    The thread goes on from its head: the checkpoint saved last, or the one that an operator
    restored. Every method may be called from any thread, and each has a twin for event loops
    that does the same in a thread.
    """

    def __init__(
        self,
        store: str | Store,
        *,
        agent_id: str = AGENT,
        serde: SerializerProtocol | None = None,
        retention: RetentionPolicy | None = None,
    ) -> None:
        """Take a store, or the URL of one, which ``close()`` then closes.

        ``agent_id`` is the name under which the dashboard lists the graph; two graphs that share
        a store need two. ``retention`` moves checkpoints to the trash that it does not keep and
        no other needs; without it all are kept. Raises PermanentStoreError for a URL that names
        no store of Holdfast's own, and what ``open_store`` raises.
        """
        super().__init__(serde=serde)
        self._closes = isinstance(store, str)
        self.store = _opened(store) if isinstance(store, str) else store
        self._threads = Threads(self.store, agent_id, retention)

    @classmethod
    @asynccontextmanager
    async def open(cls, store: str | Store, **options: Any) -> AsyncIterator[Self]:
        """Open a saver for as long as the block lasts; ``options`` are those of the class."""
        saver = await asyncio.to_thread(cls, store, **options)
        try:
            yield saver
        finally:
            await asyncio.to_thread(saver.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, if this saver opened it."""
        if self._closes:
            self.store.close()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that ``config`` names, or that its namespace goes on from.

        Raises CorruptCheckpoint for one that is not what was saved, StoreError for a store that
        cannot be read, and what the serializer raises.
        """
        address = Address.of(config)
        record = self._threads.find(address, self.serde, _now())
        return self._threads.loaded(record, address, self.serde) if record else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, newest first: those of a thread, a namespace, or all.

        ``filter`` holds values that the metadata must have, ``before`` names the checkpoint that
        all are older than.
        """
        wanted = listing.Wanted.of(config, filter, before)
        for address, record in listing.found(self._threads.graph, wanted, limit):
            yield self._threads.loaded(record, address, self.serde)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: GraphCheckpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint durably and make it the head of its thread.

        Other processes may save to the same thread meanwhile; each checkpoint keeps its own
        parent. Raises HeadMoved when an operator restored the thread under this run, PlanRefused
        when the id is saved already with another content, UnsupportedState, StoreError, and what
        the serializer raises; then nothing is saved.
        """
        address = Address.of(config)
        kept = self._threads.save(
            address, config, checkpoint, metadata, new_versions, serde=self.serde, now=_now()
        )
        return address.config(kept.id)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep durably what a task wrote. Raises StoreError, and what the serializer raises."""
        task = Task.of(config, task_id, task_path)
        self._threads.keep_writes(Address.of(config), writes, task, serde=self.serde, now=_now())

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread for good: all namespaces, with their writes."""
        removal.delete_thread(self._threads, str(thread_id), self.serde, _now())

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs for good, with their writes.

        Those that another run's delta channel is built from stay, and a warning names them.
        """
        removal.delete_for_runs(self._threads, run_ids, self.serde, _now())

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread, all of it: namespaces, ids, writes and head."""
        copy_thread(self._threads, str(source_thread_id), str(target_thread_id), _now())

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete for good what threads do not need.

        ``keep_latest`` keeps, of each namespace, the checkpoint it goes on from, those that are
        pinned, and what the delta channels of these are built from; ``delete`` keeps nothing.
        Raises ValueError for another strategy.
        """
        if strategy not in removal.STRATEGIES:
            raise ValueError(
                f"strategy must be one of {', '.join(removal.STRATEGIES)}, not {strategy!r}; "
                "nothing was deleted"
            )
        for thread_id in thread_ids:
            removal.STRATEGIES[strategy](self._threads, str(thread_id), self.serde, _now())

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return, per delta channel, the last stored value and the writes since."""
        record = self._threads.find(Address.of(config), self.serde, _now()) if channels else None
        if record is None:
            return {channel: {"writes": []} for channel in channels}
        return deltas.history(self.store, record, channels, self.serde)

    def get_next_version(self, current: str | int | None, channel: None) -> str:
        """Return the version after ``current``: a number to order by, and a part by chance.

        Two branches never give the same version to different values.
        """
        number = int(str(current).split(".")[0]) if current is not None else 0
        return f"{number + 1:032}.{random():016}"  # noqa: S311

    aget_tuple = in_thread(get_tuple)
    alist = pages_in_thread(list)  # noqa: A003 - the method above
    aput = in_thread(put)
    aput_writes = in_thread(put_writes)
    adelete_thread = in_thread(delete_thread)
    adelete_for_runs = in_thread(delete_for_runs)
    acopy_thread = in_thread(copy_thread)
    aprune = in_thread(prune)
    aget_delta_channel_history = in_thread(get_delta_channel_history)


def _opened(url: str) -> Store:
    store = open_store(url)
    if isinstance(store, Store):
        return store
    store.close()
    raise PermanentStoreError(
        f"{store.url} is another framework's store, which Holdfast reads and restores but does "
        "not save into; give a store of Holdfast's own, such as sqlite:///holdfast.db"
    )


def _now() -> datetime:
    return datetime.now(UTC)
