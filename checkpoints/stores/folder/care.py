"""Judging, verifying and mending the files of a folder store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from checkpoints.bodies.documents import Document, unpack_document
from checkpoints.bodies.states import check_of
from checkpoints.errors import CheckpointError, CorruptCheckpoint, PermanentStoreError
from checkpoints.records import Checkpoint, Finding, Head
from checkpoints.stores.events import Event, EventName, Place, ThreadKey
from checkpoints.stores.folder.compaction import compacted
from checkpoints.stores.folder.journal import Journal
from checkpoints.stores.folder.layout import JOURNAL, LOCK, Folder
from checkpoints.stores.heads import ancestors
from checkpoints.stores.ledger import Ledger, ledger_of

LEFTOVERS = timedelta(days=1)
"""After this time what a save left unfinished is that of one which was killed."""


def refuse_foreign(root: Path) -> None:
    """Raise PermanentStoreError where something else than a store of this kind lies."""
    if root.exists() and not root.is_dir():
        raise PermanentStoreError(f"{root} is a file, not a folder of checkpoints")
    if root.is_dir() and not (root / JOURNAL).exists():
        ours = (root / LOCK).exists()
        for path in sorted(root.iterdir()):
            if not _may_be_ours(path, ours=ours):
                raise PermanentStoreError(
                    f"{root} holds {path.name!r} and no {JOURNAL}: it is not a Holdfast "
                    "folder; nothing was changed"
                )


def _may_be_ours(path: Path, *, ours: bool) -> bool:
    """Say whether something may lie in a store whose journal is not there (yet, or any more)."""
    known = path.name == LOCK or path.name.startswith("journal.") or path.suffix == ".tmp"
    return known or (ours and path.is_dir())


def journal_lost(path: Path) -> PermanentStoreError:
    """Return the refusal to take checkpoints without a journal for an empty store."""
    return PermanentStoreError(
        f"{path} is gone or empty, but there are checkpoints beside it; nothing was changed. "
        "`holdfast rebuild` lists them again"
    )


def headless(path: Path) -> PermanentStoreError:
    """Return the refusal to go on behind a first line that cannot be read."""
    return PermanentStoreError(
        f"the first line of {path} is damaged; nothing was changed, and checkpoints can still be "
        "read. `holdfast rebuild` writes it anew"
    )


def entries_lost(path: Path, lines: Sequence[int]) -> CorruptCheckpoint:
    """Return the refusal to tell entries of which one may be missing or wrong."""
    return CorruptCheckpoint(
        f"line {lines[0]} of {path} is damaged and told of journal entries; which ones cannot be "
        "known. `holdfast rebuild` goes on without it and keeps it beside the new journal"
    )


def bytes_at(folder: Folder, path: Path, record: Checkpoint) -> bytes | None:
    """Return the bytes of a checkpoint's file, None when there is none.

    Raises CorruptCheckpoint where no file can be, StoreError where it cannot be read now.
    """
    try:
        return folder.read(path)
    except PermanentStoreError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        raise CorruptCheckpoint(
            f"{record.id} cannot be read: {error}", checkpoint_id=record.id
        ) from error


def damage_of(folder: Folder, record: Checkpoint, check: str | None) -> str | None:
    """Say why a checkpoint cannot be read, if so: by its file's check, else by its content.

    Raises StoreError when that cannot be known now.
    """
    why = "its file is gone"
    for path in folder.paths(record):
        try:
            data = bytes_at(folder, path, record)
        except CorruptCheckpoint as error:
            why = str(error)
            continue
        if data is None:
            continue
        if check is not None and file_check(data) == check:
            return None
        found = _damage_in(data, record)
        if found is None:
            return None
        why = found
    return why


def file_check(data: bytes) -> str:
    """Return what a file's bytes are checked by."""
    return check_of(data).hex()


def _damage_in(data: bytes, record: Checkpoint) -> str | None:
    try:
        document = unpack_document(data)
        document.checked(record.sha256)
    except CheckpointError as error:
        return str(error)
    if document.record is None or _told(document.record) != _told(record):
        return "the record in its file is not the one that was saved"
    return None


def _told(record: Checkpoint) -> bytes:
    return orjson.dumps(replace(record, stored_size=None).to_dict())


def findings_of_journal(journal: Journal) -> Iterator[Finding]:
    """Yield what is wrong with the journal itself."""
    for line in journal.damaged:
        message = f"line {line} of {JOURNAL} is damaged; what it recorded is not listed"
        yield Finding(kind="damaged_journal", message=message)
    if journal.torn:
        message = f"{JOURNAL} ends in a line that was never finished; the next save cuts it off"
        yield Finding(kind="torn_journal", message=message)


def _unlisted(folder: Folder, kept: Iterable[Checkpoint]) -> Iterator[Path]:
    known = {path for record in kept for path in folder.paths(record)}
    return (path for path in folder.files() if path not in known)


def unlisted_findings(folder: Folder, kept: Iterable[Checkpoint]) -> Iterator[Finding]:
    """Yield each checkpoint's file of which the journal does not know."""
    for path in _unlisted(folder, kept):
        yield Finding(
            kind="unlisted_file",
            message=f"{path.relative_to(folder.root)} is in no line of {JOURNAL}: "
            "its save was never acknowledged, or that line is damaged",
            checkpoint_id=path.name.partition(".")[0],
        )


def put_unlisted_away(folder: Folder, ledger: Ledger, now: datetime) -> list[Finding]:
    """Move each file that the journal does not know, and that is whole no more, to quarantine."""
    found = []
    for path in list(_unlisted(folder, ledger.kept())):
        if _readable(folder, path) is None:
            why = "it is in no line of the journal and cannot be read"
            folder.put_away(path, why, now)
            message = f"{path.relative_to(folder.root)}: {why}; its bytes are in quarantine"
            found.append(Finding(kind="quarantined", message=message))
    return found


def _readable(folder: Folder, path: Path) -> tuple[Checkpoint, str] | None:
    """Return the record and the check of a file that is whole and lies where it belongs."""
    try:
        data = folder.read(path)
        document: Document | None = unpack_document(data) if data is not None else None
        if data is None or document is None or document.record is None:
            return None
        document.checked(document.record.sha256)
    except CheckpointError:
        return None
    if path not in folder.paths(document.record):
        return None
    return document.record, file_check(data)


def relisted(folder: Folder, ledger: Ledger, journal: Journal, now: datetime) -> list[Event]:
    """Return the events of a journal that lists every whole file and keeps what can be read."""
    events = compacted(ledger)
    position = journal.position
    fresh = _fresh(folder, ledger)
    for number, (record, check) in enumerate(fresh, start=1):
        position += 1
        event = Event(
            name=EventName.PUT,
            position=position,
            checkpoint=record,
            check=check,
            place=_place(ledger, record, number),
        )
        events.append(event)
    heads = _mended_heads(ledger_of(events), ledger, journal, {r.id for r, _ in fresh}, now)
    for head in heads:
        position += 1
        events.append(Event(name=EventName.HEAD_MOVED, position=position, head=head))
    return events


def _fresh(folder: Folder, ledger: Ledger) -> list[tuple[Checkpoint, str]]:
    """Return what lies in the folder, is not listed and was not removed: oldest first, once."""
    found: dict[str, tuple[Checkpoint, str]] = {}
    for path in _unlisted(folder, ledger.kept()):
        readable = _readable(folder, path)
        if readable is not None and not ledger.keeps(readable[0]):
            found.setdefault(readable[0].id, readable)
    left = (item for name, item in found.items() if name not in ledger.gone)
    return sorted(left, key=lambda item: (item[0].created_at, item[0].step, item[0].id))


def _place(ledger: Ledger, record: Checkpoint, number: int) -> Place:
    """Return a place behind the last save of its thread that is known and not younger."""
    ids = ledger.by_thread.get((record.agent_id, record.thread_id), {})
    for name in reversed(ids):
        if ledger.records[name].created_at <= record.created_at:
            position, behind = ledger.order[name]
            return position, behind + number
    return 0, number


def _mended_heads(
    present: Ledger, before: Ledger, journal: Journal, fresh: set[str], now: datetime
) -> Iterator[Head]:
    """Yield a head for each thread that has none, or whose last move may have been lost."""
    moved_at = {
        (event.head.agent_id, event.head.thread_id): event.position
        for event in before.events
        if event.head is not None
    }
    for key, ids in present.by_thread.items():
        head = present.heads.get(key)
        newest = list(reversed(ids))
        if head is not None:
            lost = journal.damaged_after is not None and moved_at[key] <= journal.damaged_after
            newest = _behind(present, head, newest, fresh) if lost else []
        if newest:
            yield _head_at(present, key, newest[0], now)


def _behind(ledger: Ledger, head: Head, newest: Sequence[str], fresh: set[str]) -> list[str]:
    """Return those that were found again and stand on the head: saves that had moved it."""
    return [
        name
        for name in newest
        if name in fresh
        and any(r.id == head.checkpoint_id for r in ancestors(ledger.records, name))
    ]


def _head_at(ledger: Ledger, key: ThreadKey, name: str, now: datetime) -> Head:
    head = ledger.heads.get(key)
    return Head(
        agent_id=key[0],
        thread_id=key[1],
        checkpoint_id=name,
        version=head.version + 1 if head else len(ledger.by_thread[key]),
        moved_at=now,
        reason="remade by rebuild",
    )
