"""What is taken and shown of recovery-point objectives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StrictInt

from dashboard.services.drills import MOST_MINUTES

Level = Literal["project", "source", "agent"]


class ObjectiveIn(Schema):
    """How many minutes old a recovery point may be; null: no objective applies from there on."""

    model_config = ConfigDict(extra="forbid")

    minutes: Annotated[StrictInt, Field(ge=1, le=MOST_MINUTES)] | None


class ObjectiveOut(Schema):
    """An objective, and the row ``target`` of a ``level`` that it is set on."""

    level: Level
    target: int
    about: str
    minutes: int | None
    changed_by: str
    changed_at: datetime


class ObjectivesOut(Schema):
    """A page of objectives, the last changed first; ``next`` asks for the page after it."""

    items: list[ObjectiveOut]
    next: str | None


class RecoveryPointOut(Schema):
    """An agent's newest clean checkpoint among its threads that are not completed.

    ``live`` is false where all of them are; ``at`` is null where there is none.
    """

    live: bool
    at: datetime | None
    due_at: datetime | None
    missed: bool


class AppliedObjectiveOut(Schema):
    """What applies to a target: its ``own`` objective, or the nearest one further out.

    ``minutes`` null: none does. ``set_on`` says on which level it is set.
    """

    level: Level
    target: int
    about: str
    own: ObjectiveOut | None
    minutes: int | None
    set_on: Level | None
    recovery_point: RecoveryPointOut | None
