"""Which checkpoints are pinned, as their store says it."""

from __future__ import annotations

import checkpoints
from dashboard.models import Checkpoint, Source

AT_ONCE = 500


def note_pins(source: Source, store: checkpoints.ReadableStore) -> None:
    """Let the index say of a source's checkpoints what its store says; others keep no pins."""
    if not isinstance(store, checkpoints.Store):
        return
    pinned = {pin.checkpoint_id for pin in store.pins()}
    rows = Checkpoint.objects.filter(thread__agent__source=source)
    known = set(rows.filter(pinned=True).values_list("checkpoint_id", flat=True))
    for ids, state in ((pinned - known, True), (known - pinned, False)):
        wrong = sorted(ids)
        for start in range(0, len(wrong), AT_ONCE):
            some = rows.filter(checkpoint_id__in=wrong[start : start + AT_ONCE])
            Checkpoint.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(
                pinned=state
            )
