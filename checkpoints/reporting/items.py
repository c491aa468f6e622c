"""What is reported, as the dashboard takes it. Pure: every value is copied when it is reported."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from checkpoints.identifiers import new_id
from checkpoints.records import Checkpoint, Head

MAX_MESSAGE_CHARACTERS = 4_000
MAX_TRACEBACK_CHARACTERS = 16_000
MAX_FRAMES = 30

Item = dict[str, Any]


class Lane(StrEnum):
    """What is sent first and, where room is wanting, given up last: in this order."""

    EVENTS = "events"
    CHECKPOINTS = "checkpoints"
    METRICS = "metrics"


class EffectLike(Protocol):
    """What an agent did outside itself."""

    @property
    def agent_id(self) -> str: ...
    @property
    def thread_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def checkpoint_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item on its way, with the URL of the store that it is about."""

    lane: Lane
    source_url: str
    item: Item


def checkpoint_item(checkpoint: Checkpoint, head: Head | None) -> Item:
    """Describe a saved checkpoint, and where its thread's head is now."""
    place = {"checkpoint_id": head.checkpoint_id, "version": head.version} if head else None
    record = checkpoint.to_dict()
    record["metrics"] = finite(checkpoint.metrics)
    return {"id": new_id(), "type": "checkpoint", "checkpoint": record, "head": place}


def about(kind: str, agent_id: str, thread_id: str, at: datetime, **values: Any) -> Item:
    """Describe something that happened in a thread."""
    return {
        "id": new_id(),
        "type": kind,
        "agent_id": agent_id,
        "thread_id": thread_id,
        "at": at.isoformat(),
        **values,
    }


def effect_item(effect: EffectLike) -> Item:
    """Describe an effect; what the agent keeps with it stays in the store."""
    return about(
        "effect",
        effect.agent_id,
        effect.thread_id,
        effect.recorded_at,
        name=effect.name,
        key=effect.key,
        checkpoint_id=effect.checkpoint_id,
    )


def acknowledgement_item(directive_id: str, outcome: str, detail: str, at: datetime) -> Item:
    """Describe what an agent made of a directive."""
    return {
        "id": new_id(),
        "type": "acknowledgement",
        "directive_id": directive_id,
        "at": at.isoformat(),
        "outcome": outcome,
        "detail": told(detail),
    }


def described(error: BaseException) -> dict[str, str]:
    """Return an error's type, message and traceback, each within its bound and masked by nothing.

    The message keeps its beginning, the traceback its end: the frames next to the error.
    """
    trace = traceback.TracebackException(
        type(error), error, error.__traceback__, limit=-MAX_FRAMES, compact=True
    )
    return {
        "error_type": _name_of(type(error))[:200],
        "message": told(str(trace)),
        "traceback": _sendable("".join(trace.format())[-MAX_TRACEBACK_CHARACTERS:]),
    }


def _name_of(error: type[BaseException]) -> str:
    """Return a type's name as a traceback ends with it."""
    if error.__module__ in {"builtins", "__main__"}:
        return error.__qualname__
    return f"{error.__module__}.{error.__qualname__}"


def _sendable(text: str) -> str:
    """Write out halves of surrogate pairs, which stand in names of files that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def told(text: str) -> str:
    """Return a text within the bound of messages, as JSON can carry it."""
    if len(text) <= MAX_MESSAGE_CHARACTERS:
        return _sendable(text)
    return _sendable(f"{text[:MAX_MESSAGE_CHARACTERS]}… ({len(text):,} characters)")


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that JSON has a number for."""
    return {str(name): value for name, value in metrics.items() if math.isfinite(value)}
