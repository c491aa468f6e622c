"""What is taken and shown of retention policies and schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StrictInt, StrictStr

from dashboard.api.operation_schemas import Number, PolicyIn, kept_text
from dashboard.services.retention import Wanted

Level = Literal["project", "source", "agent", "thread"]
Title = Annotated[StrictStr, Field(min_length=1, max_length=100), AfterValidator(kept_text)]


class _Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class PolicySetIn(_Strict):
    """A policy under a name; without any rule everything is kept."""

    name: Title
    policy: PolicyIn


class SimulationIn(_Strict):
    """The policy that is to be tried."""

    policy: PolicyIn


class ScheduleIn(_Strict):
    """When to prune: every so many hours, or at a minute of the day (UTC), daily or on a weekday.

    Monday is weekday 0. A run that would remove more than ``most_percent`` of a source waits for
    a person.
    """

    name: Title
    every_hours: Annotated[StrictInt, Field(ge=1, le=24 * 366)] | None = None
    minute_of_day: Annotated[StrictInt, Field(ge=0, lt=24 * 60)] | None = None
    weekday: Annotated[StrictInt, Field(ge=0, le=6)] | None = None
    most_percent: Annotated[StrictInt, Field(ge=1, le=100)] = 50

    def to_wanted(self) -> Wanted:
        """Return how the schedule is to be."""
        return Wanted(**self.dict(include=set(ScheduleIn.model_fields)))


class NewScheduleIn(ScheduleIn):
    """A schedule and what it is about: a project, a source or an agent."""

    level: Literal["project", "source", "agent"]
    target: Number


class PolicyOut(Schema):
    """A policy, and the row ``target`` of a ``level`` that it is set on; ``words`` say it."""

    level: Level
    target: int
    about: str
    name: str
    rules: dict[str, Any]
    words: list[str]
    changed_by: str
    changed_at: datetime


class PoliciesOut(Schema):
    """A page of policies, the last changed first; ``next`` asks for the page after it."""

    items: list[PolicyOut]
    next: str | None


class EffectiveOut(Schema):
    """What is kept of a target: its own policy, or else the nearest one further out.

    ``rules`` are those that apply; without any, everything is kept. ``overrides`` are the policies
    whose place it takes, the nearest first.
    """

    level: Level
    target: int
    about: str
    own: PolicyOut | None
    effective: PolicyOut | None
    rules: dict[str, Any]
    words: list[str]
    overrides: list[PolicyOut]


class SimulatedThreadOut(Schema):
    """What would become of one thread."""

    agent: str
    thread: int
    thread_id: str
    doomed: int
    kept: int
    removed_bytes: int
    notes: list[str]


class RefusedSourceOut(Schema):
    """A source that cannot be pruned, and why."""

    source: int
    reason: str


class SimulationOut(Schema):
    """What a policy would let go now; ``left_out`` threads were too many to look at.

    ``overridden`` threads have a nearer policy and are not touched. ``items`` are the first threads
    out of which something would go.
    """

    threads: int
    left_out: int
    overridden: int
    doomed: int
    kept: int
    removed_bytes: int
    touched: int
    items: list[SimulatedThreadOut]
    refused: list[RefusedSourceOut]


class ScheduledPruneOut(Schema):
    """What a run came to in one source: the operation that it asked for, or why it asked none."""

    source: int = Field(validation_alias="source_id")
    outcome: str
    message: str
    operation: UUID | None = Field(validation_alias="operation_id")
    at: datetime


class RunOut(Schema):
    """A run of a schedule; it has ended when ``finished_at`` is set."""

    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    prunes: list[ScheduledPruneOut]


class ScheduleOut(Schema):
    """A schedule, when it runs next, and its last run."""

    id: int
    level: Level
    target: int
    about: str
    name: str
    rhythm: str
    every_hours: int | None
    minute_of_day: int | None
    weekday: int | None
    most_percent: int
    next_run_at: datetime
    paused_at: datetime | None
    created_by: str
    last_run: RunOut | None


class SchedulesOut(Schema):
    """All schedules that you may see, those that run next first."""

    items: list[ScheduleOut]
