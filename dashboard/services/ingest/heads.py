"""Moving the heads of threads whose store nobody reads here, as agents report them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.models import Checkpoint
from dashboard.services.ingest.cleaning import UnusableRecord
from dashboard.services.ingest.statements import KEY, find
from dashboard.services.ingest.upserts import Upserted

LARGEST_VERSION_STEP = 1_000_000
"""How far one report may lead a head's version; beyond it no honest report could follow."""

ThreadName = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedHead:
    """Where the head of a thread is, and its version: an older one that comes late is ignored."""

    checkpoint_id: str
    version: int


def check_step(head: PushedHead, known_version: int) -> None:
    """Raise UnusableRecord for a version that no honest report could follow."""
    if head.version > known_version + LARGEST_VERSION_STEP:
        raise UnusableRecord(
            "head.version",
            f"must be at most {LARGEST_VERSION_STEP:,} above the known {known_version:,}",
        )


def move_heads(upserted: Upserted, told: Mapping[ThreadName, PushedHead]) -> None:
    """Move heads that are newer than the known ones. Saves no thread. Raises UnusableRecord."""
    newer = {
        name: head
        for name, head in told.items()
        if head.version > upserted.threads[name].head_version
    }
    for name, head in newer.items():
        check_step(head, upserted.threads[name].head_version)
    wanted = {(upserted.threads[name].pk, head.checkpoint_id) for name, head in newer.items()}
    rows = find_rows(upserted, wanted)
    for name, head in newer.items():
        thread = upserted.threads[name]
        if (row := rows.get((thread.pk, head.checkpoint_id))) is not None:
            thread.head, thread.head_version = row, head.version


def find_rows(
    upserted: Upserted, wanted: set[tuple[int, str]]
) -> dict[tuple[int, str], Checkpoint]:
    """Return rows by thread and id; of several namespaces the outermost.

    Those that are neither in the batch nor known are left out.
    """
    rows = [*upserted.created, *(row for row, _ in upserted.known)]
    present = {(row.thread_id, row.checkpoint_id) for row in rows}
    rows += _indexed(wanted - present)
    rows.sort(key=lambda row: row.namespace, reverse=True)
    return {(row.thread_id, row.checkpoint_id): row for row in rows}


def _indexed(wanted: set[tuple[int, str]]) -> list[Checkpoint]:
    """Return rows by thread and id: first those outside subgraphs, where nearly all heads are."""
    outer = list(find(Checkpoint, KEY, [(thread, "", name) for thread, name in wanted]))
    rest = wanted - {(row.thread_id, row.checkpoint_id) for row in outer}
    named = Checkpoint.objects.filter(checkpoint_id__in={name for _, name in rest}) if rest else ()
    return [*outer, *(row for row in named if (row.thread_id, row.checkpoint_id) in rest)]
