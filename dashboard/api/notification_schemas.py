"""What is taken and shown of notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from dashboard.api.operation_schemas import Number

Severity = Literal["low", "medium", "high"]
Kind = Literal["email", "webhook", "service"]
Minute = Annotated[StrictInt, Field(ge=0, lt=24 * 60)]
PerHour = Annotated[StrictInt, Field(ge=1, le=600)]


class RuleIn(Schema):
    """What a channel is told of: without ``kinds`` of all; ``agents`` is a pattern.

    Quiet hours are minutes of the day in ``time_zone``, both ends or none.
    """

    model_config = ConfigDict(extra="forbid")

    severity: Severity = "low"
    kinds: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=50)] = []
    agents: Annotated[str, Field(max_length=200)] = ""
    quiet_from: Minute | None = None
    quiet_until: Minute | None = None
    time_zone: Annotated[str, Field(max_length=60)] = "UTC"
    high_passes: StrictBool = True
    remind_hours: Annotated[StrictInt, Field(ge=1, le=24 * 14)] | None = None


class ChannelIn(Schema):
    """A new channel with its first rule. ``address`` is kept sealed and never shown again."""

    model_config = ConfigDict(extra="forbid")

    project: Number
    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Kind
    address: Annotated[str, Field(min_length=1, max_length=4_000)]
    per_hour: PerHour = 20
    rule: RuleIn = RuleIn()


class ChannelChange(Schema):
    """How a channel is to be; without an ``address`` the one that is kept stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    per_hour: PerHour = 20
    address: Annotated[str, Field(max_length=4_000)] = ""
    paused: StrictBool | None = None


class RuleOut(Schema):
    """A rule of a channel, with the same in ``words``."""

    id: int
    severity: Severity
    kinds: list[str]
    agents: str
    quiet_from: int | None
    quiet_until: int | None
    time_zone: str
    high_passes: bool
    remind_hours: int | None
    words: str


class ChannelOut(Schema):
    """A channel. ``goes_to`` is what may be seen of its address; ``waiting`` counts messages."""

    id: int
    project: int
    name: str
    kind: Kind
    goes_to: str
    per_hour: int
    paused_at: datetime | None
    last_delivered_at: datetime | None
    broken_since: datetime | None
    waiting: int
    rules: list[RuleOut]


class NewChannelOut(ChannelOut):
    """A channel that was added or given another address. ``secret`` is shown this once."""

    secret: str | None


class ChannelsOut(Schema):
    """The channels of the projects that one operates."""

    items: list[ChannelOut]


class AttemptOut(Schema):
    """One attempt; ``unknown`` means that whoever sent it did not come back."""

    number: int
    begun_at: datetime
    milliseconds: int | None
    outcome: Literal["begun", "taken", "failed", "unknown"]
    status: int | None
    answer: str
    next_try_at: datetime | None


class MessageOut(Schema):
    """A message with its attempts; ``more`` counts subjects beyond those in ``keys``."""

    id: UUID
    channel: int
    kind: Literal["news", "digest", "reminder", "test"]
    severity: Severity
    title: str
    keys: list[str]
    more: int
    state: Literal["waiting", "delivered", "given_up"]
    created_at: datetime
    next_try_at: datetime | None
    ended_at: datetime | None
    reason: str
    attempts: list[AttemptOut]


class MessagesOut(Schema):
    """A page of messages, the newest first; ``next`` asks for the page after it."""

    items: list[MessageOut]
    next: str | None
