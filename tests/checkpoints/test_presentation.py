"""States and steps as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from checkpoints.presentation import presentable, summarised


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), ""),
        (("read", "write"), "read, write"),
        (("fetch", "extract") * 20 + ("search",), "41 steps: fetch × 20, extract × 20, search"),
        (tuple("abcdefghijkl"), "12 steps: a, b, c, d, e, f, g, h and 4 others"),
    ],
)
def test_steps_that_run_again_are_counted_when_they_are_many(
    steps: tuple[str, ...], said: str
) -> None:
    assert summarised(steps) == said


def test_what_json_cannot_carry_is_shown_with_its_type() -> None:
    state = {"raw": b"\x00", "pair": (1, 2), "when": datetime(2026, 1, 1, tzinfo=UTC), 1: 2**70}
    assert presentable(state) == {
        "__type__": "dict",
        "value": [
            ["raw", {"__type__": "bytes", "value": "AA=="}],
            ["pair", {"__type__": "tuple", "value": [1, 2]}],
            ["when", {"__type__": "datetime", "value": "2026-01-01 00:00:00+00:00"}],
            [1, {"__type__": "int", "value": str(2**70)}],
        ],
    }
