"""What of a folder must stay whatever a policy says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from checkpoints.connectors import marks
from checkpoints.connectors.documents.catalog import Saved
from checkpoints.connectors.documents.threads import by_name, head_of

HEAD = "the head: the agent resumes from it"


def exempt(saved: Sequence[Saved], agent_id: str | None, thread_id: str) -> dict[str, str]:
    """Return what of a thread must stay, and why: its head, and where others branch off."""
    own = [
        item
        for item in saved
        if item.record.thread_id == thread_id and agent_id in (None, item.record.agent_id)
    ]
    kept = dict(_branch_points(own, saved))
    for lineage in by_name(own).values():
        kept |= {item.record.id: HEAD for item in _newest(lineage)}
    return kept


def _newest(lineage: Sequence[Saved]) -> Iterator[Saved]:
    """Yield the head, and all of its moment: which of those is resumed the framework decides."""
    head = head_of(lineage)
    for item in lineage if head else ():
        same = head is not None and item.record.created_at == head.record.created_at
        if same and item.record.damage is None:
            yield item


def _branch_points(own: Iterable[Saved], saved: Iterable[Saved]) -> Iterator[tuple[str, str]]:
    children: dict[str, list[Saved]] = defaultdict(list)
    for item in saved:
        for origin in {item.record.parent_id, item.record.metadata.get(marks.FORKED_FROM)}:
            if isinstance(origin, str):
                children[origin].append(item)
    for item in own:
        why = _why_branching(item, children.get(item.record.id, []))
        if why:
            yield item.record.id, why


def _why_branching(item: Saved, children: Sequence[Saved]) -> str | None:
    own = (item.record.agent_id, item.record.thread_id)
    others = [c.record for c in children if (c.record.agent_id, c.record.thread_id) != own]
    if others:
        where = others[0].agent_id if others[0].agent_id != own[0] else others[0].thread_id
        return f"{where} was forked from it"
    if len(children) > 1:
        return f"a branch point: {len(children)} checkpoints follow it"
    return None
