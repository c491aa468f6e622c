"""How checkpoints hang together, whatever they are kept in: by the parent that each names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from checkpoints.records import Checkpoint, Finding, Status, Thread

Link = tuple[str, str | None, str]
"""A checkpoint's id, its parent's, and its branch."""
QUIET_AFTER = timedelta(minutes=30)
"""A run that has not ended and has not saved for this long is taken for stalled."""


def missing_parents(links: Iterable[Link]) -> Iterator[Finding]:
    """Yield parents that are gone where branches began at them.

    That the oldest of a branch has no parent any more is what CrewAI's ``max_checkpoints`` does.
    """
    known = list(links)
    ids = {name for name, _, _ in known}
    orphans = [link for link in known if link[1] and link[1] not in ids]
    siblings = Counter(parent for _, parent, _ in orphans)
    for name, parent, branch in orphans:
        if siblings[parent] > 1:
            yield Finding(
                kind="missing_parent",
                message=f"{parent}, at which it branched off, is gone",
                checkpoint_id=name,
                thread_id=branch,
            )


def branch_points(links: Iterable[Link], branch: str) -> dict[str, str]:
    """Return which checkpoints of a branch others began at, and why they stay."""
    known = list(links)
    own = {name for name, _, of in known if of == branch}
    children = Counter(parent for _, parent, _ in known)
    found = {
        name: f"a branch point: {children[name]} checkpoints follow it"
        for name in own
        if children[name] > 1
    }
    for _, parent, of in known:
        if parent in own and of != branch:
            found[parent] = f"the branch {of!r} was forked from it"
    return found


def thread_of(head: Checkpoint, count: int, now: datetime) -> Thread:
    """Return a branch as it stands at ``now``, given its newest checkpoint."""
    return Thread(
        agent_id=head.agent_id,
        thread_id=head.thread_id,
        head_id=head.id,
        checkpoints=count,
        updated_at=head.created_at,
        status=_status(head, now),
        next_steps=head.next_steps,
        detail=f"CrewAI cannot resume: {head.damage}" if head.damage else "",
    )


def _status(head: Checkpoint, now: datetime) -> Status:
    quiet = now - head.created_at > QUIET_AFTER
    return Status.STALLED if head.status is Status.RUNNING and quiet else head.status
