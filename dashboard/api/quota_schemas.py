"""What is taken and shown of quotas."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StrictInt

from dashboard.api.operation_schemas import MAX_INTEGER

Level = Literal["project", "source"]


class QuotaIn(Schema):
    """How many bytes there are meant to be at most."""

    model_config = ConfigDict(extra="forbid")

    bytes: Annotated[StrictInt, Field(ge=1, le=MAX_INTEGER)]


class QuotaOfOut(Schema):
    """A project or a source, what it takes now, and its quota; null where none is set."""

    level: Level
    target: int
    about: str
    bytes: int | None
    stored_bytes: int
    changed_by: str | None
    changed_at: datetime | None


class QuotasOut(Schema):
    """A page of quotas, the last changed first; ``next`` asks for the page after it."""

    items: list[QuotaOfOut]
    next: str | None
