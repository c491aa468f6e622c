"""What one run of bytes keeps of another."""

from __future__ import annotations

from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.bodies.patches import Kept, Op, difference, written

TEXT = b"".join(b"%04d the quick brown fox jumps over the lazy dog. " % n for n in range(2000))


def applied(old: bytes, ops: list[Op]) -> bytes:
    """Make the new bytes out of the old ones."""
    return b"".join(old[op.start : op.end] if isinstance(op, Kept) else op for op in ops)


few = st.binary(max_size=300) | st.text("ab", max_size=300).map(str.encode)


@given(old=few, new=few)
def test_any_bytes_come_out_of_any_others(old: bytes, new: bytes) -> None:
    assert applied(old, difference(old, new)) == new


@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 500), st.binary(max_size=80)),
        max_size=6,
    )
)
def test_a_long_text_comes_out_of_itself_before_some_edits(
    edits: list[tuple[int, int, bytes]],
) -> None:
    new = TEXT
    for at, length, put in edits:
        new = new[:at] + put + new[at + length :]
    assert applied(TEXT, difference(TEXT, new)) == new


@pytest.mark.parametrize(
    ("change", "most"),
    [
        pytest.param(lambda t: t + b"more", 4, id="grew at its end"),
        pytest.param(lambda t: b"more" + t, 4, id="grew at its beginning"),
        pytest.param(lambda t: t[:5000] + b"more" + t[5000:], 4, id="grew in the middle"),
        pytest.param(lambda t: t[:40_000] + t[60_000:], 0, id="lost its middle"),
        pytest.param(lambda t: b"x" + t[1:50_000] + b"y" + t[50_001:] + b"z", 3, id="three edits"),
        pytest.param(lambda t: t, 0, id="is the same"),
    ],
)
def test_only_what_is_new_is_written(change: Any, most: int) -> None:
    new = change(TEXT)
    ops = difference(TEXT, new)
    assert applied(TEXT, ops) == new
    assert written(ops) <= most


def test_a_list_that_grows_past_the_size_of_its_header_is_kept() -> None:
    messages = [f"message {number}" for number in range(70_000)]
    for length in (15, 16, 65_535, 65_536):
        old = ormsgpack.packb(messages[:length])
        new = ormsgpack.packb(messages[: length + 1])
        ops = difference(old, new)
        assert applied(old, ops) == new
        assert written(ops) < 30


def test_kept_ranges_are_never_empty() -> None:
    for new in (b"", b"a", TEXT[:100], TEXT[100:], TEXT * 2):
        assert all(op.start < op.end for op in difference(TEXT, new) if isinstance(op, Kept))


def test_a_length_that_is_written_over_costs_no_more_than_itself() -> None:
    messages = b"".join(
        b"%06d" % n * 300 + b"{additional: {}, response: {}, name: null, example: false}"
        for n in range(40)
    )
    for count in range(20, 40):
        cut = messages[: count * len(messages) // 40]
        old, new = b"head:%06d:" % 111_111 + cut, b"head:%06d:" % 222_222 + cut + messages[:500]
        assert written(difference(old, new)) <= 520
