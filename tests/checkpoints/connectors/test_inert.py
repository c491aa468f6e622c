"""Bodies that others wrote are described, bounded, and never run."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tarfile
import tracemalloc
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import ormsgpack
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from pydantic import BaseModel

import checkpoints
from checkpoints.bodies.limits import MAX_DEPTH, MAX_NODES
from checkpoints.connectors import inert


def ext(code: int, *parts: Any) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(parts)))


@pytest.fixture(autouse=True)
def nothing_is_imported() -> Iterator[None]:
    yield
    assert "this" not in sys.modules
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("code", [0, 1, 2, 4, 5])
def test_a_constructor_is_named_and_not_called(code: int, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    value = inert.decode_typed("msgpack", ext(code, "os", "mkdir", str(witness)))
    assert value == {"__type__": "os.mkdir", "value": str(witness)}
    assert not witness.exists()


@pytest.mark.parametrize("code", range(6))
def test_a_module_that_is_named_is_not_imported(code: int) -> None:
    before = set(sys.modules)
    value = inert.decode_typed("msgpack", ext(code, "this", "s", {}, "fromisoformat"))
    assert value["__type__"] == "this.s"
    assert set(sys.modules) == before


def test_a_method_that_is_not_a_plain_one_is_named() -> None:
    value = inert.decode_typed("msgpack", ext(3, "builtins", "object", "x", "__subclasses__"))
    assert value == {"__type__": "builtins.object.__subclasses__", "value": "x"}


def test_an_unknown_extension_keeps_its_bytes() -> None:
    value = inert.decode_typed("msgpack", ormsgpack.packb(ormsgpack.Ext(42, b"\x01\xff")))
    assert value == {"__type__": "msgpack.ext.42", "value": b"\x01\xff"}


@pytest.mark.parametrize("code", range(8))
@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\xc0", b"\x91", b"\x80", b"\xa1\xff"])
def test_a_malformed_extension_keeps_its_bytes(code: int, payload: bytes) -> None:
    blob = ormsgpack.packb([ormsgpack.Ext(code, payload)])
    [value] = inert.decode_typed("msgpack", blob)
    if not (code == 7 and payload in (b"\xc0", b"\x80")):
        assert value == {"__type__": f"msgpack.ext.{code}", "value": payload}


class Colour(Enum):
    RED = "red"


class Model(BaseModel):
    name: str
    at: datetime


@dataclass
class Point:
    x: int
    tags: set[str]


AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
WRITTEN_BY_LANGGRAPH = [
    (Colour.RED, "Colour", "red"),
    (UUID(int=5), "uuid.UUID", UUID(int=5).hex),
    (Decimal("1.50"), "decimal.Decimal", "1.50"),
    ({"a"}, "builtins.set", ["a"]),
    (frozenset({1}), "builtins.frozenset", [1]),
    (deque([1, 2]), "collections.deque", [1, 2]),
    (AT, "datetime.datetime", AT.isoformat()),
    (date(2026, 11, 21), "datetime.date", [2026, 11, 21]),
    (timedelta(days=1, seconds=2), "datetime.timedelta", [1, 2, 0]),
    (Path("/etc"), "pathlib.PosixPath", ["/", "etc"]),
    (Point(1, {"a"}), "Point", {"x": 1, "tags": {"__type__": "builtins.set", "value": ["a"]}}),
    (_DeltaSnapshot([1]), "langgraph.checkpoint.serde.types._DeltaSnapshot", [1]),
]


@pytest.mark.parametrize(("value", "name", "shown"), WRITTEN_BY_LANGGRAPH)
def test_what_langgraph_writes_is_described(value: Any, name: str, shown: Any) -> None:
    type_name, blob = JsonPlusSerializer().dumps_typed({"v": value})
    found = inert.decode_typed(type_name, blob)["v"]
    assert found["__type__"].endswith(name)
    assert found["value"] == shown


def test_a_pydantic_model_is_described_with_the_values_inside() -> None:
    type_name, blob = JsonPlusSerializer().dumps_typed(Model(name="a", at=AT))
    value = inert.decode_typed(type_name, blob)
    assert value["__type__"].endswith(".Model")
    assert value["value"]["at"] == {"__type__": "datetime.datetime", "value": AT.isoformat()}


def test_a_numpy_array_is_described_without_numpy() -> None:
    payload = ormsgpack.packb(["<f8", [2], "C", b"\0" * 16])
    value = inert.decode_typed("msgpack", ormsgpack.packb(ormsgpack.Ext(6, payload)))
    assert value["__type__"] == "numpy.ndarray"
    assert value["value"] == {"dtype": "<f8", "shape": [2], "order": "C", "data": b"\0" * 16}


def test_bytes_stay_bytes_and_no_value_stays_none() -> None:
    assert inert.decode_typed("bytes", b"\0\xff") == b"\0\xff"
    assert inert.decode_typed("null", b"") is None


class Mine:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("/tmp/holdfast-pickle-ran",)


def test_a_pickle_is_shown_as_bytes_and_never_loaded() -> None:
    blob = pickle.dumps(Mine())
    assert inert.decode_typed("pickle", blob) == {"__type__": "pickle", "value": blob}
    assert "blocked" in str(inert.why_unreadable("pickle"))
    assert not Path("/tmp/holdfast-pickle-ran").exists()


def test_an_encrypted_body_is_called_encrypted() -> None:
    assert "encrypted" in str(inert.why_unreadable("msgpack+aes"))
    assert inert.decode_typed("msgpack+aes", b"x") == {"__type__": "msgpack+aes", "value": b"x"}


def test_json_constructors_are_described() -> None:
    text = json.dumps(
        {"m": {"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["touch /tmp/x"]}}
    ).encode()
    value = inert.decode_typed("json", text)
    assert value == {"m": {"__type__": "os.system", "value": ["touch /tmp/x"]}}


def test_maps_with_other_keys_than_strings_become_pairs() -> None:
    blob = ormsgpack.packb({1: "a", "1": "b"}, option=ormsgpack.OPT_NON_STR_KEYS)
    value = inert.decode_typed("msgpack", blob)
    assert value == {"__type__": "builtins.dict", "value": [[1, "a"], ["1", "b"]]}


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"\x91" * (MAX_DEPTH + 1) + b"\xc0", id="arrays"),
        pytest.param(b"\x81\xa0" * (MAX_DEPTH + 1) + b"\xc0", id="maps"),
        pytest.param(b"\x91" * 1_000_000, id="a million arrays"),
    ],
)
def test_deep_msgpack_is_refused(blob: bytes) -> None:
    with pytest.raises(checkpoints.CorruptCheckpoint, match="64 levels"):
        inert.unpack(blob)


def test_deep_extensions_are_refused() -> None:
    value: Any = None
    for _ in range(MAX_DEPTH):
        value = ormsgpack.Ext(0, ormsgpack.packb(["m", "n", value]))
    with pytest.raises(checkpoints.CorruptCheckpoint, match="64 levels"):
        inert.unpack(ormsgpack.packb(value))


def test_depth_within_the_limit_is_read() -> None:
    assert inert.unpack(b"\x91" * (MAX_DEPTH - 1) + b"\xc0")
    assert inert.decode_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"\xdd\xff\xff\xff\xff", id="claimed"),
        pytest.param(b"\xdd" + (5_900_000).to_bytes(4, "big") + b"\x90" * 5_900_000, id="real"),
    ],
)
def test_too_many_values_are_refused_before_they_take_memory(blob: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(checkpoints.CorruptCheckpoint, match="200,000"):
        inert.unpack(blob)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[" * 10_000, "64 levels"),
        (b"[" + b"[]," * MAX_NODES + b"0]", "200,000"),
        (b"1" * 5_000, "not valid JSON"),
        (b'{"a": }', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"", "not valid JSON"),
    ],
)
def test_hostile_json_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(checkpoints.CorruptCheckpoint, match=why):
        inert.decode_json(text)


def test_brackets_and_quotes_in_strings_count_for_nothing() -> None:
    text = json.dumps({"a": "[" * 1000 + '\\"{"' * 1000}).encode()
    assert inert.decode_json(text)["a"].startswith("[[[")


def test_half_a_surrogate_pair_can_still_be_shown() -> None:
    value = inert.decode_json(b'{"a\\ud800": ["\\udfff x", "\\ud83d\\ude00"]}')
    assert json.dumps(value, ensure_ascii=False).encode()
    assert value == {"a\ufffd": ["\ufffd x", "\N{GRINNING FACE}"]}


def vectors(data_dir: Path) -> list[str]:
    with tarfile.open(data_dir / "security" / "msgpack-test-suite.tar.gz") as archive:
        member = archive.extractfile("msgpack-test-suite/msgpack-test-suite.json")
        assert member
        groups: dict[str, list[dict[str, Any]]] = json.load(member)
    return [text for group in groups.values() for case in group for text in case["msgpack"]]


def test_every_vector_of_the_msgpack_suite_is_read_without_an_import(data_dir: Path) -> None:
    before = set(sys.modules)
    found = [
        inert.decode_typed("msgpack", bytes.fromhex(t.replace("-", ""))) for t in vectors(data_dir)
    ]
    assert len(found) > 200
    assert set(sys.modules) == before


def test_every_truncation_is_named_as_damage(data_dir: Path) -> None:
    for text in vectors(data_dir):
        blob = bytes.fromhex(text.replace("-", ""))
        for length in range(min(len(blob), 40)):
            with pytest.raises(checkpoints.CorruptCheckpoint):
                inert.unpack(blob[:length])


def test_rewriting_keeps_every_byte(samples: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(f"file:{samples / 'langgraph.sqlite'}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT checkpoint FROM checkpoints UNION ALL"
        " SELECT value FROM writes WHERE type = 'msgpack'"
    ).fetchall()
    connection.close()
    assert len(rows) > 1_000
    for (blob,) in rows:
        assert inert.repack(inert.unpack_for_rewriting(blob)) == blob


def test_a_body_that_would_change_in_rewriting_is_refused() -> None:
    with pytest.raises(checkpoints.CorruptCheckpoint, match="rewritten"):
        inert.unpack_for_rewriting(b"\x81\xa1a\xcc\x01")
