"""Taking over what Kaizen's FilesystemStorage left in a folder, once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.errors import CorruptCheckpoint, UnsupportedState
from checkpoints.integrations.kaizen.keeping import Keeper, utc_now
from checkpoints.integrations.kaizen.states import Content, content_of, state_of
from checkpoints.records import Checkpoint, JournalEntry

logger = logging.getLogger("checkpoints")

AGENT, THREAD, KIND, KEY = "kaizen", "takeover", "taken_over", "files"
"""The journal entry that says that a folder's files were all taken over."""


def take_over(folder: Path, keeper: Keeper) -> int:
    """Save what FilesystemStorage would list in a folder, oldest first; return how many.

    Interrupted, it goes on the next time. Files that cannot be read are named in the log and left.
    """
    if keeper.store.entries(AGENT, THREAD, kind=KIND):
        return 0
    found = 0
    for content in _contents(folder):
        found += _saved(content, keeper)
    if found:
        logger.info("%d checkpoints of Kaizen's were taken over from %s", found, folder)
        entry = JournalEntry(
            agent_id=AGENT, thread_id=THREAD, kind=KIND, key=KEY, recorded_at=utc_now()
        )
        keeper.store.record([entry])
    return found


def _saved(content: Content, keeper: Keeper) -> bool:
    """Save a state that is not there yet; name one that no store can keep, and leave it."""
    name = content["checkpoint_id"]
    try:
        if not keeper.exists(name):
            keeper.save(content)
    except UnsupportedState as error:
        logger.warning("%s was not taken over: %s", name, error)
        return False
    return True


def _contents(folder: Path) -> Iterator[Content]:
    files = KaizenStore(folder)
    records = [one for thread in files.threads() for one in _flat(files, thread.agent_id)]
    for record in sorted(records, key=lambda one: one.created_at):
        try:
            state = files.load(record)
        except CorruptCheckpoint as error:
            logger.warning("%s was not taken over: %s", record.id, error)
            continue
        yield content_of(state_of({**state, "checkpoint_id": record.id}))


def _flat(files: KaizenStore, agent_id: str) -> Iterator[Checkpoint]:
    """Yield what lies in the folder itself and is an AgentState; newest first."""
    for record in files.history(agent_id, "main"):
        is_flat = "/" not in str(record.metadata.get("file", ""))
        if record.damage:
            logger.warning("%s was not taken over: %s", record.id, record.damage)
        elif is_flat and "agent_id" in record.metadata:
            yield record
