"""States as MessagePack, as readable JSON, and exactly back."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.bodies.encoding import decode, encode
from checkpoints.bodies.readable import from_json, to_json
from checkpoints.bodies.states import LongState, encode_state, long_state
from checkpoints.bodies.tags import TAG
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


def through_bytes(value: Any) -> Any:
    return decode(encode(value))


def through_json(value: Any) -> Any:
    return from_json(orjson.loads(orjson.dumps(to_json(value))))


both = pytest.mark.parametrize("through", [through_bytes, through_json])


@both
@given(state=st.dictionaries(st.text(max_size=3), values, max_size=5))
def test_every_state_reads_back_exactly(
    through: Callable[[Any], Any], state: dict[str, Any]
) -> None:
    back = through(state)
    assert back == state
    assert repr(back) == repr(state) or _has_sets(state)


def _has_sets(state: Any) -> bool:
    return "{" in repr(state)[1:]


@both
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
        [b"ab", bytearray(b"ab"), {"x": b"c"}],
        (1, (2, (3, b"x")), {4: (5,)}),
        {frozenset({(1, 2)}), ((1,),)},
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
def test_what_json_cannot_carry_keeps_its_type(through: Callable[[Any], Any], value: Any) -> None:
    back = through({"v": value})["v"]
    assert (type(back), back) == (type(value), value)


@both
def test_not_a_number_stays_so(through: Callable[[Any], Any]) -> None:
    back = through({"v": float("nan")})["v"]
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
@both
def test_anything_else_is_refused_by_its_path(
    through: Callable[[Any], Any], state: dict[str, Any], path: str
) -> None:
    with pytest.raises(UnsupportedState) as caught:
        through(state)
    assert caught.value.path == path


@both
def test_a_cycle_is_refused(through: Callable[[Any], Any]) -> None:
    state: dict[str, Any] = {}
    state["self"] = state
    with pytest.raises(UnsupportedState, match="deeper"):
        through(state)


@both
def test_deep_nesting_reads_back(through: Callable[[Any], Any]) -> None:
    state: dict[str, Any] = {}
    inner = state
    for _ in range(190):
        inner["a"] = {}
        inner = inner["a"]
    assert through(state) == state


@pytest.mark.parametrize("read_back", [False, True])
@pytest.mark.parametrize("ending", [b"a", b"b"], ids=["the same bytes", "other bytes"])
def test_bytes_that_become_a_bytearray_do_so_whatever_was_saved_before(
    ending: bytes, read_back: bool
) -> None:
    rest = [f"line {number}" for number in range(9_000)]
    before = encode_state({"rest": rest, "b": {"x": b"a" * 200, "n": 1}})
    assert isinstance(before, LongState)
    if read_back:
        before = long_state({name: item.data for name, item in before.fields.items()})
    state = {"rest": rest, "b": {"x": bytearray(b"a" * 100 + ending * 100), "n": 1}}
    after = encode_state(state, before)
    assert isinstance(after, LongState)
    assert type(decode(after.fields["b"].data)["x"]) is bytearray
    assert after.sha256 == encode_state(state).sha256


@pytest.mark.parametrize("tagged", [["uuid", 5], ["date", []], ["newer"], [], 7])
def test_forged_tags_are_named_as_damage(tagged: object) -> None:
    with pytest.raises(CorruptCheckpoint):
        from_json({TAG: tagged})
