"""The program of Kaizen's documents runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints.errors import SaveVetoed
from checkpoints.integrations.kaizen import HoldfastStorage
from examples import kaizen_autonomous as example

AGENT = "autonomous_agent"


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Kaizen's agents take over the signals of the process."""
    taken = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in taken.items():
        signal.signal(number, handler)


def test_the_program_runs_and_says_what_it_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example.main(str(tmp_path))
    out = capsys.readouterr().out
    assert f"thought {example.CYCLES} after {example.CYCLES} steps" in out
    assert f"{example.CYCLES + 1} messages, 0.12 US dollars, model llama3.2" in out
    assert "Forked to ckpt_" in out


def test_it_keeps_as_many_checkpoints_as_it_is_told(tmp_path: Path) -> None:
    example.build(example.development(str(tmp_path))).run(task="think")
    kept = asyncio.run(HoldfastStorage(tmp_path).list_checkpoints(AGENT))
    assert [one.step_number for one in kept] == [12, 12, 11, 10, 9]
    assert kept[0].status == "completed"


def test_its_hook_changes_what_is_saved_and_forbids_what_is_wrong(tmp_path: Path) -> None:
    agent = example.build(example.development(str(tmp_path)))
    agent.execution_context.budget_used = -1.0
    with pytest.raises(SaveVetoed, match="the budget cannot be negative"):
        agent.run(task="think")
    example.build(example.development(str(tmp_path))).run(task="think")
    storage = HoldfastStorage(tmp_path)
    latest = asyncio.run(storage.list_checkpoints(AGENT))[0]
    assert asyncio.run(storage.load(latest.checkpoint_id)).metadata["checked"] is True
