"""Which checkpoints to rehearse. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from checkpoints.records import Checkpoint, Status


def sample_of(
    records: Sequence[Checkpoint], *, count: int, seed: int | str, head_id: str | None = None
) -> list[Checkpoint]:
    """Return at most ``count`` of a thread's checkpoints, newest first.

    ``records`` come newest first; ``head_id`` is the newest one's unless given. The head comes
    always, and with it the newest good one, which is what a restore would go back to; the others
    are spread over all ages. The same seed chooses the same ones, another seed others.
    """
    own = [record for record in records if not record.namespace]
    chosen = _always(own, head_id)[: max(count, 0)]
    rest = [record for record in own if record not in chosen]
    chosen += [rest[place] for place in positions(len(rest), count=count - len(chosen), seed=seed)]
    return sorted(chosen, key=own.index)


def positions(total: int, *, count: int, seed: int | str) -> list[int]:
    """Return ``count`` places among ``total``, one out of each of as many equal stretches."""
    count = min(max(count, 0), total)
    chance = Random(str(seed))  # noqa: S311 - chooses what to look at, guards nothing
    edges = [total * part // count for part in range(count + 1)] if count else []
    return [chance.randrange(begin, end) for begin, end in pairwise(edges)]


def is_good(record: Checkpoint) -> bool:
    """Say whether a checkpoint is one to go back to, as far as its record tells."""
    drifted = record.metadata.get("drift")
    return record.damage is None and record.status is not Status.FAILED and not drifted


def _always(own: Sequence[Checkpoint], head_id: str | None) -> list[Checkpoint]:
    head = next((record for record in own if record.id == head_id), own[0] if own else None)
    good = next((record for record in own if is_good(record)), None)
    found = [record for record in (head, good) if record is not None]
    return found[:1] if len(found) > 1 and found[0].id == found[1].id else found
