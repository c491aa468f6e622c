"""What of Kaizen's may be taken out of a folder into the trash.

Kaizen's own retention takes what forks began at; here that stays, as does all that Kaizen could
resume from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checkpoints.connectors.documents import pruning
from checkpoints.connectors.documents.holdings import holdings
from checkpoints.connectors.documents.pruning import Bin, locked_folders, purge, put_back
from checkpoints.connectors.kaizen import threads
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.states import THREAD, Saved
from checkpoints.stores.operable import Trash

__all__ = [
    "Bin",
    "Removal",
    "exempt",
    "locked_folders",
    "needed_by",
    "purge",
    "put_back",
    "required",
]


def exempt(saved: Sequence[Saved], agent_id: str | None) -> dict[str, str]:
    """Return what of a folder, or of one agent in it, must stay, and why."""
    own = [item for item in saved if agent_id in (None, item.record.agent_id)]
    kept = dict(_branch_points(own, saved))
    for item in own:
        if item.is_locked:
            kept[item.record.id] = "encrypted: whether the agent needs it cannot be told"
    for item in _newest(own):
        kept[item.record.id] = "its agent's newest, which Kaizen resumes from"
    for name in {item.record.agent_id for item in own}:
        head = threads.head_of(item for item in own if item.record.agent_id == name)
        if head:
            kept[head.record.id] = "the head: the agent resumes from it"
    return kept


def _newest(saved: Iterable[Saved]) -> Iterator[Saved]:
    """Yield the newest of each agent as Kaizen tells them apart; all of those of one moment."""
    agents: dict[tuple[str, str], list[Saved]] = defaultdict(list)
    for item in saved:
        if item.record.damage is None:
            agents[item.entry.subfolder, item.raw_agent].append(item)
    for items in agents.values():
        newest = max(item.record.created_at for item in items)
        yield from (item for item in items if item.record.created_at == newest)


def _branch_points(own: Iterable[Saved], saved: Iterable[Saved]) -> Iterator[tuple[str, str]]:
    children: dict[str, list[Saved]] = defaultdict(list)
    for item in saved:
        if item.record.parent_id:
            children[item.record.parent_id].append(item)
    for item in own:
        why = _why_branching(item, children.get(item.record.id, []))
        if why:
            yield item.record.id, why


def _why_branching(item: Saved, children: Sequence[Saved]) -> str | None:
    forked = [c.record.agent_id for c in children if c.record.agent_id != item.record.agent_id]
    if forked:
        return f"{forked[0]} was forked from it"
    if len(children) > 1:
        return f"a branch point: {len(children)} checkpoints follow it"
    if any(child.record.created_at == item.record.created_at for child in children):
        return "a fork of Kaizen's begins at it"
    return None


def needed_by(
    catalog: Catalog, agent_id: str | None, kept: Collection[str], thread: Iterable[Saved]
) -> dict[str, str]:
    """Return which others of a thread cannot go while these stay: those in the same files."""
    going = {item.record.id for item in thread} - set(kept)
    return holdings(catalog).inseparable(agent_id, going)


@dataclass(slots=True, kw_only=True)
class Removal(pruning.Removal):
    """The removal of one agent's checkpoints, while it is under way."""

    catalog: Catalog

    def exempt(self) -> Mapping[str, str]:
        """Return what must stay as the folder is now, and why."""
        return exempt(self.catalog.saved(), self.prune.agent_id)


def required(trash: Trash | None, operation_id: str) -> Bin:
    """Return the trash that an operation uses. Raises PlanRefused when none was given."""
    return pruning.required(trash, operation_id, THREAD, framework="Kaizen")
