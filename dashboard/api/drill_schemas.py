"""What is taken and shown of drills."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, Field, StrictInt, model_validator

from dashboard.api.operation_schemas import Number

Outcome = Literal["proven", "failed", "skipped"]


class DrillIn(Schema):
    """What to rehearse: a source, or one agent, and how many checkpoints of each agent."""

    model_config = ConfigDict(extra="forbid")

    source: Number | None = None
    agent: Number | None = None
    checkpoints: Annotated[StrictInt, Field(ge=1, le=50)] = 2

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.source is None) == (self.agent is None):
            raise ValueError("name a source or an agent")
        return self


class RehearsalOut(Schema):
    """What rehearsing one checkpoint came to; ``finding`` names what is wrong."""

    agent: int
    agent_id: str
    thread_id: str
    checkpoint_id: str
    outcome: Outcome
    decoded: bool
    digest_verified: bool
    restored: bool
    read_back: bool
    how: str
    finding: str
    reason: str
    bytes_read: int
    at: datetime


class DrillOut(Schema):
    """A drill; its ``outcome`` is null until it has ended, ``message`` says why it could not be."""

    id: int
    source: int
    agent: int | None
    checkpoints: int
    asked_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    message: str
    agents_done: int
    proven: int
    failed: int
    skipped: int
    bytes_read: int


class WholeDrillOut(DrillOut):
    """A drill with its first 100 rehearsals, those that failed first."""

    rehearsals: list[RehearsalOut]


class DrillsOut(Schema):
    """A page of drills, the newest first; ``next`` asks for the page after it."""

    items: list[DrillOut]
    next: str | None
