"""The items of a report, and what makes one unusable. Pure.

``id`` is the agent's own: the same item sent again has the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import checkpoints
from dashboard.models import DirectiveOutcome, ResumeOutcome
from dashboard.services.ingest.cleaning import (
    MAX_ID_BYTES,
    UnusableRecord,
    check_id,
    check_record,
    check_time,
)
from dashboard.services.ingest.heads import PushedHead, ThreadName

MAX_ITEM_ID_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An item that was not taken, and why."""

    id: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointItem:
    """A saved checkpoint, and where the head of its thread was then."""

    id: str
    record: checkpoints.Checkpoint
    head: PushedHead | None = None

    @property
    def thread(self) -> ThreadName:
        """The agent and the thread that it is about."""
        return self.record.agent_id, self.record.thread_id

    def check(self) -> None:
        """Raise UnusableRecord for what no row can hold."""
        _check_item_id(self.id)
        try:
            check_record(self.record)
        except UnusableRecord as error:
            raise UnusableRecord(f"checkpoint.{error.field}", str(error)) from error
        if self.head:
            check_id("head.checkpoint_id", self.head.checkpoint_id, required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadItem:
    """Something that happened in a thread. The class says which of its fields are ids."""

    required_ids: ClassVar[tuple[str, ...]] = ()
    optional_ids: ClassVar[tuple[str, ...]] = ()

    id: str
    agent_id: str
    thread_id: str
    at: datetime

    @property
    def thread(self) -> ThreadName:
        """The agent and the thread that it is about."""
        return self.agent_id, self.thread_id

    def check(self) -> None:
        """Raise UnusableRecord for what no row can hold."""
        _check_item_id(self.id)
        check_time("at", self.at)
        for name in ("agent_id", "thread_id", *self.required_ids):
            check_id(name, getattr(self, name), required=True)
        for name in self.optional_ids:
            check_id(name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureItem(ThreadItem):
    """One error; ``checkpoint_id`` was the head when it happened."""

    optional_ids: ClassVar[tuple[str, ...]] = ("checkpoint_id", "run_id")

    error_type: str
    message: str = ""
    traceback: str = ""
    checkpoint_id: str = ""
    run_id: str = ""
    step: int | None = None
    step_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsItem(ThreadItem):
    """Measurements that belong to no checkpoint."""

    values: Mapping[str, float] = field(default_factory=dict)
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectItem(ThreadItem):
    """Something the agent did outside itself."""

    required_ids: ClassVar[tuple[str, ...]] = ("name", "key")
    optional_ids: ClassVar[tuple[str, ...]] = ("checkpoint_id",)

    name: str
    key: str
    checkpoint_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeItem(ThreadItem):
    """A run that took up its thread, or what became of that."""

    required_ids: ClassVar[tuple[str, ...]] = ("run_id",)
    optional_ids: ClassVar[tuple[str, ...]] = ("checkpoint_id", "attempt")

    run_id: str
    outcome: ResumeOutcome
    checkpoint_id: str = ""
    attempt: str = ""
    error: str = ""

    def check(self) -> None:
        """Raise UnusableRecord for what no row can hold; the three ids stand in one index."""
        ThreadItem.check(self)
        if len((self.run_id + self.checkpoint_id + self.attempt).encode()) > 2 * MAX_ID_BYTES:
            raise UnusableRecord(
                "run_id", f"is with checkpoint_id and attempt over {2 * MAX_ID_BYTES:,} bytes"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementItem:
    """What an agent made of a directive."""

    id: str
    directive_id: str
    at: datetime
    outcome: DirectiveOutcome
    detail: str = ""

    def check(self) -> None:
        """Raise UnusableRecord for what no row can hold."""
        _check_item_id(self.id)
        check_time("at", self.at)


Item = CheckpointItem | FailureItem | MetricsItem | EffectItem | ResumeItem | AcknowledgementItem


def _check_item_id(text: str) -> None:
    check_id("id", text, required=True)
    if len(text) > MAX_ITEM_ID_CHARACTERS:
        raise UnusableRecord("id", f"is longer than {MAX_ITEM_ID_CHARACTERS} characters")
