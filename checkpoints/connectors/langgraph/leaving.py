"""Checkpoints on their way into the trash and out of it: rows as items, items as rows.

Values that are kept apart are items of their own, which the checkpoints that held them name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from checkpoints.bodies.encoding import encode
from checkpoints.connectors.langgraph.exact import (
    CHECKPOINTS,
    VALUES,
    Apart,
    ExactRows,
    PrunableRows,
    Row,
    size_of,
)
from checkpoints.connectors.langgraph.records import sha256_of
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.errors import CorruptCheckpoint, PlanRefused, TransientStoreError
from checkpoints.stores.operable import Trash, TrashItem

UNDONE: Final = "this operation was undone"
_BACK: Final = "back"
_VALUE: Final = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A checkpoint's rows, with which of those that stay follow it.

    ``sha256`` is the digest of its content, ``values`` are the items of what it held apart.
    """

    key: Key
    columns: dict[str, list[str]]
    rows: dict[str, list[Row]]
    children: tuple[str, ...]
    sha256: str | None
    values: tuple[str, ...] = ()

    def item(self) -> TrashItem:
        """Return what brings it back. Its key names the content, so that no two are mixed up."""
        data = {
            "namespace": self.key.namespace,
            "columns": self.columns,
            "rows": self.rows,
            "children": list(self.children),
            "sha256": self.sha256,
            VALUES: list(self.values),
        }
        name = self.key.checkpoint_id
        return TrashItem(key=f"{name} {_digest(data)}", checkpoint_id=name, data=data)

    @property
    def size(self) -> int:
        """The bytes of the texts and the data in its rows."""
        return sum(size_of(row) for rows in self.rows.values() for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingValue:
    """The row of a value that is kept apart."""

    apart: Apart
    columns: list[str]
    row: Row

    def item(self) -> TrashItem:
        """Return what brings it back."""
        data = {
            _VALUE: [self.apart.namespace, self.apart.channel, self.apart.version],
            "columns": self.columns,
            "row": self.row,
        }
        return TrashItem(key=f"{_VALUE} {_digest(data)}", checkpoint_id="", data=data)

    @property
    def size(self) -> int:
        """The bytes of the texts and the data in it."""
        return size_of(self.row)


class GoneMeanwhile(TransientStoreError):
    """Somebody else has deleted what was about to leave; nothing was moved."""


def leaving(
    rows: PrunableRows,
    key: Key,
    found: dict[str, list[Row]],
    *,
    columns: dict[str, list[str]],
    sha256: str | None = None,
    children: Iterable[Key] = (),
    values: Iterable[str] = (),
) -> Leaving:
    """Return a checkpoint that is to leave, by its rows and the digest, if that is known.

    Raises GoneMeanwhile when it is gone.
    """
    row = rows.checkpoint(key) if sha256 is None else None
    if not found[CHECKPOINTS] or (sha256 is None and row is None):
        raise _gone(key.checkpoint_id)
    return Leaving(
        key=key,
        columns={table: columns[table] for table in found},
        rows=found,
        children=tuple(child.checkpoint_id for child in children),
        sha256=sha256_of(row) if row else sha256,
        values=tuple(sorted(values)),
    )


def leaving_values(
    exact: ExactRows, thread_id: str, wanted: Sequence[Apart]
) -> Iterator[LeavingValue]:
    """Read values that are to leave. Raises GoneMeanwhile when one is gone."""
    for apart, row in exact.values(thread_id, wanted):
        if row is None:
            raise _gone(f"a value of {apart.channel}")
        yield LeavingValue(apart=apart, columns=exact.columns[VALUES], row=row)


def _gone(what: str) -> GoneMeanwhile:
    return GoneMeanwhile(f"{what} was deleted meanwhile; nothing was moved, try again")


def required(trash: Trash | None) -> Trash:
    """Return the trash. Raises PlanRefused when there is none."""
    if trash is None:
        raise PlanRefused(
            "LangGraph's stores have no trash of their own: name the store that keeps it; nothing "
            "was changed"
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
        """Return the keys of the items of some checkpoints, with values that no other holds."""
        going, needed = list[TrashItem](), set[str]()
        for item in self._checkpoints():
            if item.checkpoint_id in checkpoint_ids:
                going.append(item)
            else:
                needed.update(_values_of(item))
        values = {value for item in going for value in _values_of(item)}
        return [*(item.key for item in going), *sorted((values - needed) & self.keys)]

    def leaving(self) -> dict[Key, Leaving]:
        """Return the checkpoints that lie here, each as it left last."""
        found = (_out_of(self.thread_id, item) for item in self._checkpoints())
        return {one.key: one for one in found}

    def values(self) -> dict[str, LeavingValue]:
        """Return the values that were kept apart and lie here, by the keys of their items."""
        return {item.key: _value_of(item) for item in self.items if _VALUE in item.data}

    def _checkpoints(self) -> Iterator[TrashItem]:
        return (item for item in self.items if not {_BACK, _VALUE} & item.data.keys())


def mark_undone(
    trash: Trash, operation_id: str, thread_id: str, checkpoint_ids: Collection[str]
) -> None:
    """Note which checkpoints an operation must not take any more, before they come back."""
    names = sorted(checkpoint_ids)
    mark = TrashItem(key=f"{_BACK} {_digest(names)}", checkpoint_id="", data={_BACK: names})
    trash.keep(operation_id, thread_id, [mark])


def _digest(data: Any) -> str:
    return hashlib.sha256(encode(data)).hexdigest()


def _values_of(item: TrashItem) -> list[str]:
    found = item.data.get(VALUES)
    return [str(name) for name in found] if isinstance(found, list) else []


def _out_of(thread_id: str, item: TrashItem) -> Leaving:
    data: Any = item.data
    try:
        return Leaving(
            key=Key(thread_id, data["namespace"], item.checkpoint_id),
            columns=data["columns"],
            rows=data["rows"],
            children=tuple(data["children"]),
            sha256=data["sha256"],
            values=tuple(_values_of(item)),
        )
    except (KeyError, TypeError) as error:
        raise _no_item(item, "no checkpoint of LangGraph's") from error


def _value_of(item: TrashItem) -> LeavingValue:
    data: Any = item.data
    try:
        return LeavingValue(apart=Apart(*data[_VALUE]), columns=data["columns"], row=data["row"])
    except (KeyError, TypeError) as error:
        raise _no_item(item, "no value of LangGraph's") from error


def _no_item(item: TrashItem, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"what the trash holds as {item.key!r} is {what}", checkpoint_id=item.checkpoint_id
    )
