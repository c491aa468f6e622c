"""Checkpoints on their way into the trash and out of it: rows as items, items as rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from checkpoints.bodies.encoding import encode
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph_sqlite.exact import ExactRows, Row
from checkpoints.errors import CorruptCheckpoint, PlanRefused, TransientStoreError
from checkpoints.stores.operable import Trash, TrashItem

UNDONE: Final = "this operation was undone"
_BACK: Final = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A checkpoint's rows, with which of those that stay follow it."""

    key: Key
    columns: dict[str, list[str]]
    rows: dict[str, list[Row]]
    children: tuple[str, ...]

    @property
    def sha256(self) -> str | None:
        """The hex digest of its stored body."""
        named = dict(zip(self.columns["checkpoints"], self.rows["checkpoints"][0], strict=True))
        _, body = named["checkpoint"]
        return hashlib.sha256(body).hexdigest() if isinstance(body, bytes) else None

    def item(self) -> TrashItem:
        """Return what brings it back. Its key names the content, so that no two are mixed up."""
        data = {
            "namespace": self.key.namespace,
            "columns": self.columns,
            "rows": self.rows,
            "children": list(self.children),
        }
        digest = hashlib.sha256(encode(data)).hexdigest()
        name = self.key.checkpoint_id
        return TrashItem(key=f"{name} {digest}", checkpoint_id=name, data=data)

    @property
    def size(self) -> int:
        """The bytes of the texts and the data in its rows."""
        values = (value for rows in self.rows.values() for row in rows for _, value in row)
        return sum(len(value) for value in values if isinstance(value, bytes))


class GoneMeanwhile(TransientStoreError):
    """Somebody else has deleted what was about to leave; nothing was moved."""


def leaving(exact: ExactRows, key: Key, children: Iterable[Key]) -> Leaving:
    """Read a checkpoint that is to leave. Raises GoneMeanwhile when it is gone."""
    rows = exact.of(key)
    if not rows["checkpoints"]:
        raise GoneMeanwhile(
            f"{key.checkpoint_id} was deleted meanwhile; nothing was moved, try again"
        )
    return Leaving(
        key=key,
        columns=exact.columns,
        rows=rows,
        children=tuple(child.checkpoint_id for child in children),
    )


def required(trash: Trash | None) -> Trash:
    """Return the trash. Raises PlanRefused when there is none."""
    if trash is None:
        raise PlanRefused(
            "a LangGraph file has no trash of its own: name the store that keeps it; nothing was "
            "changed"
        )
    return trash


@dataclass(frozen=True, slots=True)
class Held:
    """What an operation has in the trash out of a thread."""

    thread_id: str
    items: Sequence[TrashItem]

    @classmethod
    def read(cls, trash: Trash, operation_id: str, thread_id: str) -> Held:
        """Read it. Raises CorruptCheckpoint."""
        return cls(thread_id, trash.items(operation_id, thread_id))

    @property
    def undone(self) -> frozenset[str]:
        """The checkpoints that were brought back: the operation takes them no more."""
        marks = (item.data[_BACK] for item in self.items if _BACK in item.data)
        return frozenset(name for names in marks if isinstance(names, list) for name in names)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all items."""
        return frozenset(item.key for item in self.items)

    def keys_of(self, checkpoint_ids: Collection[str]) -> list[str]:
        """Return the keys of the items of some checkpoints."""
        return [item.key for item in self._checkpoints() if item.checkpoint_id in checkpoint_ids]

    def leaving(self) -> dict[Key, Leaving]:
        """Return the checkpoints that lie here, each as it left last."""
        found = (_out_of(self.thread_id, item) for item in self._checkpoints())
        return {one.key: one for one in found}

    def _checkpoints(self) -> Iterator[TrashItem]:
        return (item for item in self.items if _BACK not in item.data)


def mark_undone(
    trash: Trash, operation_id: str, thread_id: str, checkpoint_ids: Collection[str]
) -> None:
    """Note which checkpoints an operation must not take any more, before they come back."""
    names = sorted(checkpoint_ids)
    digest = hashlib.sha256(encode(names)).hexdigest()
    mark = TrashItem(key=f"{_BACK} {digest}", checkpoint_id="", data={_BACK: names})
    trash.keep(operation_id, thread_id, [mark])


def _out_of(thread_id: str, item: TrashItem) -> Leaving:
    data: Any = item.data
    try:
        return Leaving(
            key=Key(thread_id, data["namespace"], item.checkpoint_id),
            columns=data["columns"],
            rows=data["rows"],
            children=tuple(data["children"]),
        )
    except (KeyError, TypeError) as error:
        raise CorruptCheckpoint(
            f"what the trash holds as {item.key!r} is no checkpoint of LangGraph's",
            checkpoint_id=item.checkpoint_id,
        ) from error
