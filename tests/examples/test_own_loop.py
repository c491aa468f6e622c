"""A loop of one's own: the example ends, goes on, and sends its mail once."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints import CheckpointManager
from checkpoints.loops import Budget, LoopState, run_loop
from examples.own_loop import Researcher, main


def test_it_answers_its_questions_and_stays_within_its_budget(tmp_path: Path) -> None:
    ended = main(f"sqlite:///{tmp_path}/loop.db")
    assert (ended.status, ended.result) == ("completed", {"answers": 4})
    assert ended.state.budget.spent_usd == pytest.approx(0.08)
    assert len(ended.state.conversation) == 8


def test_the_mail_is_sent_once_although_the_last_step_is_done_again(tmp_path: Path) -> None:
    with CheckpointManager("researcher", store=f"sqlite:///{tmp_path}/loop.db") as manager:
        researcher = Researcher(manager)

        def dies_after_sending(state: LoopState) -> None:
            researcher.step(state)
            if state.finished:
                raise SystemExit

        begin = LoopState(pending_actions=["tides"])
        with pytest.raises(SystemExit):
            run_loop(dies_after_sending, manager=manager, state=begin)
        again = run_loop(researcher.step, manager=manager)
    assert (again.status, again.cycles, len(researcher.sent)) == ("completed", 1, 1)


def test_a_small_budget_ends_it_before_it_spends_more(tmp_path: Path) -> None:
    with CheckpointManager("researcher", store=f"sqlite:///{tmp_path}/loop.db") as manager:
        ended = run_loop(
            Researcher(manager).step,
            manager=manager,
            state=LoopState(pending_actions=["tides", "waves", "kelp"]),
            budget=Budget(limit_usd=0.05),
        )
    assert (ended.reason, ended.state.completed_actions) == ("budget", ["tides", "waves"])
    assert ended.state.budget.spent_usd == pytest.approx(0.04)
