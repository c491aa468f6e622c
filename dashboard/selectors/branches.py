"""Which lane a checkpoint is drawn on: the head's ancestry, or a branch beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAIN = 0
MOST = 5


@dataclass(frozen=True, slots=True)
class Node:
    """A checkpoint as far as its place in a lineage goes. ``moment`` orders them."""

    id: str
    parent_id: str
    moment: float
    namespace: str = ""


@dataclass(slots=True)
class _Branch:
    """Checkpoints that follow each other beside the head's ancestry."""

    ids: list[str]
    start: float
    end: float


def lay_out(nodes: Sequence[Node], *, head_id: str | None) -> dict[str, int]:
    """Return a lane per checkpoint id: 0 for the head's ancestry, 1 to 5 for branches.

    A checkpoint goes on in its parent's branch when it is the first child there; otherwise it
    starts one. A branch takes the first lane on which the one before it has ended.
    """
    ordered = sorted(nodes, key=lambda node: (node.moment, node.id))
    main = _ancestry(ordered, head_id)
    lanes = dict.fromkeys(main, MAIN)
    ends: list[float] = []
    for branch in _branches([node for node in ordered if node.id not in main]):
        lane = _free_lane(ends, branch.start)
        ends[lane] = branch.end
        lanes.update(dict.fromkeys(branch.ids, lane + 1))
    return lanes


def _ancestry(ordered: Sequence[Node], head_id: str | None) -> set[str]:
    parents = {node.id: node.parent_id for node in ordered if not node.namespace}
    present = head_id if head_id in parents else next(reversed(parents), None)
    found: set[str] = set()
    while present in parents and present not in found:
        found.add(present)
        present = parents[present]
    return found


def _branches(ordered: Sequence[Node]) -> list[_Branch]:
    """Return the branches by their start."""
    found: list[_Branch] = []
    open_at: dict[str, _Branch] = {}
    for node in ordered:
        branch = open_at.pop(node.parent_id, None)
        if branch is None:
            branch = _Branch([], node.moment, node.moment)
            found.append(branch)
        branch.ids.append(node.id)
        branch.end = node.moment
        open_at[node.id] = branch
    return found


def _free_lane(ends: list[float], start: float) -> int:
    for lane, end in enumerate(ends):
        if end < start:
            return lane
    if len(ends) < MOST:
        ends.append(start)
        return len(ends) - 1
    return min(range(MOST), key=ends.__getitem__)
