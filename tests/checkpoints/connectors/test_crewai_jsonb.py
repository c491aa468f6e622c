"""SQLite's JSONB, decoded and written as SQLite 3.45 and later do."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.bodies.limits import MAX_DEPTH
from checkpoints.connectors.crewai import jsonb
from checkpoints.errors import CorruptCheckpoint

KNOWN = [
    ("null", "00", None),
    ("true", "01", True),
    ("false", "02", False),
    ("0", "1330", 0),
    ("-1", "232d31", -1),
    ("9223372036854775808", "c31339323233333732303336383534373735383038", 2**63),
    ("1.5", "35312e35", 1.5),
    ("-1e300", "652d3165333030", -1e300),
    ("''", "07", ""),
    ('"plain"', "57706c61696e", "plain"),
    (
        r'"line\nand \"quotes\""',
        "c8146c696e655c6e616e64205c2271756f7465735c22",
        'line\nand "quotes"',
    ),
    (r'"\u00e9\ud83d\ude00"', "c8125c75303065395c75643833645c7564653030", "é😀"),
    (r"'it\'s'", "5969745c2773", "it's"),
    (r"'\x41\v\0'", "895c7834315c765c30", "A\v\0"),
    ("'a\\\nb'", "49615c0a62", "ab"),
    ("0x1F", "4430783146", 31),
    ("+5", "1335", 5),
    (".5", "262e35", 0.5),
    ("5.", "26352e", 5.0),
    ("Infinity", "553965393939", float("inf")),
    ("-Infinity", "652d3965393939", float("-inf")),
    ("[1,[2,[]],{}]", "7b13313b13320b0c", [1, [2, []], {}]),
    ("{a:1,'b':[true,null]}", "9c1761133117622b0100", {"a": 1, "b": [True, None]}),
    (r'{"a\u0062":"x"}', "ac78615c75303036321778", {"ab": "x"}),
    ('"xxxxxxxxxxxx"', "c70c787878787878787878787878", "x" * 12),
    ("raw text, which SQLite's functions write", "5a6122625c63", 'a"b\\c'),
    ("NaN, which becomes null", "00", None),
    ("half a pair", "685c7564383364", "\ufffd"),
]
"""What SQLite 3.54 writes for a text of JSON or JSON5, and what it holds."""

DAMAGED = {
    "nothing at all": b"",
    "a reserved type": b"\x0d",
    "a size that ends early": b"\xc7",
    "a size beyond the end": b"\xf7" + b"\xff" * 8,
    "a payload beyond the end": b"\x57abc",
    "something behind the end": b"\x00\x00",
    "an element beyond its array": b"\x2b\x57a",
    "a key without a value": b"\x2c\x17a",
    "a key that is no text": b"\x2c\x00\x00",
    "a constant with a payload": b"\x10a",
    "a number that is none": b"\x231x",
    "a number with too many digits": jsonb.framed(jsonb.INT, b"9" * 5_000),
    "a text with a quote": b'\x17"',
    "a text with a letter that needs an escape": b"\x17\n",
    "a text that is no UTF-8": b"\x17\xff",
    "an escape that is none": b"\x28\\q",
    "an escape that is cut": b"\x38\\u0",
    "a text that ends within an escape": b"\x19\\",
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
knows_jsonb = pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 45), reason="SQLite here is older than 3.45: no jsonb()"
)


@pytest.mark.parametrize(("written", "value"), [(w, v) for _, w, v in KNOWN], ids=range(len(KNOWN)))
def test_what_sqlite_writes_is_read(written: str, value: Any) -> None:
    read = jsonb.decode(bytes.fromhex(written))
    assert (read, type(read)) == (value, type(value))


@settings(deadline=None)
@given(JSON)
def test_what_is_written_reads_back(value: Any) -> None:
    assert jsonb.decode(jsonb.encode(value)) == value


@knows_jsonb
@settings(deadline=None)
@given(JSON)
def test_sqlite_reads_what_is_written_and_is_read(value: Any) -> None:
    connection = sqlite3.connect(":memory:")
    sql = "SELECT json(?), json_valid(?, 8), jsonb(?)"
    encoded, text = jsonb.encode(value), json.dumps(value)
    shown, is_valid, written = connection.execute(sql, (encoded, encoded, text)).fetchone()
    connection.close()
    assert (json.loads(shown), is_valid, jsonb.decode(written)) == (value, 1, value)


def test_the_sample_is_read_as_the_same_state_that_lies_in_a_file(samples: Path) -> None:
    uri = f"file:{samples / 'crewai' / 'checkpoints.db'}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True)
    rows = connection.execute("SELECT data FROM checkpoints ORDER BY rowid").fetchall()
    connection.close()
    states = [jsonb.decode(data) for (data,) in rows]
    assert [sum(t["output"] is not None for t in s["entities"][0]["tasks"]) for s in states] == [
        0,
        1,
        2,
        3,
        4,
        5,
        3,
    ]
    assert all(jsonb.decode(jsonb.encode(state)) == state for state in states)


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_never_read_as_something_else(data: bytes) -> None:
    with pytest.raises(CorruptCheckpoint, match="JSONB"):
        jsonb.decode(data)


def nested(kind: int, depth: int) -> bytes:
    data = jsonb.framed(kind, b"")
    for _ in range(depth - 1):
        data = jsonb.framed(kind, data if kind == jsonb.ARRAY else b"\x17a" + data)
    return data


@pytest.mark.parametrize("kind", [jsonb.ARRAY, jsonb.OBJECT], ids=["array", "object"])
def test_depth_has_a_limit(kind: int) -> None:
    jsonb.decode(nested(kind, MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 2_000):
        with pytest.raises(CorruptCheckpoint, match="deeper"):
            jsonb.decode(nested(kind, depth))


def test_the_number_of_values_has_a_limit() -> None:
    with pytest.raises(CorruptCheckpoint, match="values"):
        jsonb.decode(jsonb.framed(jsonb.ARRAY, b"\x0b" * 2_000_000))


def test_flipped_and_cut_bytes_raise_nothing_but_corruption() -> None:
    chance = random.Random(7)
    whole = jsonb.encode({"a": [1, 2.5, "é\n", {"b": None}], "c" * 300: "d" * 70_000})
    for _ in range(2_000):
        data = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
        data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
        try:
            jsonb.decode(bytes(data))
        except CorruptCheckpoint:
            continue


def test_fields_that_are_not_named_stay_byte_for_byte() -> None:
    odd = bytes.fromhex("4430783146")
    before = jsonb.framed(jsonb.OBJECT, b"\x17a" + odd + b"\x17b\x00" + b"\x17c\x01")
    after = jsonb.replaced(before, {"b": "new"})
    assert odd in after
    assert jsonb.decode(after) == {"a": 31, "c": True, "b": "new"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"], ids=range(4))
def test_what_json_cannot_hold_is_not_written(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        jsonb.encode({"value": value})
