"""What decides over which checkpoints may go, read from PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from checkpoints.connectors.langgraph.bodies import SENDS
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph_postgresql.rows import Rows, values_of

_LINKS = (
    "SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id FROM checkpoints"
    " WHERE thread_id = %s ORDER BY checkpoint_ns, checkpoint_id"
)
_SUBGRAPHS = "thread_id = %s AND checkpoint_ns <> '' ORDER BY checkpoint_ns, checkpoint_id"
_NEWEST = "thread_id = %s ORDER BY checkpoint_id DESC"
_KEY = "thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s"
_SENT = f"SELECT 1 FROM checkpoint_writes WHERE {_KEY} AND channel = '{SENDS}' LIMIT 1"
_VERSION = f"SELECT checkpoint ->> 'v' FROM checkpoints WHERE {_KEY}"


class PruningRows(Rows):
    """Reads links and metadata of whole threads, too."""

    def links(self, thread_id: str) -> Iterator[tuple[Key, str | None]]:
        """Yield all checkpoints of a thread with their parents, by namespace and id."""
        for namespace, name, parent in self.session.few(_LINKS, (thread_id,)):
            yield Key(thread_id, namespace, name), parent or None

    def of_subgraphs(self, thread_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of what subgraphs wrote, by namespace and id."""
        return self.metadata(_SUBGRAPHS, (thread_id,))

    def newest_metadata(self, thread_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of all checkpoints of a thread, newest first."""
        return self.metadata(_NEWEST, (thread_id,))

    def has_sends(self, key: Key) -> bool:
        """Say whether a task of this checkpoint sent anything to the next steps."""
        return bool(self.session.few(_SENT, values_of(key)))

    def format_version(self, key: Key) -> int | None:
        """Return the version of a checkpoint's format; ``None`` where it is not told at once."""
        for (version,) in self.session.few(_VERSION, values_of(key)):
            return int(version) if version and version.isdecimal() and len(version) < 9 else None
        return None
