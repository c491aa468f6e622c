"""What goes wrong around the saver is said plainly, and nothing is half done."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

import checkpoints
from checkpoints.integrations.langgraph import HoldfastSaver
from checkpoints.stores.base import Store
from checkpoints.stores.decorators import RetryingStore
from checkpoints.testing import FaultyStore
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: Any = {"source": "loop", "step": 0}


def test_without_langgraph_one_sentence_names_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['langgraph'] = None\n"
        "try: import checkpoints.integrations.langgraph\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("pip install 'holdfast[langgraph]'")
    assert len(done.stdout.splitlines()) == 1


def test_another_frameworks_store_is_not_saved_into(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as theirs:
        graphs.counter(theirs).invoke({"n": 0, "log": []}, CONFIG)
    before = path.read_bytes()
    with pytest.raises(checkpoints.PermanentStoreError, match="another framework's store"):
        HoldfastSaver(f"langgraph+sqlite:///{path}")
    assert path.read_bytes() == before


def store_that(**fault: Any) -> FaultyStore:
    memory = checkpoints.open_store("memory://")
    assert isinstance(memory, Store)
    store = FaultyStore(memory)
    store.fail("put", error=checkpoints.TransientStoreError("it is away"), **fault)
    return store


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_store_that_is_away_fails_the_run_with_its_own_error(durability: Any) -> None:
    graph = graphs.counter(HoldfastSaver(store_that()))
    with pytest.raises(checkpoints.TransientStoreError, match="it is away"):
        graph.invoke({"n": 0, "log": []}, CONFIG, durability=durability)


def test_a_save_that_landed_although_its_answer_was_lost_is_there_once() -> None:
    store = RetryingStore(store_that(times=3, after=True))
    graph = graphs.counter(HoldfastSaver(store))
    assert graph.invoke({"n": 0, "log": []}, CONFIG)["n"] == 6
    counted = [snapshot.values.get("n") for snapshot in graph.get_state_history(CONFIG)]
    assert counted == [6, 5, 4, 3, 2, 1, 0, None]


def test_an_id_is_not_saved_again_with_another_content() -> None:
    with HoldfastSaver("memory://") as saver:
        checkpoint: Any = {**empty_checkpoint(), "channel_values": {"a": 1}}
        saver.put(CONFIG, checkpoint, METADATA, {"a": 1})
        saver.put(CONFIG, checkpoint, METADATA, {"a": 1})
        with pytest.raises(checkpoints.PlanRefused, match="already saved with another content"):
            saver.put(CONFIG, {**checkpoint, "channel_values": {"a": 2}}, METADATA, {"a": 2})
        found: Any = saver.get_tuple(CONFIG)
        assert found.checkpoint["channel_values"] == {"a": 1}
        assert len(list(saver.list(CONFIG))) == 1


def test_versions_that_somebody_counts_by_hand_hide_no_change() -> None:
    with HoldfastSaver("memory://") as saver:
        config = CONFIG
        for value in ("old", "new"):
            checkpoint: Any = {
                **empty_checkpoint(),
                "channel_values": {"a": value},
                "channel_versions": {"a": 1},
            }
            config = saver.put(config, checkpoint, METADATA, {})
        found: Any = saver.get_tuple(CONFIG)
        assert found.checkpoint["channel_values"] == {"a": "new"}


def test_two_threads_may_hold_checkpoints_of_one_id() -> None:
    with HoldfastSaver("memory://") as saver:
        checkpoint: Any = empty_checkpoint()
        for thread_id in ("a", "b"):
            config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
            values = {"channel_values": {"n": thread_id}, "channel_versions": {"n": 1}}
            saved = saver.put(config, {**checkpoint, **values}, METADATA, {"n": 1})
            saver.put_writes(saved, [("n", f"write of {thread_id}")], "task")
        for thread_id in ("a", "b"):
            found: Any = saver.get_tuple({"configurable": {"thread_id": thread_id}})
            assert found.checkpoint["id"] == checkpoint["id"]
            assert found.checkpoint["channel_values"] == {"n": thread_id}
            assert found.pending_writes == [("task", "n", f"write of {thread_id}")]


def test_a_thread_that_another_agent_saved_is_left_alone() -> None:
    store: Any = checkpoints.open_store("memory://")
    with checkpoints.CheckpointManager("langgraph", store=store, thread="t") as manager:
        saved = manager.create_checkpoint(state={"plan": []})
    saver = HoldfastSaver(store)
    with pytest.raises(checkpoints.PlanRefused, match="was not saved by LangGraph"):
        saver.put(CONFIG, empty_checkpoint(), METADATA, {})
    with pytest.raises(checkpoints.PlanRefused, match="Give the saver another agent_id"):
        saver.get_tuple(CONFIG)
    with pytest.raises(checkpoints.PlanRefused, match="nothing was changed"):
        saver.delete_thread("t")
    head = store.head("langgraph", "t")
    assert head.checkpoint_id == saved.id


def test_two_graphs_with_names_of_their_own_share_a_store_and_a_thread_id() -> None:
    store: Any = checkpoints.open_store("memory://")
    for name, until in (("one", 2), ("other", 3)):
        graph = graphs.counter(HoldfastSaver(store, agent_id=name), until=until)
        assert graph.invoke({"n": 0, "log": []}, CONFIG)["n"] == until


def test_an_unknown_strategy_deletes_nothing() -> None:
    with HoldfastSaver("memory://") as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, CONFIG)
        before = len(list(saver.list(CONFIG)))
        with pytest.raises(ValueError, match="nothing was deleted"):
            saver.prune(["t"], strategy="keep_some")
        assert len(list(saver.list(CONFIG))) == before


def test_a_thread_is_not_copied_onto_itself() -> None:
    with HoldfastSaver("memory://") as saver, pytest.raises(ValueError, match="onto itself"):
        saver.copy_thread("t", "t")


def test_a_damaged_checkpoint_is_not_taken_for_another(tmp_path: Path) -> None:
    url = f"file:///{tmp_path}/store"
    with HoldfastSaver(url) as saver:
        graphs.counter(saver, until=2).invoke({"n": 0, "log": []}, CONFIG)
        newest = saver.store.history(None, "t")[0]
    [path] = [p for p in (tmp_path / "store").rglob("*") if newest.id in p.name]
    path.write_bytes(path.read_bytes()[:-40])
    with HoldfastSaver(url) as saver, pytest.raises(checkpoints.CorruptCheckpoint):
        saver.get_tuple(CONFIG)


def test_a_saver_closes_only_the_store_that_it_opened(tmp_path: Path) -> None:
    store: Any = checkpoints.open_store(f"sqlite:///{tmp_path}/mine.db")

    async def use() -> None:
        async with HoldfastSaver.open(store) as saver:
            await graphs.counter(saver, until=2).ainvoke({"n": 0, "log": []}, CONFIG)

    asyncio.run(use())
    assert len(store.history(None, "t")) == 4
    store.close()
