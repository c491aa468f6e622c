"""Checks of what is kept: values exactly, and large states whole."""

from __future__ import annotations

import dataclasses

from checkpoints.errors import UnsupportedState
from checkpoints.selftest.bench import Bench, require_refused
from checkpoints.selftest.outcomes import require
from checkpoints.selftest.samples import big_state, draft, full_draft, odd_state, state

BIG = 10_000_000


def exact(bench: Bench) -> None:
    """States and records read back as they were saved, and what cannot be kept is refused."""
    given = full_draft()
    saved = bench.open().put(given, odd_state(), expected_head=None)
    bench.require_loads(saved.id, odd_state())
    found = bench.open().get(saved.id)
    for field in dataclasses.fields(given):
        kept = getattr(found, field.name) == getattr(given, field.name)
        require(kept, f"the field {field.name} of a record is not kept")
    _refuses_what_it_cannot_keep(bench)


def _refuses_what_it_cannot_keep(bench: Bench) -> None:
    store = bench.open()
    unknown = {"tool": object()}
    require_refused(
        lambda: store.put(draft(2, parent="c1"), unknown, expected_head="c1"),
        UnsupportedState,
        "a value that it cannot keep is not refused",
    )
    head = store.head(None, "main")
    require(head is not None and head.checkpoint_id == "c1", "a refused save moved the head")


def big(bench: Bench) -> None:
    """A state of 10 MB, and the next one like it, load whole."""
    first = big_state(BIG)
    second = {**first, "note": "one field more"}
    saved = bench.open().put(draft(1), first, expected_head=None)
    bench.require_loads(saved, first)
    saved = bench.open().put(draft(2, parent="c1"), second, expected_head="c1")
    bench.require_loads(saved, second)
    saved = bench.open().put(draft(3, parent="c2"), state(3), expected_head="c2")
    bench.require_loads(saved, state(3))
