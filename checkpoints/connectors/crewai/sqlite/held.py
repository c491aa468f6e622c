"""What operations have in the trash out of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from checkpoints.bodies.encoding import encode
from checkpoints.connectors.crewai.sqlite.exact import ExactRow
from checkpoints.errors import PlanRefused
from checkpoints.stores.operable import Trash, TrashItem

UNDONE: Final = "this operation was undone"
_BACK: Final = "back"


def required(trash: Trash | None) -> Trash:
    """Return the trash. Raises PlanRefused when there is none."""
    if trash is None:
        raise PlanRefused(
            "a file of CrewAI's has no trash of its own: name the store that keeps it; nothing "
            "was changed"
        )
    return trash


@dataclass(frozen=True, slots=True)
class Held:
    """What one operation has in the trash out of a branch."""

    items: Sequence[TrashItem]

    @classmethod
    def read(cls, trash: Trash, operation_id: str, branch: str) -> Held:
        """Read it. Raises CorruptCheckpoint."""
        return cls(trash.items(operation_id, branch))

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
        return [item.key for item in self._rows() if item.checkpoint_id in checkpoint_ids]

    def rows(self) -> dict[str, ExactRow]:
        """Return the rows that lie here, each as it left last."""
        return {item.checkpoint_id: ExactRow.of_item(item) for item in self._rows()}

    def _rows(self) -> Iterator[TrashItem]:
        return (item for item in self.items if _BACK not in item.data)


def mark_undone(trash: Trash, operation_id: str, branch: str, names: Collection[str]) -> None:
    """Note which checkpoints an operation must not take any more, before they come back."""
    listed = sorted(names)
    digest = hashlib.sha256(encode(listed)).hexdigest()
    mark = TrashItem(key=f"{_BACK} {digest}", checkpoint_id="", data={_BACK: listed})
    trash.keep(operation_id, branch, [mark])
