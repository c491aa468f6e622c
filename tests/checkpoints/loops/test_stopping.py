"""Signals end a loop after the step in hand; a process that is killed loses no finished cycle."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from checkpoints import CheckpointManager
from checkpoints.loops import LoopState, run_loop

ROOT = Path(__file__).resolve().parents[3]

AGENT = """
    import sys, time
    from checkpoints import CheckpointManager
    from checkpoints.loops import LoopState, run_loop

    def step(state: LoopState) -> None:
        state.memory[f"begun {state.cycle}"] = True
        print(state.cycle, flush=True)
        if state.cycle == 2:
            time.sleep(PAUSE)
        state.memory[f"done {state.cycle}"] = True

    manager = CheckpointManager("agent-1", store=sys.argv[1], checkpoint_frequency=1)
    ended = run_loop(step, manager=manager, max_cycles=4)
    print(ended.status, ended.reason, flush=True)
"""


def start(store: str, *, pause: float) -> subprocess.Popen[str]:
    code = textwrap.dedent(AGENT).replace("PAUSE", str(pause))
    return subprocess.Popen(
        [sys.executable, "-c", code, store], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def reaches(process: subprocess.Popen[str], cycle: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == str(cycle):
            return
    pytest.fail("the agent ended early")


def test_sigterm_finishes_the_step_saves_and_ends_as_interrupted(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    process = start(store, pause=1.0)
    reaches(process, 2)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert (out.strip(), process.returncode) == ("interrupted SIGTERM", 0)
    with CheckpointManager("agent-1", store=store) as manager:
        head = manager.history()[0]
        assert (head.status, head.metadata["reason"]) == ("interrupted", "SIGTERM")
        assert "done 2" in manager.load(head)["memory"]


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    process = start(store, pause=60.0)
    reaches(process, 2)
    process.send_signal(signal.SIGTERM)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode == -signal.SIGTERM


def test_after_kill_9_another_process_goes_on_with_the_next_cycle(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    process = start(store, pause=60.0)
    reaches(process, 2)
    process.kill()
    process.wait()
    again = start(store, pause=0.0)
    out, _ = again.communicate()
    assert out.split() == ["2", "3", "interrupted", "max_cycles"]
    with CheckpointManager("agent-1", store=store) as manager:
        assert len(manager.load(manager.history()[0])["memory"]) == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_handlers_of_before_come_back(
    manager: CheckpointManager, number: signal.Signals
) -> None:
    before = signal.getsignal(number)

    def step(state: LoopState) -> None:
        if state.cycle == 1:
            os.kill(os.getpid(), number)

    ended = run_loop(step, manager=manager)
    assert (ended.status, ended.reason, ended.cycles) == ("interrupted", number.name, 2)
    assert signal.getsignal(number) is before


def test_a_signal_ends_the_asynchronous_form_as_well(manager: CheckpointManager) -> None:
    async def step(state: LoopState) -> None:
        await asyncio.sleep(0)
        if state.cycle == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    ended = asyncio.run(run_loop.aio(step, manager=manager))
    assert (ended.status, ended.reason, ended.cycles) == ("interrupted", "SIGTERM", 2)


def test_ctrl_c_twice_interrupts_the_step_and_says_so(manager: CheckpointManager) -> None:
    def step(state: LoopState) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_loop(step, manager=manager)
    assert manager.history()[0].status == "interrupted"


def test_in_another_thread_signals_are_left_alone(manager: CheckpointManager) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def step(state: LoopState) -> None:
        seen.append(signal.getsignal(signal.SIGTERM))
        state.finish()

    thread = threading.Thread(target=lambda: run_loop(step, manager=manager))
    thread.start()
    thread.join()
    assert seen == [before]
