"""What the API takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from ninja import Schema
from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)

import checkpoints

MAX_BATCH = 500


def _only_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a text in ISO 8601")  # noqa: TRY004 - pydantic wants ValueError
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_only_text)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class SourceIn(Schema):
    """The store in which the checkpoints lie, by its URL with an absolute path."""

    model_config = ConfigDict(extra="forbid")

    url: StrictStr
    name: StrictStr = ""


class HeadIn(Schema):
    """What the next run of the thread resumes from; a version that is not newer moves nothing."""

    model_config = ConfigDict(extra="ignore")

    checkpoint_id: StrictStr
    version: Annotated[StrictInt, Field(ge=1, le=2**63 - 1)]


class CheckpointIn(Schema):
    """A checkpoint's record as the SDK writes it. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    id: StrictStr
    agent_id: StrictStr
    thread_id: StrictStr
    step: StrictInt
    created_at: Time
    namespace: StrictStr = ""
    parent_id: StrictStr | None = None
    run_id: StrictStr | None = None
    step_name: StrictStr | None = None
    iteration: StrictInt | None = None
    kind: checkpoints.Kind = checkpoints.Kind.ROUTINE
    status: checkpoints.Status = checkpoints.Status.UNKNOWN
    size: StrictInt | None = None
    stored_size: StrictInt | None = None
    sha256: StrictStr | None = None
    metrics: dict[str, Number] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    next_steps: tuple[StrictStr, ...] = ()
    written_by: tuple[StrictStr, ...] = ()
    damage: StrictStr | None = None

    def to_record(self) -> checkpoints.Checkpoint:
        """Return the record."""
        return checkpoints.Checkpoint(**dict(self))


class PushIn(Schema):
    """One checkpoint or up to 500 of one store."""

    model_config = ConfigDict(extra="forbid")

    source: SourceIn
    checkpoint: CheckpointIn | None = None
    checkpoints: Annotated[list[CheckpointIn], Field(max_length=MAX_BATCH)] = []
    head: HeadIn | None = None

    @model_validator(mode="after")
    def _hold_something(self) -> Self:
        if (self.checkpoint is None) == (not self.checkpoints):
            raise ValueError("give either 'checkpoint' or 'checkpoints'")
        return self


class StoredOut(Schema):
    """Where a checkpoint is now."""

    id: int
    url: str


class PushOut(Schema):
    """What a push changed."""

    created: int
    duplicates: int
    checkpoints: list[StoredOut]


class ProblemOut(Schema):
    """An error (RFC 9457); ``code`` is stable, ``error_id`` is in the server's log."""

    type: str
    status: int
    code: str
    title: str
    detail: str
    error_id: str
    field: str | None = None


class AgentOut(Schema):
    """An agent as its source shows it."""

    id: int
    agent_id: str
    source: int = Field(validation_alias="source_id")
    status: str
    last_checkpoint_at: datetime | None
    checkpoint_count: int
    stored_bytes: int


class AgentsOut(Schema):
    """A page of agents; ``next`` asks for the page after it."""

    items: list[AgentOut]
    next: str | None


class CheckpointOut(Schema):
    """A checkpoint's record as the index has it, with the id that its page has."""

    id: int
    checkpoint_id: str
    agent: int
    agent_id: str
    thread: int
    thread_id: str
    is_head: bool
    namespace: str
    parent_id: str
    run_id: str
    step: int
    step_name: str
    iteration: int | None
    kind: str
    status: str
    created_at: datetime
    received_at: datetime
    size: int | None
    stored_size: int | None
    sha256: str
    metrics: dict[str, Any]
    metadata: dict[str, Any]
    next_steps: list[str]
    written_by: list[str]
    damage: str
    pinned: bool
    removed_at: datetime | None
    removed_reason: str
    restore_refused: str
