"""The store for many machines: a PostgreSQL schema of rows, saved to in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import PermanentStoreError, TransientStoreError
from checkpoints.records import Capabilities, Thread
from checkpoints.stores.drafts import next_head
from checkpoints.stores.entry_bytes import PackedEntry
from checkpoints.stores.framing import Chain, Places
from checkpoints.stores.group_commit import GroupCommit, Job
from checkpoints.stores.record_bytes import pack_head, pack_record
from checkpoints.stores.sql import removing, rows
from checkpoints.stores.sql.rows import Db, ThreadRow
from checkpoints.stores.sql.store import SqlStore
from checkpoints.stores.sql.transactions import Landed, Told
from checkpoints.stores.urls import StoreUrl

try:
    from checkpoints.stores.postgresql import rows as own
    from checkpoints.stores.postgresql.attempts import alone, repeated, undisturbed
    from checkpoints.stores.postgresql.errors import Conflicted
    from checkpoints.stores.postgresql.measuring import taken
    from checkpoints.stores.postgresql.rows import QuickSave
    from checkpoints.stores.postgresql.scratch import remove_scratch, spoil
    from checkpoints.stores.postgresql.server import DEFAULT_SCHEMA, Server, parameters_of
    from checkpoints.stores.postgresql.sessions import Sessions
except ImportError as error:
    raise PermanentStoreError(
        "a PostgreSQL store needs psycopg; install it with: pip install 'holdfast[postgresql]'"
    ) from error

__all__ = ["PostgresqlStore", "open_url", "remove_scratch", "spoil"]

T = TypeVar("T")
THREADS = 4096
"""Threads of which is remembered where the last save left them."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Where this process left a thread."""

    landed: Landed
    swept: int


class PostgresqlStore(SqlStore):
    """Rows in a schema. Saves of several threads share a statement; processes save in parallel.

    A save that goes on where this process left its thread is one statement: it compares the
    head's bytes, moves it and keeps the frame, or does nothing. Any other looks first.
    """

    def __init__(self, server: Server, url: str, keys: Keyring | None = None) -> None:
        super().__init__(url, keys)
        self._server = server
        self._sessions = Sessions(server)
        self._lines: dict[tuple[str, str], _Line] = {}
        self._group: GroupCommit[dict[QuickSave, int]] = GroupCommit(self._commit)

    @property
    def capabilities(self) -> Capabilities:
        """Everything that this version offers; only reading where no more is allowed."""
        refusal = self._sessions.refusal()
        if refusal is None:
            return super().capabilities
        acts = ("restore", "fork", "edit", "prune", "erase")
        return Capabilities(reasons=dict.fromkeys(acts, refusal))

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()

    set_head = repeated(SqlStore.set_head)
    take_directive = repeated(SqlStore.take_directive)
    pin = repeated(SqlStore.pin)
    unpin = repeated(SqlStore.unpin)
    trash = repeated(SqlStore.trash)
    untrash = repeated(SqlStore.untrash)
    erase = repeated(SqlStore.erase)
    purge = repeated(SqlStore.purge)
    record = repeated(SqlStore.record)
    forget = repeated(SqlStore.forget)
    repair = undisturbed(SqlStore.repair)
    rebuild = undisturbed(SqlStore.rebuild)

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed.

        Each thread is swept in a transaction of its own, so that the others can be saved to.
        """
        with self._glancing() as db:
            threads = sorted({row.thread for row in removing.due(db, before)}) if db else []
        freed = sum(self._sweep_thread(thread, before) for thread in threads)
        self._framing.forget()
        return freed

    @repeated
    def _sweep_thread(self, thread: int, before: datetime) -> int:
        with self._sessions.writing(alone=alone()) as db:
            own.note_sweep(db, thread)
            return removing.delete(db, removing.due(db, before, thread), self._framing.keys)

    def _taken(self, db: Db) -> tuple[int | None, int | None]:
        """Return the bytes of all tables and indexes; what in them is free PostgreSQL keeps."""
        return taken(db), None

    def _reading(self) -> AbstractContextManager[own.Db | None]:
        return self._sessions.reading()

    def _glancing(self) -> AbstractContextManager[own.Db | None]:
        return self._sessions.glancing()

    @contextmanager
    def _following(self) -> Iterator[Told | None]:
        with self._sessions.following() as told:
            yield told

    def _writing(self) -> AbstractContextManager[own.Db]:
        return self._sessions.writing(alone=alone())

    def _saving(self, work: Callable[[rows.Db], T]) -> T:
        with self._sessions.recording() as db:
            return work(db)

    def _kept_entries(self, packed: Sequence[PackedEntry], *, replace: bool) -> int:
        if replace:
            return super()._kept_entries(packed, replace=True)
        with self._sessions.quickly() as db:
            return own.record(db, packed)

    def _purge(self, db: rows.Db, going: Sequence[removing.Due]) -> int:
        for thread in sorted({row.thread for row in going}):
            own.note_sweep(db, thread)
        return super()._purge(db, going)

    def _erase(
        self,
        db: rows.Db,
        thread: ThreadRow,
        checkpoint_ids: Sequence[str] | None,
        now: datetime,
    ) -> int:
        own.note_sweep(db, thread.thread)
        return super()._erase(db, thread, checkpoint_ids, now)

    def _kept(self, chain: Chain, expected: str | None) -> Landed:
        """Keep one save in a statement, or with care where that does not settle it."""
        line = self._lines.get(_key(chain)) if len(chain) == 1 else None
        landed = self._quickly(chain, expected, line) if line else None
        return landed or self._carefully(chain, expected)

    def _quickly(self, chain: Chain, expected: str | None, line: _Line) -> Landed | None:
        before = line.landed.head
        if before is None or before.checkpoint_id != expected:
            return None
        record, packed = chain[0].record, chain[0].packed
        head = next_head(before, record, expected=expected)
        save = QuickSave(
            thread=line.landed.thread,
            head=pack_head(head),
            before=pack_head(before),
            swept=line.swept,
            id=record.id,
            base=packed.base,
            record=pack_record(record),
            frame=packed.data,
        )
        position = self._group.submit(save)
        if position is None:
            return None
        places = Places(known={record.id: position})
        landed = Landed([record], places, position, line.landed.thread, head)
        self._remember(chain, landed, line.swept)
        return landed

    def _commit(self, group: Sequence[Job[dict[QuickSave, int]]]) -> None:
        """Keep a group in one statement. What it refuses is done with care, one by one."""
        try:
            with self._sessions.quickly() as db:
                kept = own.save_quickly(db, [cast(QuickSave, job.work) for job in group])
        except (Conflicted, PermanentStoreError):
            kept = {}
        except TransientStoreError as error:
            for job in group:
                job.error = TransientStoreError(str(error))
            return
        for job in group:
            job.run(kept)

    @repeated
    def _carefully(self, chain: Chain, expected: str | None) -> Landed:
        with self._sessions.saving(chain[0].record) as (db, swept):
            landed = self._save(db, chain, expected)
        if landed.head is not None:
            self._remember(chain, landed, swept)
        return landed

    def _remember(self, chain: Chain, landed: Landed, swept: int) -> None:
        if len(self._lines) >= THREADS:
            self._lines.clear()
        self._lines[_key(chain)] = _Line(landed, swept)

    def _views(self, db: rows.Db, threads: Iterable[ThreadRow]) -> list[Thread]:
        pairs = [(row, row.readable_head) for row in threads]
        found = own.records(db, [head.checkpoint_id for _, head in pairs if head])
        return [
            rows.view(row, head, found.get(head.checkpoint_id) if head else None)
            for row, head in pairs
        ]


def _key(chain: Chain) -> tuple[str, str]:
    return chain[0].record.agent_id, chain[0].record.thread_id


def open_url(url: StoreUrl) -> PostgresqlStore:
    """Open a schema; it is created by the first save."""
    schema = url.query.get("schema") or DEFAULT_SCHEMA
    return PostgresqlStore(Server(parameters_of(url), schema, url.shown), url.shown, url.keys)


def recognise_server(url: StoreUrl) -> str | None:
    """Say by what a schema is known as a store of Holdfast's own. Raises StoreError."""
    store = open_url(url)
    try:
        _require_usage(store._server)  # noqa: SLF001 - the store's own module
        with store._glancing() as db:  # noqa: SLF001
            return None if db is None else "its schema holds Holdfast's tables"
    finally:
        store.close()


def _require_usage(server: Server) -> None:
    """Raise PermanentStoreError where a schema is there but closed to this role."""
    with server.connected() as connection:
        found = connection.execute(_USAGE, (server.schema,)).fetchone()
    if found == (False,):
        raise PermanentStoreError(
            f"{server.where} forbids this role the schema {server.schema!r}; nothing was read"
        )


_USAGE = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1"
