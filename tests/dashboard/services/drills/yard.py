"""A drilled store: two agents in a folder, of which a test may damage any checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import checkpoints
from dashboard.models import Agent, AgentDrill, Drill, Source, User
from dashboard.services import drills, scans
from tests.benches import Clock
from tests.dashboard.people import join

AGENTS = ("billing", "crawler")
SAVES = 6


@dataclass
class DrillYard:
    """A folder store with two agents, registered and scanned, and time that a test moves."""

    folder: Path
    source: Source
    user: User
    clock: Clock

    def agent(self, name: str) -> Agent:
        return Agent.objects.select_related("source__project").get(agent_id=name)

    def last(self, name: str) -> AgentDrill:
        return AgentDrill.objects.get(agent__agent_id=name)

    def ask(self, agent: str = "", per_agent: int = 2) -> Drill:
        wanted = {"agent_pk": self.agent(agent).pk} if agent else {"source_pk": self.source.pk}
        return drills.rehearse_now(user=self.user, per_agent=per_agent, now=self.clock(), **wanted)

    def carry_out(self, drill: Drill) -> Drill:
        """Let one worker do a piece, which is all of it unless time is short."""
        drills.carry_out(drill_pk=drill.pk, now=self.clock)
        drill.refresh_from_db()
        return drill

    def drilled(self, agent: str = "", per_agent: int = 2) -> Drill:
        return self.carry_out(self.ask(agent, per_agent))

    def head_file(self, agent: str) -> Path:
        files = sorted((self.folder / agent).rglob("*.json"), key=lambda path: path.name)
        return files[-1]

    def save(self, agent: str) -> None:
        """Let an agent go on, and take it in."""
        with checkpoints.CheckpointManager(agent, store=self.source.url) as manager:
            manager.resume()
            manager.create_checkpoint(state={"step": "more"})
        self.scan()

    def scan(self) -> None:
        scans.scan_source(source_id=self.source.pk, now=self.clock())


def make_drill_yard(folder: Path, agents: tuple[str, ...] = AGENTS) -> DrillYard:
    """Make the store, register and scan it."""
    clock = Clock()
    url = f"file:///{folder}/agents"
    for name in agents:
        with checkpoints.CheckpointManager(name, store=url) as manager:
            for step in range(SAVES):
                manager.create_checkpoint(state={"step": step})
    source = Source.objects.create(name="agents", url=url, kind="file", created_at=clock())
    user = join(User.objects.get_or_create(username="ada")[0])
    user.authenticated_at = clock() + timedelta(days=365)
    yard = DrillYard(folder=folder / "agents", source=source, user=user, clock=clock)
    yard.scan()
    source.refresh_from_db()
    return yard
