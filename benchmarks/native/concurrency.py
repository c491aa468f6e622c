"""Many writers beside one, turn by turn."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.measure import Bound, Row, p99
from benchmarks.native.entrants import Ours
from benchmarks.native.peers import LangGraph
from benchmarks.native.scale import Scale
from benchmarks.native.writers import Save, at_once, chain
from benchmarks.states import small

Savers = Callable[[Path, int], tuple[list[Save], Callable[[], None]]]


def rows(scale: Scale) -> Iterator[Row]:
    """Yield the rate of many writers over that of one, and how long one of the many waits."""
    one, many, waits = _measured(_ours, scale)
    ratio = median(m / o for m, o in zip(many, one, strict=True))
    note = f"{median(many):,.0f} and {median(one):,.0f} saves/s of 4 KB, {scale.rounds} rounds"
    name = f"{scale.writers} writers ÷ one writer, saves per second"
    yield Row(name=name, value=ratio, unit="×", goal=4, bound=Bound.AT_LEAST, note=note)
    note = f"median {median(waits):.1f} ms, {len(waits):,} saves"
    yield Row(name=f"{scale.writers} writers, p99", value=p99(waits), unit="ms", goal=15, note=note)
    if importlib.util.find_spec("langgraph.checkpoint.sqlite"):
        _, theirs, their_waits = _measured(_langgraph, scale)
        note = f"{median(theirs):,.0f} saves/s, its p99 {p99(their_waits):.0f} ms"
        name = f"{scale.writers} writers: ours ÷ SqliteSaver, saves per second"
        yield Row(name=name, value=median(many) / median(theirs), unit="×", note=note)


def _measured(savers: Savers, scale: Scale) -> tuple[list[float], list[float], list[float]]:
    """Return the rates of one, those of many, and the milliseconds that the many waited."""
    states, count = list(small(100)), scale.saves_per_writer
    one: list[float] = []
    many: list[float] = []
    waits: list[float] = []
    for _ in range(scale.rounds):
        one.append(_round(savers, 1, states, 10 * count)[0])
        rate, taken = _round(savers, scale.writers, states, count)
        many.append(rate)
        waits.extend(value * 1000 for value in taken)
    return one, many, waits


def _round(
    savers: Savers, writers: int, states: list[dict[str, object]], count: int
) -> tuple[float, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        saves, close = savers(Path(folder), writers)
        at_once(saves, states, 2)
        measured = at_once(saves, states, count)
        close()
    return measured


def _ours(folder: Path, writers: int) -> tuple[list[Save], Callable[[], None]]:
    ours = Ours(folder / "ours")
    return [chain(ours.store, f"t{n}") for n in range(writers)], ours.close


def _langgraph(folder: Path, writers: int) -> tuple[list[Save], Callable[[], None]]:
    from langgraph.checkpoint.base import empty_checkpoint

    theirs = LangGraph(folder / "theirs")
    saver = theirs.saver

    def saves_of(thread_id: str) -> Save:
        config = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        return lambda state: saver.put(
            config, {**empty_checkpoint(), "channel_values": state}, {"source": "loop"}, {}
        )

    return [saves_of(f"t{n}") for n in range(writers)], theirs.close
