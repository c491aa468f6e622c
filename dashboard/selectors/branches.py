"""Which lane a checkpoint is drawn on: the head's ancestry, or a branch beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
class _Branches:
    """What has been laid out so far: where each lane ends, and which branch may go on in it."""

    ends: list[float] = field(default_factory=list)
    tips: dict[str, int] = field(default_factory=dict)


def lay_out(nodes: Sequence[Node], *, head_id: str | None) -> dict[str, int]:
    """Return a lane per checkpoint id: 0 for the head's ancestry, 1 to 5 for branches.

    A checkpoint goes on in its parent's branch when it is the first child there; otherwise it
    starts a lane, or takes one whose branch ended before.
    """
    ordered = sorted(nodes, key=lambda node: (node.moment, node.id))
    main = _ancestry(ordered, head_id)
    lanes = dict.fromkeys(main, MAIN)
    branches = _Branches()
    for node in ordered:
        if node.id not in main:
            lanes[node.id] = _place(node, branches) + 1
    return lanes


def _ancestry(ordered: Sequence[Node], head_id: str | None) -> set[str]:
    parents = {node.id: node.parent_id for node in ordered if not node.namespace}
    present = head_id if head_id in parents else next(reversed(parents), None)
    found: set[str] = set()
    while present in parents and present not in found:
        found.add(present)
        present = parents[present]
    return found


def _place(node: Node, branches: _Branches) -> int:
    lane = branches.tips.pop(node.parent_id, None)
    if lane is None:
        lane = _free_lane(branches, node.moment)
    branches.ends[lane] = node.moment
    branches.tips[node.id] = lane
    return lane


def _free_lane(branches: _Branches, start: float) -> int:
    for lane, end in enumerate(branches.ends):
        if end < start:
            return lane
    if len(branches.ends) < MOST:
        branches.ends.append(start)
        return len(branches.ends) - 1
    return min(range(MOST), key=branches.ends.__getitem__)
