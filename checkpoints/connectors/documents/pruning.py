"""Taking checkpoints out of a folder into the trash, and bringing them back. Whole files go."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from checkpoints.connectors.documents.holdings import File, Holdings, Listing, holdings
from checkpoints.connectors.documents.publishing import locked, make_folder
from checkpoints.connectors.documents.trashing import (
    PUT_BACK,
    Taken,
    delete,
    put_in_place,
    settle,
    taken_from,
)
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint, PlanRefused
from checkpoints.plans import ThreadPrune, ThreadPruned
from checkpoints.stores.operable import Trash, TrashItem

_BATCH_BYTES = 16 * 1024 * 1024
_NOT_THERE = "it is not in the trash"
_UNDONE = "this operation was undone: it was put back"
_NOT_PLANNED = "it is not what the plan saw: its content changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """What one operation has put into the trash out of a folder."""

    trash: Trash
    operation_id: str
    thread_id: str

    def taken(self, agent_id: str | None) -> list[Taken]:
        """Return the files of an agent that lie in it. Raises CorruptCheckpoint."""
        return [Taken.of_item(item) for item in self._items(agent_id) if PUT_BACK not in item.data]

    def undone(self, agent_id: str | None) -> dict[str, str]:
        """Return the ids that were put back, each with the key of what says so."""
        marks = [item for item in self._items(agent_id) if PUT_BACK in item.data]
        return {str(name): item.key for item in marks for name in _ids(item.data[PUT_BACK])}

    def _items(self, agent_id: str | None) -> Iterator[TrashItem]:
        for item in self.trash.items(self.operation_id, self.thread_id):
            of_files = "digests" in item.data or PUT_BACK in item.data
            if of_files and agent_id in (None, item.data["agent_id"]):
                yield item

    def keep(self, items: Iterable[TrashItem]) -> None:
        """Keep items durably and read them back. Raises StoreError."""
        self.trash.keep(self.operation_id, self.thread_id, items)

    def drop(self, keys: Collection[str]) -> None:
        """Delete items from it for good."""
        if keys:
            self.trash.drop(self.operation_id, self.thread_id, keys)


def _ids(value: object) -> Iterable[object]:
    return value if isinstance(value, (list, tuple)) else ()


@dataclass(slots=True, kw_only=True)
class Removal:
    """The removal of one agent's checkpoints, while it is under way."""

    catalog: Listing
    prune: ThreadPrune
    bin: Bin
    stayed: dict[str, str] = field(default_factory=dict)

    def carry_out(self) -> ThreadPruned:
        """Move what the plan dooms, and has not moved yet, into the trash."""
        before = self.bin.taken(self.prune.agent_id)
        with ExitStack() as stack:
            directories = locked_folders(stack, self.catalog, self._subfolders(before))
            for taken in before:
                settle(directories[taken.subfolder], taken)
            held = holdings(self.catalog)
            for batch in _batches(self._leaving(held, before)):
                self._move(batch, directories)
        return self._outcome()

    def exempt(self) -> Mapping[str, str]:
        """Return what must stay as the folder is now, and why. A connector says it."""
        raise NotImplementedError

    def _subfolders(self, before: Iterable[Taken]) -> set[str]:
        doomed = {item.checkpoint_id for item in self.prune.remove}
        listed = (f.entry.subfolder for f in holdings(self.catalog).files if f.ids & doomed)
        return {*listed, *(taken.subfolder for taken in before)}

    def _leaving(self, held: Holdings, before: Sequence[Taken]) -> Iterator[list[Taken]]:
        """Yield the files that go, those that must go together as one list."""
        known = {taken.place: taken for taken in before}
        for group in held.group(self._going(held)):
            files = list(self._read(group, known))
            if len(files) == len(group):
                yield files

    def _going(self, held: Holdings) -> list[str]:
        saved = self.catalog.saved()
        listed = {item.record.id: item for item in saved}
        undone = dict.fromkeys(self.bin.undone(self.prune.agent_id), _UNDONE)
        kept = {**undone, **self.exempt()}
        for doomed in self.prune.remove:
            item = listed.get(doomed.checkpoint_id)
            if item is None:
                continue
            if doomed.checkpoint_id in kept:
                self.stayed[doomed.checkpoint_id] = kept[doomed.checkpoint_id]
            elif doomed.sha256 is None or item.record.sha256 != doomed.sha256:
                self.stayed[doomed.checkpoint_id] = _NOT_PLANNED
        going = [
            doomed.checkpoint_id
            for doomed in self.prune.remove
            if doomed.checkpoint_id in listed and doomed.checkpoint_id not in self.stayed
        ]
        self.stayed |= held.inseparable(self.prune.agent_id, going)
        return [name for name in going if name not in self.stayed]

    def _read(self, group: Sequence[File], known: dict[str, Taken]) -> Iterator[Taken]:
        """Read files as they are now; none of those that changed since they were listed."""
        for file in group:
            try:
                taken = taken_from(self.catalog, file, self.prune.agent_id)
            except (CheckpointNotFound, CorruptCheckpoint):
                self.stayed |= dict.fromkeys(file.ids, _NOT_PLANNED)
                return
            listed = {saved.record.id: saved.record.sha256 for saved in file.saved}
            earlier = known.get(taken.place)
            if taken.digests != listed or (earlier and earlier.content != taken.content):
                self.stayed |= dict.fromkeys(file.ids, _NOT_PLANNED)
                return
            yield taken

    def _move(self, batch: Sequence[Taken], directories: dict[str, int]) -> None:
        self.bin.keep([taken.as_item() for taken in batch])
        for taken in batch:
            if not delete(directories[taken.subfolder], taken):
                self.stayed |= dict.fromkeys(taken.digests, _NOT_PLANNED)
        for subfolder in {taken.subfolder for taken in batch}:
            os.fsync(directories[subfolder])

    def _outcome(self) -> ThreadPruned:
        """Say what became of it, from what is in the trash and in the folder now."""
        taken = self.bin.taken(self.prune.agent_id)
        listed = {item.record.id for item in self.catalog.saved()}
        gone = {name for item in taken for name in item.digests} - listed
        removed = tuple(d.checkpoint_id for d in self.prune.remove if d.checkpoint_id in gone)
        others = [d.checkpoint_id for d in self.prune.remove if d.checkpoint_id not in gone]
        return ThreadPruned(
            removed=removed,
            stayed={name: self._why_stayed(name, listed) for name in others},
            freed_bytes=sum(len(item.content) for item in taken if gone.issuperset(item.digests)),
        )

    def _why_stayed(self, checkpoint_id: str, listed: Collection[str]) -> str:
        if checkpoint_id not in listed:
            return "it was gone before"
        return self.stayed.get(checkpoint_id, "it was saved again meanwhile")


def _batches(groups: Iterable[list[Taken]]) -> Iterator[list[Taken]]:
    batch: list[Taken] = []
    for group in groups:
        batch += group
        if sum(len(taken.content) for taken in batch) >= _BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def locked_folders(stack: ExitStack, catalog: Listing, subfolders: Iterable[str]) -> dict[str, int]:
    """Lock folders and the root, where forks begin; give the descriptors. Raises StoreError."""
    return {
        subfolder: stack.enter_context(locked(catalog.folder, subfolder))
        for subfolder in sorted({"", *subfolders})
    }


def put_back(
    catalog: Listing, bin_: Bin, agent_id: str | None, ids: Sequence[str]
) -> dict[str, str]:
    """Bring files back out of the trash; return which ids could not come back, and why.

    That they were is written down first: the removal, delivered again, must leave them. What was
    saved again meanwhile is left alone.
    """
    wanted, reasons = set(ids), dict[str, str]()
    taken = [item for item in bin_.taken(agent_id) if wanted & item.digests.keys()]
    bin_.keep([item.as_mark() for item in taken])
    back: set[str] = set()
    with ExitStack() as stack:
        directories = _made(stack, catalog, {item.subfolder for item in taken})
        for item in _not_saved_again(catalog, taken):
            why = put_in_place(directories[item.subfolder], item)
            if why is None:
                back.add(item.place)
            else:
                reasons |= dict.fromkeys(item.digests, why)
        for directory in directories.values():
            os.fsync(directory)
    bin_.drop(back)
    present = {item.record.id for item in catalog.saved()}
    return {name: reasons.get(name, _NOT_THERE) for name in ids if name not in present}


def _not_saved_again(catalog: Listing, taken: Sequence[Taken]) -> list[Taken]:
    """Return the files whose ids no other file has: beside another, the old might be loaded."""
    own = {item.place for item in taken}
    elsewhere = {
        name for file in holdings(catalog).files if file.entry.place not in own for name in file.ids
    }
    return [item for item in taken if not item.digests.keys() & elsewhere]


def _made(stack: ExitStack, catalog: Listing, subfolders: Iterable[str]) -> dict[str, int]:
    """Lock folders, making those anew that are gone."""
    with catalog.folder.opened() as root:
        for subfolder in subfolders:
            if subfolder:
                make_folder(root, subfolder)
    return locked_folders(stack, catalog, subfolders)


def purge(bin_: Bin, agent_id: str | None, ids: Sequence[str]) -> int:
    """Delete from the trash what holds nothing but these; return the bytes that it took."""
    wanted = set(ids)
    unwanted = [item for item in bin_.taken(agent_id) if wanted.issuperset(item.digests)]
    bin_.drop({item.place for item in unwanted})
    return sum(len(item.content) for item in unwanted)


def required(trash: Trash | None, operation_id: str, thread_id: str, *, framework: str) -> Bin:
    """Return the trash that an operation uses. Raises PlanRefused when none was given."""
    if trash is None:
        raise PlanRefused(
            f"a folder of {framework}'s has no trash of its own, and none was given; "
            "nothing was moved"
        )
    return Bin(trash=trash, operation_id=operation_id, thread_id=thread_id)
