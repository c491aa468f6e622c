"""One level of a state's tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.models import Checkpoint, User
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.selectors.errors import NotFound
from dashboard.services.states.loading import load_state
from dashboard.services.states.nodes import (
    Node,
    NoSuchStep,
    Path,
    children,
    node,
    step_into,
    whole_text,
)

LEVEL = 200


class NoSuchPath(NotFound):
    """The state has no value there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePage:
    """A value and its children. ``next_start`` is where the children go on, None at their end.

    ``whole`` is a leaf's full text; None for a value with children.
    """

    checkpoint: Checkpoint
    node: Node
    children: tuple[Node, ...]
    next_start: int | None
    whole: str | None

    @property
    def path(self) -> Path:
        """Where the value lies."""
        return self.node.path


def state_page(*, user: User, checkpoint_pk: int, path: Path, start: int = 0) -> StatePage:
    """Return the value at ``path`` and up to LEVEL of its children, from the one at ``start``.

    Raises NotFound, NoSuchPath, SourceNotConnected, StoreError, and CorruptCheckpoint, after which
    the index shows the checkpoint as damaged.
    """
    row = find_checkpoint(user=user, checkpoint_pk=checkpoint_pk)
    value = _value_at(load_state(row), path)
    shown = children(value, path, start=start, limit=LEVEL)
    described = node(value, path)
    end = start + len(shown)
    return StatePage(
        checkpoint=row,
        node=described,
        children=shown,
        next_start=end if described.has_children and end < (described.size or 0) else None,
        whole=None if described.has_children else whole_text(value),
    )


def _value_at(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = step_into(value, step)
        except NoSuchStep as error:
            raise NoSuchPath(
                "The state has nothing at this path. Open the state from its top."
            ) from error
    return value
