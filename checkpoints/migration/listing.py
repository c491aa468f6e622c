"""What there is to copy: every checkpoint once, oldest first, without its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from checkpoints.records import Changes, Checkpoint, Draft, Finding, Thread
from checkpoints.stores.base import ReadableStore, Store

ThreadKey = tuple[str, str]


@dataclass(slots=True)
class Listing:
    """The checkpoints of a store, or of one of its threads.

    It remembers the id of each that it gave. ``findings`` names what could not be listed.
    """

    store: ReadableStore
    thread: str | None
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def __iter__(self) -> Iterator[Checkpoint]:
        for record in self._by_pages() if isinstance(self.store, Store) else self._by_threads():
            if self.thread in (None, record.thread_id) and self._is_new(record):
                yield record

    def threads(self) -> Iterator[Thread]:
        """Yield the threads, the one first that rested longest."""
        wanted = [t for t in self.store.threads() if self.thread in (None, t.thread_id)]
        yield from reversed(wanted)

    def _by_pages(self) -> Iterator[Checkpoint]:
        """Yield what Holdfast wrote, in the order in which it was written."""
        for page in pages(self.store):
            self._note(page)
            yield from page.checkpoints

    def _by_threads(self) -> Iterator[Checkpoint]:
        """Yield what another framework wrote; there a thread's order is that of its history."""
        for page in pages(self.store):
            self._note(page)
        for thread in self.threads():
            yield from reversed(self.store.history(thread.agent_id, thread.thread_id))

    def _note(self, page: Changes) -> None:
        wanted = (None, self.thread)
        self.findings += [f for f in page.findings if self.thread is None or f.thread_id in wanted]

    def _is_new(self, record: Checkpoint) -> bool:
        place = (record.agent_id, record.thread_id, record.namespace)
        first = self.seen.setdefault(record.id, place)
        if first != place:
            why = f"thread {first[1]!r} has a checkpoint of the same id"
            self.findings.append(not_copied(record, why))
        return first is place


def pages(store: ReadableStore) -> Iterator[Changes]:
    """Yield everything that a store lists, page by page."""
    cursor: str | None = None
    complete = False
    while not complete:
        page = store.changes(cursor)
        yield page
        complete = page.complete or page.cursor == cursor
        cursor = page.cursor


def draft_of(record: Checkpoint) -> Draft:
    """Return the draft that saves a record again.

    What only other frameworks say of a checkpoint goes into its metadata: ``namespace``,
    ``next_steps`` and ``written_by``.
    """
    values = {f.name: getattr(record, f.name) for f in fields(Draft)}
    others = {
        "namespace": record.namespace,
        "next_steps": list(record.next_steps),
        "written_by": list(record.written_by),
    }
    said = {name: value for name, value in others.items() if value}
    return Draft(**{**values, "metadata": {**said, **record.metadata}})


def is_kept(draft: Draft, found: Checkpoint) -> bool:
    """Say whether a record says all that a draft says."""
    return all(getattr(draft, f.name) == getattr(found, f.name) for f in fields(Draft))


def not_copied(record: Checkpoint, why: object) -> Finding:
    """Return the finding for a checkpoint that stays behind."""
    return Finding(
        kind="not_copied",
        message=f"{record.id} was not copied: {why}",
        checkpoint_id=record.id,
        thread_id=record.thread_id,
    )
