"""Eight processes that save into one store at once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from checkpoints.integrations.langgraph import HoldfastSaver
from tests.checkpoints.connectors import graphs

PROCESSES, SAVES = 8, 15


def config_of(thread_id: str, checkpoint_id: str | None = None) -> Any:
    values = {"thread_id": thread_id, "checkpoint_ns": ""}
    return {"configurable": values | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})}


def save_a_branch(url: str, thread_id: str, writer: int) -> None:
    """Save a line of checkpoints, each with a write, onto a thread that others save to as well."""
    with HoldfastSaver(url) as saver:
        config = config_of(thread_id)
        for number in range(SAVES):
            checkpoint: Any = {
                **empty_checkpoint(),
                "channel_values": {"done": [[writer, n] for n in range(number + 1)]},
                "channel_versions": {"done": number + 1},
            }
            versions = {"done": number + 1}
            config = saver.put(config, checkpoint, {"source": "loop", "step": number}, versions)
            saver.put_writes(config, [("done", [writer, number])], f"task-{writer}")


def run_a_graph(url: str, _: str, writer: int) -> None:
    """Run a graph of its own thread."""
    with HoldfastSaver(url) as saver:
        graphs.counter(saver, until=10).invoke({"n": 0, "log": []}, config_of(f"t{writer}"))


def at_once(work: Any, url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["langgraph.graph", "checkpoints.integrations.langgraph"])
    processes = [context.Process(target=work, args=(url, "shared", n)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def lines_of(saver: HoldfastSaver, thread_id: str) -> dict[int, list[list[Any]]]:
    """Return each writer's states by the way back from its last one, with their writes."""
    found = list(saver.list(config_of(thread_id)))
    parents = {t.parent_config["configurable"]["checkpoint_id"] for t in found if t.parent_config}
    lines: dict[int, list[list[Any]]] = {}
    for tip in (t for t in found if t.checkpoint["id"] not in parents):
        line: list[list[Any]] = []
        tuple_: Any = tip
        while tuple_ is not None:
            assert len(tuple_.pending_writes) == 1
            assert tuple_.pending_writes[0][2] == tuple_.checkpoint["channel_values"]["done"][-1]
            line.append(tuple_.checkpoint["channel_values"]["done"])
            tuple_ = saver.get_tuple(tuple_.parent_config) if tuple_.parent_config else None
        lines[line[0][0][0]] = line
    return lines


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "redis", "file"])
def test_eight_processes_on_one_thread_lose_nothing_and_keep_their_own_lines(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    served = kind in ("postgresql", "redis")
    url = request.getfixturevalue(f"{kind}_url") if served else f"{kind}:///{tmp_path}/store"
    at_once(save_a_branch, url)
    with HoldfastSaver(url) as saver:
        lines = lines_of(saver, "shared")
        assert len(list(saver.list(config_of("shared")))) == PROCESSES * SAVES
    assert sorted(lines) == list(range(PROCESSES))
    for writer, line in lines.items():
        assert line == [[[writer, n] for n in range(k + 1)] for k in reversed(range(SAVES))]


def test_eight_processes_run_graphs_of_their_own_threads(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    at_once(run_a_graph, url)
    with HoldfastSaver(url) as saver:
        for writer in range(PROCESSES):
            state = graphs.counter(saver, until=10).get_state(config_of(f"t{writer}")).values
            assert state == {"n": 10, "log": [f"event {n}" for n in range(1, 11)]}


def test_what_others_save_between_two_looks_leaves_no_hole_in_a_lineage(tmp_path: Path) -> None:
    """The head is read before the records; more may have come by then."""
    with HoldfastSaver(f"sqlite:///{tmp_path}/together.db") as saver:
        graph = saver._threads.graph
        saved: list[str] = []
        stood: list[Any] = []
        config = config_of("t")
        for step in range(4):
            config = saver.put(config, empty_checkpoint(), {"source": "loop", "step": step}, {})
            saved.append(config["configurable"]["checkpoint_id"])
            stood.append(graph.standing("t"))
            if step in {0, 2}:
                graph.lineage("t", stood[step // 2])
        lineage = graph.lineage("t", stood[-1])
        assert lineage.ancestors("", saved[-1]) == saved[::-1]
