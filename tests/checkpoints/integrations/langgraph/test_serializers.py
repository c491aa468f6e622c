"""The graph's own serializer is honoured, and what it refuses is not saved."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph

import checkpoints
from checkpoints.connectors.langgraph_native import load_readable
from checkpoints.integrations.langgraph import HoldfastSaver
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


class Mirror(CipherProtocol):  # type: ignore[misc]
    """A cipher that is no secret, but that nothing can read which does not turn it round."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "mirror", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "mirror"
        return ciphertext[::-1]


class JsonSerializer:
    def dumps_typed(self, value: Any) -> tuple[str, bytes]:
        return "own-json", json.dumps(value).encode()

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        assert data[0] == "own-json"
        return json.loads(data[1])


def checkpoint_of(**values: Any) -> Any:
    versions = dict.fromkeys(values, 1)
    return {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}


def put(saver: HoldfastSaver, **values: Any) -> Any:
    return saver.put(CONFIG, checkpoint_of(**values), {"source": "loop", "step": 0}, {})


def test_a_serializer_of_ones_own_writes_and_reads_every_value() -> None:
    with HoldfastSaver("memory://", serde=JsonSerializer()) as saver:
        config = put(saver, plan=["a", {"b": 1}])
        saver.put_writes(config, [("plan", "c")], "task")
        found: Any = saver.get_tuple(CONFIG)
    assert found.checkpoint["channel_values"] == {"plan": ["a", {"b": 1}]}
    assert found.pending_writes == [("task", "plan", "c")]


def test_nothing_that_an_encrypting_serializer_wrote_lies_open(tmp_path: Path) -> None:
    path = tmp_path / "secret.db"
    serde = EncryptedSerializer(Mirror())

    def fail(_: Any) -> dict[str, Any]:
        raise ValueError("sesame-3")

    graph = StateGraph(graphs.Counting)
    graph.add_node("work", lambda _: {"log": ["sesame-2"]})
    graph.add_node("fail", fail)
    graph.add_edge(START, "work")
    graph.add_edge("work", "fail")
    with HoldfastSaver(f"sqlite:///{path}", serde=serde) as saver:
        compiled = graph.compile(checkpointer=saver)
        with pytest.raises(ValueError, match="sesame-3"):
            compiled.invoke({"n": 0, "log": ["sesame-1"]}, CONFIG)
        assert compiled.get_state(CONFIG).values["log"] == ["sesame-1", "sesame-2"]
        head = saver.store.history(None, "t")[0]
        shown = load_readable(saver.store, head)
    assert b"sesame" not in path.read_bytes()
    assert shown["log"]["__type__"] == "msgpack+mirror"
    assert head.metadata["error"] == {"type": "ValueError", "message": ""}


def test_a_value_that_the_serializer_refuses_is_its_own_error_and_nothing_is_saved() -> None:
    with HoldfastSaver("memory://") as saver:
        with pytest.raises((TypeError, ormsgpack.MsgpackEncodeError)):
            put(saver, lock=threading.Lock())
        assert saver.get_tuple(CONFIG) is None
        assert list(saver.store.threads()) == []
        config = put(saver, fine=1)
        with pytest.raises((TypeError, ormsgpack.MsgpackEncodeError)):
            saver.put_writes(config, [("fine", 2), ("lock", threading.Lock())], "task")
        found: Any = saver.get_tuple(CONFIG)
        assert found.pending_writes == []


def test_pickles_are_read_by_nobody_but_a_serializer_that_does() -> None:
    with HoldfastSaver("memory://", serde=JsonPlusSerializer(pickle_fallback=True)) as trusting:
        put(trusting, odd=Odd())
        assert trusting.get_tuple(CONFIG) is not None
        with HoldfastSaver(trusting.store) as careful:
            with pytest.raises(NotImplementedError, match="pickle"):
                careful.get_tuple(CONFIG)
            record = trusting.store.history(None, "t")[0]
            assert load_readable(trusting.store, record)["odd"]["__type__"] == "pickle"


class Odd:
    """Something that only pickle can carry."""

    def __reduce__(self) -> Any:
        return Odd, ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Odd)

    def __hash__(self) -> int:
        return 1


def test_a_graph_that_asks_for_strict_types_reads_what_was_saved() -> None:
    with HoldfastSaver("memory://", serde=JsonPlusSerializer(allowed_msgpack_modules=[])) as saver:
        put(saver, at=datetime(2026, 1, 1, tzinfo=UTC))
        clone = saver.with_allowlist([("tests", "Nothing")])
        found: Any = clone.get_tuple(CONFIG)
    assert found.checkpoint["channel_values"]["at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_channel_with_the_name_of_our_own_field_is_refused() -> None:
    with HoldfastSaver("memory://") as saver:
        with pytest.raises(checkpoints.UnsupportedState, match="must not be called __langgraph__"):
            put(saver, __langgraph__=1)


def test_metadata_that_json_cannot_carry_is_refused_and_nothing_is_saved() -> None:
    with HoldfastSaver("memory://") as saver:
        metadata: Any = {"source": "loop", "step": 0, "lock": object()}
        with pytest.raises(checkpoints.UnsupportedState, match="metadata"):
            saver.put(CONFIG, checkpoint_of(a=1), metadata, {})
        assert saver.get_tuple(CONFIG) is None


def test_only_channels_that_changed_are_serialised_again() -> None:
    class Counting(JsonSerializer):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def dumps_typed(self, value: Any) -> tuple[str, bytes]:
            self.seen.append(value)
            return super().dumps_typed(value)

    serde = Counting()
    with HoldfastSaver("memory://", serde=serde) as saver:
        config = CONFIG
        versions: dict[str, Any] = {"fixed": saver.get_next_version(None, None)}
        for step in range(3):
            versions = {**versions, "moving": saver.get_next_version(versions.get("moving"), None)}
            values = {"fixed": "stays", "moving": step}
            checkpoint: Any = {
                **empty_checkpoint(),
                "channel_values": values,
                "channel_versions": versions,
            }
            new = versions if step == 0 else {"moving": versions["moving"]}
            config = saver.put(config, checkpoint, {"source": "loop", "step": step}, new)
        found: Any = saver.get_tuple(CONFIG)
    assert found.checkpoint["channel_values"] == {"fixed": "stays", "moving": 2}
    assert serde.seen.count("stays") == 1
