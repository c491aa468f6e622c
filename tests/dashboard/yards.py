"""A native store with two agents, and what tests of retention do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import checkpoints
from dashboard.models import Agent, Operation, Project, ScheduledPrune, Source, Thread, User
from dashboard.selectors.retention import Target, target_of
from dashboard.services import operations, retention, scans
from tests.benches import Clock
from tests.dashboard.people import join

SAVES = {"billing": 8, "crawler": 4}


@dataclass
class Yard:
    """A native store with two agents of one thread each, registered and scanned."""

    url: str
    source: Source
    user: User
    clock: Clock

    @property
    def project(self) -> Project:
        return self.source.project

    def target(self, name: str = "") -> Target:
        """Return an agent as a target, or the source."""
        return target_of(self.agent(name) if name else self.source)

    def agent(self, name: str) -> Agent:
        return Agent.objects.select_related("source__project").get(agent_id=name)

    def thread(self, name: str) -> Thread:
        related = "agent__source__project"
        return Thread.objects.select_related(related).get(agent__agent_id=name)

    def set(self, target: Target, policy: checkpoints.RetentionPolicy, name: str = "few") -> None:
        retention.set_policy(
            user=self.user, target=target, name=name, policy=policy, now=self.clock()
        )

    def hourly(self, target: Target | None = None, **changes: int) -> int:
        """Add a schedule for every hour and return its number."""
        wanted = retention.Wanted(name="tidy", every_hours=1, **changes)
        schedule = retention.add_schedule(
            user=self.user, target=target or self.target(), wanted=wanted, now=self.clock()
        )
        return schedule.pk

    def round(self) -> list[ScheduledPrune]:
        """Let one worker begin and carry out what is due; return what came of it."""
        for run_pk in retention.begin_due(now=self.clock()):
            retention.carry_out(run_pk=run_pk, now=self.clock)
        return list(ScheduledPrune.objects.order_by("pk"))

    def run(self, operation: Operation) -> Operation:
        operations.run_operation(operation_id=operation.pk, worker="w", now=self.clock)
        operation.refresh_from_db()
        return operation


def make_yard(folder: Path) -> Yard:
    """Make the store, register and scan it."""
    clock = Clock()
    url = f"sqlite:///{folder}/agents.db"
    for name, saves in SAVES.items():
        with checkpoints.CheckpointManager(name, store=url) as manager:
            for step in range(saves):
                manager.create_checkpoint(state={"step": step})
    source = Source.objects.create(name="agents", url=url, kind="sqlite", created_at=clock())
    scans.scan_source(source_id=source.pk, now=clock())
    source.refresh_from_db()
    user = join(User.objects.get_or_create(username="ada")[0])
    user.authenticated_at = clock() + timedelta(hours=1)
    return Yard(url=url, source=source, user=user, clock=clock)
