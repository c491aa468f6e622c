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
from dashboard.services.states.places import Places

LEVEL = 200


class NoSuchPath(NotFound):
    """The state has no value there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePage:
    """A value and its children. ``start`` is where these begin, ``next_start`` where they go on,
    None at their end.

    ``whole`` is a leaf's full text; None for a value with children.
    """

    checkpoint: Checkpoint
    node: Node
    children: tuple[Node, ...]
    next_start: int | None
    start: int
    whole: str | None

    @property
    def path(self) -> Path:
        """Where the value lies."""
        return self.node.path


def state_page(*, user: User, checkpoint_pk: int, places: Places, start: int = 0) -> StatePage:
    """Return the value at ``places`` and up to LEVEL of its children, from the one at ``start``.

    Raises NotFound, NoSuchPath, SourceNotConnected, StoreError, and CorruptCheckpoint, after which
    the index shows the checkpoint as damaged.
    """
    row = find_checkpoint(user=user, checkpoint_pk=checkpoint_pk)
    path, value = value_at(load_state(row), places)
    described = node(value, path, places)
    shown = children(value, described, start=start, limit=LEVEL)
    end = start + len(shown)
    return StatePage(
        checkpoint=row,
        node=described,
        children=shown,
        next_start=end if described.has_children and end < (described.size or 0) else None,
        start=start,
        whole=None if described.has_children else whole_text(value),
    )


def value_at(value: Any, places: Places) -> tuple[Path, Any]:
    """Return the value at ``places`` and the keys that lead to it. Raises NoSuchPath."""
    path: Path = ()
    for place in places:
        try:
            key, value = step_into(value, place)
        except NoSuchStep as error:
            raise NoSuchPath(
                "The state has changed: what this address was made for is not there. Open the "
                "state from its top."
            ) from error
        path = (*path, key)
    return path, value
