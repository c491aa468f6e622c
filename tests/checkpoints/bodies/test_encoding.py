"""States as bytes, and exactly back."""

from __future__ import annotations

import contextlib
import enum
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.bodies.body import Body, pack, unpack
from checkpoints.bodies.encoding import TAG, decode, encode
from checkpoints.errors import CorruptCheckpoint, UnsupportedState

keys = st.text(st.characters(), max_size=4) | st.integers() | st.just(TAG) | st.none()
hashable = keys | st.floats(allow_nan=False) | st.binary(max_size=4) | st.tuples(st.integers())
leaves = hashable | st.datetimes() | st.dates() | st.timedeltas() | st.uuids() | st.booleans()
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(hashable, max_size=4)
        | st.dictionaries(keys | st.tuples(st.integers(), st.text(max_size=2)), inner, max_size=4)
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.text(max_size=3), values, max_size=5))
def test_every_state_reads_back_exactly(state: dict[str, Any]) -> None:
    back = decode(encode(state))
    assert back == state
    assert repr(back) == repr(state) or _has_sets(state)


def _has_sets(state: Any) -> bool:
    return "{" in repr(state)[1:]


@pytest.mark.parametrize(
    "value",
    [
        2**64 - 1,
        2**64,
        -(2**63) - 1,
        pytest.param(10**5000, id="5,001 digits"),
        float("inf"),
        -0.0,
        "\ud800",
        b"\x00\xff",
        bytearray(b"ab"),
        Decimal("1.10"),
        uuid4(),
        date(2026, 2, 28),
        time(2, 30, fold=1),
        timedelta(days=-1, microseconds=1),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2026, 1, 1, tzinfo=UTC),
        frozenset({1, "a", (2, 3)}),
        {"$hf": ["tuple", [1]]},
        {1: "a", "1": "b", (1, 2): "c", None: "d"},
    ],
)
def test_what_json_cannot_carry_keeps_its_type(value: Any) -> None:
    back = decode(encode({"v": value}))["v"]
    assert (type(back), back) == (type(value), value)


def test_not_a_number_stays_so() -> None:
    back = decode(encode({"v": float("nan")}))["v"]
    assert math.isnan(back)


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("state", "path"),
    [
        ({"a": object()}, "$['a']"),
        ({"a": [1, {"b": Colour.RED}]}, "$['a'][1]['b']"),
        ({"a": (1, {2: lambda: 0})}, "$['a'][1][2]"),
        ({"a": {"b": 1 + 2j}}, "$['a']['b']"),
    ],
)
def test_anything_else_is_refused_by_its_path(state: dict[str, Any], path: str) -> None:
    with pytest.raises(UnsupportedState) as caught:
        encode(state)
    assert caught.value.path == path


def test_a_cycle_is_refused() -> None:
    state: dict[str, Any] = {}
    state["self"] = state
    with pytest.raises(UnsupportedState, match="deeper"):
        encode(state)


def test_deep_nesting_reads_back() -> None:
    state: dict[str, Any] = {}
    inner = state
    for _ in range(190):
        inner["a"] = {}
        inner = inner["a"]
    assert decode(encode(state)) == state


def test_every_flipped_bit_of_a_body_is_noticed() -> None:
    body = pack({"plan": ["fetch", "read"], "n": 7, "pair": (1, 2)})
    for index in range(len(body.data)):
        for bit in range(8):
            data = bytearray(body.data)
            data[index] ^= 1 << bit
            damaged = Body(data=bytes(data), size=body.size, sha256=body.sha256)
            _loads_as_saved_or_raises(damaged, {"plan": ["fetch", "read"], "n": 7, "pair": (1, 2)})


def _loads_as_saved_or_raises(body: Body, saved: dict[str, Any]) -> None:
    with contextlib.suppress(CorruptCheckpoint):
        assert unpack(body, checkpoint_id="c1") == saved


def test_every_truncation_of_a_body_is_noticed() -> None:
    body = pack({"text": "abc" * 50})
    for length in range(len(body.data)):
        cut = Body(data=body.data[:length], size=body.size, sha256=body.sha256)
        with pytest.raises(CorruptCheckpoint):
            unpack(cut, checkpoint_id="c1")


def test_a_body_that_would_fill_memory_is_refused_before_it_is_unpacked() -> None:
    bomb = pack({"zeros": "0" * 50_000_000})
    forged = Body(data=bomb.data, size=100, sha256=bomb.sha256)
    with pytest.raises(CorruptCheckpoint, match="size"):
        unpack(forged, checkpoint_id="c1")
