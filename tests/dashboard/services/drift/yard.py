"""An agent that reports, works well, and drifts when a test says so; and time that a test moves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import checkpoints
from dashboard.models import Agent, AgentWatch, DriftAlert, User
from dashboard.services import drift
from dashboard.services.ingest import ingest_push
from dashboard.services.tokens import NewToken, create_token
from tests.benches import Clock
from tests.dashboard.people import join
from tests.dashboard.records import push, record

SECONDS = 5


@dataclass
class DriftYard:
    """What an agent reports, and whoever looks at it."""

    user: User
    token: NewToken
    clock: Clock
    step: int = 0
    random: Random = field(default_factory=lambda: Random(7))

    def report(self, count: int, *, factor: float = 1.0, agent: str = "crawler") -> None:
        """Let the agent save ``count`` checkpoints whose latency is ``factor`` times the usual."""
        records = []
        for _ in range(count):
            self.step += 1
            self.clock.pass_by(SECONDS)
            records.append(self._record(factor, agent))
        for at in range(0, count, 100):
            ingest_push(
                token=self.token.token, push=push(*records[at : at + 100]), now=self.clock()
            )

    def _record(self, factor: float, agent: str) -> checkpoints.Checkpoint:
        return record(
            self.step,
            agent_id=agent,
            parent_id=f"checkpoint-{self.step - 1}" if self.step > 1 else None,
            step_name="generation",
            created_at=self.clock(),
            metrics={
                "latency": factor * self.random.gauss(100, 4),
                "tokens": self.random.gauss(500, 20),
            },
        )

    def look(self) -> int:
        """Let a worker look at what waits."""
        return drift.analyse_due(now=self.clock)

    def drifted(self) -> DriftAlert:
        """Let the agent drift, look, and return its alert."""
        self.report(150)
        self.look()
        self.report(12, factor=2.5)
        self.look()
        return DriftAlert.objects.get(state="open")

    def agent(self, name: str = "crawler") -> Agent:
        return Agent.objects.get(agent_id=name)

    def watch(self) -> AgentWatch:
        return AgentWatch.objects.get(agent__agent_id="crawler")


def make_drift_yard() -> DriftYard:
    """Make an operator, a token to push with, and a clock an hour ago."""
    clock = Clock()
    clock.now -= timedelta(hours=1)
    user = join(User.objects.create_user(f"operator-{time.monotonic_ns()}"))
    user.authenticated_at = clock()
    token = create_token(user=user, name="push", scopes=["push"], now=clock())
    return DriftYard(user=user, token=token, clock=clock)
