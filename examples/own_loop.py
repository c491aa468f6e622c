"""A plain agent without any framework: a plan, a memory, a budget, and a tool that costs money.

Run it: ``python examples/own_loop.py``. Stop it with Ctrl-C or kill it, run it again, and it goes
on; the mail is sent once however often it is killed.
"""

from __future__ import annotations

import time

from checkpoints import CheckpointManager
from checkpoints.loops import Budget, DriftCheck, LoopResult, LoopState, run_loop

STORE = "sqlite:///.holdfast/own_loop.db"
PRICE = 0.02
"""US dollars that a call of this model costs."""


class Researcher:
    """Works off its plan, one question a cycle, and mails what it has found."""

    def __init__(self, manager: CheckpointManager, *, pause: float = 0.0) -> None:
        self.manager = manager
        self.sent: list[str] = []
        self._pause = pause

    def step(self, state: LoopState) -> None:
        """Do one cycle."""
        if state.pending_actions:
            self._ask(state, state.pending_actions.pop(0))
        else:
            self._send(state)
            state.finish({"answers": len(state.memory)})

    def _ask(self, state: LoopState, question: str) -> None:
        state.step_name = "generation"
        state.budget.require(PRICE)
        answer = self._model(question)
        state.budget.charge(PRICE)
        state.conversation += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
        state.memory[question] = answer
        state.completed_actions.append(question)
        state.metrics["answer_length"] = float(len(answer))

    def _model(self, question: str) -> str:
        time.sleep(self._pause)
        return f"what is known about {question}"

    def _send(self, state: LoopState) -> None:
        """Send the mail once: a run that resumes finds it done."""
        state.step_name = "send"
        with self.manager.effect("send_mail", key="report-1") as mail:
            if not mail.done:
                self.sent.append("\n".join(state.memory.values()))
                mail.set_result("sent")


def main(store: str = STORE, *, pause: float = 0.0) -> LoopResult:
    """Run the agent to its end, or on from where it was."""
    with CheckpointManager("researcher", store=store, retention_count=20) as manager:
        return run_loop(
            Researcher(manager, pause=pause).step,
            manager=manager,
            state=LoopState(pending_actions=["tides", "currents", "waves", "kelp"]),
            max_cycles=50,
            budget=Budget(limit_usd=1.0),
            drift=DriftCheck(every=10),
        )


if __name__ == "__main__":
    ended = main(pause=0.5)
    print(
        f"{ended.status}: {ended.reason}, {ended.cycles} of {ended.state.cycle} cycles in this run"
    )
    print(f"{ended.state.budget.spent_usd:.2f} USD spent, result {ended.result}")
