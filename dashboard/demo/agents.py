"""Three agents: a researcher, a billing chain that fails now and then, a crawler that drifts."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import checkpoints
from dashboard.demo.texts import address, paragraph, sentence

State = dict[str, Any]

CHAIN = (
    "initialization", "pre_retrieval", "generation", "validation", "pre_criticism", "criticism",
    "complete",
)  # fmt: skip
CONVERSATION_LIMIT = 80
"""Messages after which the researcher sums up its conversation."""
DRIFT_AFTER = 45
"""Steps of good work after which the crawler begins to drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step of an agent produced."""

    state: State
    name: str
    metrics: dict[str, float]
    status: checkpoints.Status = checkpoints.Status.RUNNING
    kind: checkpoints.Kind = checkpoints.Kind.ROUTINE
    metadata: dict[str, Any] = field(default_factory=dict)
    iteration: int | None = None


class DemoAgent:
    """An agent that can begin and take a step."""

    name: str
    seconds: float
    watches_itself = False

    def begin(self) -> State:
        """Return the state of a fresh start."""
        raise NotImplementedError

    def step(self, state: State, random: Random) -> Step:
        """Return the next state; the given one is not changed."""
        raise NotImplementedError

    def put_back(self) -> None:
        """Take note that the agent goes on from an earlier checkpoint."""


class Researcher(DemoAgent):
    """Reads, notes, writes; its conversation grows until it is summed up."""

    name = "researcher"
    seconds = 12.0

    def begin(self) -> State:
        """Return the state of a fresh start."""
        plan = [
            {"id": n, "task": t, "done": False} for n, t in enumerate(("read", "note", "draft"))
        ]
        return {"conversation": [], "memory": {"sources": []}, "plan": plan, "budget": {"usd": 0.0}}

    def step(self, state: State, random: Random) -> Step:
        """Ask a tool and answer, or sum up when the conversation has grown long."""
        if len(state["conversation"]) >= CONVERSATION_LIMIT:
            return self._summed_up(state, random)
        name = ("search", "read", "write")[len(state["conversation"]) // 2 % 3]
        source = {"url": address(random), "score": round(random.random(), 3)}
        messages = [
            {"role": "tool", "name": name, "content": {**source, "text": paragraph(random, 6)}},
            {"role": "assistant", "content": paragraph(random, 3)},
        ]
        sources = [*state["memory"]["sources"], source["url"]][-40:]
        tokens = 900 + random.randint(0, 200)
        return Step(
            state={
                **state,
                "conversation": [*state["conversation"], *messages],
                "memory": {**state["memory"], "sources": sources},
                "budget": {"usd": round(state["budget"]["usd"] + tokens * 3e-6, 6)},
            },
            name=name,
            metrics={"tokens": tokens, "duration_seconds": round(random.uniform(0.8, 2.2), 2)},
        )

    def _summed_up(self, state: State, random: Random) -> Step:
        summary = {"role": "system", "content": f"So far: {paragraph(random, 5)}"}
        kept = [summary, *state["conversation"][-8:]]
        return Step(
            state={**state, "conversation": kept},
            name="compact",
            metrics={"tokens": 1500 + random.randint(0, 200)},
            kind=checkpoints.Kind.PRE_OPERATION,
        )


class BillingChain(DemoAgent):
    """Takes invoices through a chain of named steps; validation fails now and then."""

    name = "billing"
    seconds = 5.0

    def begin(self) -> State:
        """Return the state of a fresh start."""
        return {"invoice": 1001, "position": 0, "text": "", "notes": [], "settled": []}

    def step(self, state: State, random: Random) -> Step:
        """Take the next step of the chain."""
        name = CHAIN[state["position"]]
        metrics: dict[str, float] = {"tokens": 300 + random.randint(0, 60)}
        if name == "validation" and random.random() < 0.12:
            return self._failed(state, name, metrics)
        after = {**state, "position": (state["position"] + 1) % len(CHAIN)}
        if name == "generation":
            after["text"] = f"Invoice {state['invoice']}: {paragraph(random, 4)}"
        if name == "criticism":
            after["notes"] = [*state["notes"], sentence(random)][-20:]
        if name == "complete":
            after |= {
                "invoice": state["invoice"] + 1,
                "settled": [*state["settled"], state["invoice"]],
            }
        status = checkpoints.Status.COMPLETED if name == "complete" else checkpoints.Status.RUNNING
        return Step(
            state=after, name=name, metrics=metrics, status=status, iteration=state["invoice"]
        )

    def _failed(self, state: State, name: str, metrics: dict[str, float]) -> Step:
        error = {"type": "ValidationError", "message": "the totals do not add up: 3 of 12 lines"}
        return Step(
            state={**state, "position": CHAIN.index("generation")},
            name=name,
            metrics=metrics,
            status=checkpoints.Status.FAILED,
            kind=checkpoints.Kind.RECOVERY,
            metadata={"error": error},
            iteration=state["invoice"],
        )


class Crawler(DemoAgent):
    """Visits pages; after a while it repeats itself and its steps grow dear, until put back."""

    name = "crawler"
    seconds = 2.0
    watches_itself = True

    def __init__(self) -> None:
        self._steps_in_a_row = 0

    def begin(self) -> State:
        """Return the state of a fresh start."""
        return {"queue": ["https://harbour.example/"], "visited": []}

    def put_back(self) -> None:
        """Begin a new stretch of good work."""
        self._steps_in_a_row = 0

    def step(self, state: State, random: Random) -> Step:
        """Visit a page, or once more the same one."""
        self._steps_in_a_row += 1
        excess = max(0, self._steps_in_a_row - DRIFT_AFTER)
        page = state["visited"][-1] if excess and state["visited"] else address(random)
        return Step(
            state={
                "queue": [*state["queue"], address(random)][-30:],
                "visited": [*state["visited"], page][-200:],
            },
            name=("fetch", "extract")[self._steps_in_a_row % 2],
            metrics={
                "tokens": random.randint(380, 460) + 60 * excess,
                "pages": len(set(state["visited"])),
            },
        )


def demo_agents() -> tuple[DemoAgent, ...]:
    """Return one of each."""
    return Researcher(), BillingChain(), Crawler()
