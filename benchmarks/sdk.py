"""Importing, saving and loading, beside LangGraph's saver where it is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Row, median_ms, seconds
from benchmarks.states import conversation, small
from checkpoints import CheckpointManager

STEPS = 200


def rows() -> Iterator[Row]:
    """Measure the SDK."""
    yield Row(name="import checkpoints", value=_import_ms(), unit="ms", goal=150)
    series: tuple[tuple[str, Callable[[int], Iterable[dict[str, Any]]]], ...] = (
        ("4 KB states", small),
        ("a growing conversation", conversation),
    )
    for name, states in series:
        yield from _saves(name, list(states(STEPS)))


def _import_ms() -> float:
    def run(code: str) -> float:
        return median_ms(lambda: subprocess.run([sys.executable, "-c", code], check=True), 9)

    return run("import checkpoints") - run("pass")


def _saves(name: str, states: list[dict[str, Any]]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        with CheckpointManager("bench", store=f"sqlite:///{path}") as manager:
            saves = [seconds(partial(manager.create_checkpoint, state=state)) for state in states]
            newest = manager.history(limit=1)[0]
            load = median_ms(lambda: manager.load(newest), 15)
        ours, size = median(saves) * 1000, path.stat().st_size
    yield Row(name=f"save, {name}", value=ours, unit="ms", note=f"{len(states)} steps, durable")
    yield Row(name=f"load the newest, {name}", value=load, unit="ms")
    yield Row(name=f"size on disk, {name}", value=size / 1e6, unit="MB")
    if importlib.util.find_spec("langgraph.checkpoint.sqlite"):
        yield from _langgraph(name, states, ours)


def _langgraph(name: str, states: list[dict[str, Any]], ours: float) -> Iterator[Row]:
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.sqlite import SqliteSaver

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "theirs.sqlite"
        with SqliteSaver.from_conn_string(str(path)) as saver:
            saves = []
            for step, state in enumerate(states):
                checkpoint = {**empty_checkpoint(), "channel_values": state}
                config = {"configurable": {"thread_id": "bench", "checkpoint_ns": ""}}
                metadata = {"source": "loop", "step": step}
                saves.append(seconds(partial(saver.put, config, checkpoint, metadata, {})))
        theirs = median(saves) * 1000
        size = path.stat().st_size / 1e6
    ratio = f"ours is {theirs / ours:.2f} × as fast"
    yield Row(name=f"save by LangGraph's SqliteSaver, {name}", value=theirs, unit="ms", note=ratio)
    yield Row(name=f"size by LangGraph's SqliteSaver, {name}", value=size, unit="MB")
