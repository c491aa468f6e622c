"""What a batch of reports looks like, item by item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import (
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

import checkpoints
from dashboard.api.schemas import CheckpointIn, HeadIn, Number, SourceIn, Time
from dashboard.services import reports
from dashboard.services.ingest import PushedHead

MAX_ITEMS = 500
Ordinal = Annotated[StrictInt, Field(ge=-(2**63), le=2**63 - 1)]
Text = StrictStr | None


class _Item(Schema):
    model_config = ConfigDict(extra="ignore")

    id: StrictStr


class _ThreadItem(_Item):
    agent_id: StrictStr
    thread_id: StrictStr
    at: Time


class CheckpointItemIn(_Item):
    """A saved checkpoint, and where the head of its thread was then."""

    type: Literal["checkpoint"]
    checkpoint: CheckpointIn
    head: HeadIn | None = None

    def to_item(self) -> reports.Item:
        """Return the item."""
        head = self.head
        return reports.CheckpointItem(
            id=self.id,
            record=self.checkpoint.to_record(),
            head=PushedHead(checkpoint_id=head.checkpoint_id, version=head.version)
            if head
            else None,
        )


class FailureIn(_ThreadItem):
    """An error; ``checkpoint_id`` was the head when it happened."""

    error_type: StrictStr
    message: StrictStr = ""
    traceback: StrictStr = ""
    checkpoint_id: Text = None
    run_id: Text = None
    step: Ordinal | None = None
    step_name: Text = None

    def to_item(self) -> reports.Item:
        """Return the item."""
        return reports.FailureItem(**_given(self))


class FailureItemIn(FailureIn):
    """An error, in a batch."""

    type: Literal["failure"]


class MetricsItemIn(_ThreadItem):
    """Measurements that belong to no checkpoint."""

    type: Literal["metrics"]
    values: dict[str, Number]
    step: Ordinal | None = None

    def to_item(self) -> reports.Item:
        """Return the item."""
        return reports.MetricsItem(**_given(self))


class EffectItemIn(_ThreadItem):
    """Something an agent did outside itself; its name and key are known once in a thread."""

    type: Literal["effect"]
    name: StrictStr
    key: StrictStr
    checkpoint_id: Text = None

    def to_item(self) -> reports.Item:
        """Return the item."""
        return reports.EffectItem(**_given(self))


class ResumeItemIn(_ThreadItem):
    """A run that took up its thread; sent again with what became of that."""

    type: Literal["resume"]
    run_id: StrictStr
    outcome: Literal["resumed", "succeeded", "failed"]
    checkpoint_id: Text = None
    attempt: StrictStr = ""
    error: Text = None

    def to_item(self) -> reports.Item:
        """Return the item."""
        return reports.ResumeItem(**_given(self))


class AcknowledgementItemIn(_Item):
    """What an agent made of a directive."""

    type: Literal["acknowledgement"]
    directive_id: StrictStr
    at: Time
    outcome: Literal["applied", "failed", "refused"]
    detail: Text = None

    def to_item(self) -> reports.Item:
        """Return the item."""
        return reports.AcknowledgementItem(**_given(self))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that is none; the others of its batch are taken all the same."""

    id: str
    detail: str


def _or_unreadable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read one item. Raises what reading raises when the item has no id to be refused by."""
    try:
        return read(value)
    except ValidationError as error:
        name = value.get("id") if isinstance(value, dict) else None
        if not isinstance(name, str):
            raise
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        return Unreadable(name, f"{place or 'item'}: {first['msg']}")


ItemIn = (
    CheckpointItemIn
    | FailureItemIn
    | MetricsItemIn
    | EffectItemIn
    | ResumeItemIn
    | AcknowledgementItemIn
)


class ReportsIn(Schema):
    """Up to 500 items about one store; an id that came before changes nothing."""

    model_config = ConfigDict(extra="forbid")

    source: SourceIn
    items: Annotated[
        list[Annotated[ItemIn, Field(discriminator="type"), WrapValidator(_or_unreadable)]],
        Field(max_length=MAX_ITEMS),
    ]


class FailurePushIn(Schema):
    """One failure."""

    model_config = ConfigDict(extra="forbid")

    source: SourceIn
    failure: FailureIn


class RefusedOut(Schema):
    """An item that was not taken, and why; sending it again will not help."""

    id: str
    detail: str


class DirectiveOut(Schema):
    """An instruction that an operator left; it is given out until it is acknowledged."""

    id: UUID
    agent_id: str = Field(validation_alias="thread.agent.agent_id")
    thread_id: str = Field(validation_alias="thread.thread_id")
    strategy: checkpoints.Strategy
    parameters: dict[str, Any]
    reason: str
    issued_at: datetime = Field(validation_alias="created_at")


class ReportsOut(Schema):
    """What came of a batch, and what waits for the threads that it is about."""

    accepted: int
    duplicates: int
    refused: list[RefusedOut]
    directives: list[DirectiveOut]


class DirectivesOut(Schema):
    """What waits for a thread, the oldest first."""

    directives: list[DirectiveOut]


def _given(item: Schema) -> dict[str, Any]:
    """Return an item's fields; what is None takes its default."""
    return {name: value for name, value in item if name != "type" and value is not None}
