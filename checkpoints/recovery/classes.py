"""Kinds of errors, whether they pass by themselves, and what tends to help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from checkpoints.records import Strategy

RETRY = Strategy.RETRY_CURRENT_STEP
SKIP = Strategy.SKIP_TO_NEXT
ITERATION = Strategy.RESTART_ITERATION
GENERATION = Strategy.RESTART_FROM_GENERATION
MODIFY = Strategy.MODIFY_PARAMETERS
RESTART = Strategy.FULL_RESTART
RESTORE = Strategy.RESTORE_CHECKPOINT
ESCALATE = Strategy.ESCALATE_TO_HUMAN


class ErrorName(StrEnum):
    """What went wrong. ``unknown`` is an honest answer."""

    RATE_LIMIT = "rate_limit"
    QUOTA_EXHAUSTED = "quota_exhausted"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER_ERROR = "server_error"
    AUTH = "auth"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    INVALID_REQUEST = "invalid_request"
    OUTPUT_VALIDATION = "output_validation"
    TOOL_ERROR = "tool_error"
    MEMORY_OOM = "memory_oom"
    DISK_FULL = "disk_full"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    CORRUPTED_STATE = "corrupted_state"
    CONCURRENCY_CONFLICT = "concurrency_conflict"
    DB_TRANSIENT = "db_transient"
    DB_PERMANENT = "db_permanent"
    CONFIG = "config"
    CODE_BUG = "code_bug"
    LOOP_LIMIT = "loop_limit"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorClass:
    """A class of errors: whether it passes by itself, and what helps, the most hopeful first.

    ``transient`` says that the same call may succeed later; ``why`` says in words what the
    strategies rest on.
    """

    name: ErrorName
    transient: bool
    strategies: tuple[Strategy, ...]
    why: str

    def __str__(self) -> str:
        return self.name.value


def _passes(name: ErrorName, strategies: tuple[Strategy, ...], why: str) -> ErrorClass:
    return ErrorClass(name=name, transient=True, strategies=strategies, why=why)


def _lasts(name: ErrorName, strategies: tuple[Strategy, ...], why: str) -> ErrorClass:
    return ErrorClass(name=name, transient=False, strategies=strategies, why=why)


_CLASSES: Final = (
    _passes(
        ErrorName.RATE_LIMIT,
        (RETRY, MODIFY, SKIP),
        "wait, then ask again; ask less often or another model",
    ),
    _lasts(
        ErrorName.QUOTA_EXHAUSTED,
        (ESCALATE, MODIFY, SKIP),
        "nothing helps until a person tops the account up",
    ),
    _passes(
        ErrorName.TIMEOUT, (RETRY, MODIFY, ITERATION), "try again; then ask for less or wait longer"
    ),
    _passes(ErrorName.NETWORK, (RETRY, ITERATION, ESCALATE), "try again after a while"),
    _passes(
        ErrorName.SERVER_ERROR, (RETRY, MODIFY, SKIP), "try again after a while; then another model"
    ),
    _lasts(ErrorName.AUTH, (ESCALATE, MODIFY, RESTART), "credentials need a person"),
    _lasts(ErrorName.PERMISSION, (ESCALATE, MODIFY, SKIP), "somebody has to grant it"),
    _lasts(ErrorName.NOT_FOUND, (MODIFY, SKIP, ESCALATE), "the name, path or model is wrong"),
    _lasts(
        ErrorName.CONTEXT_LENGTH,
        (MODIFY, RESTORE, ITERATION),
        "shorten the context, or go back before it grew",
    ),
    _lasts(ErrorName.CONTENT_FILTER, (MODIFY, GENERATION, SKIP), "say it differently"),
    _lasts(ErrorName.INVALID_REQUEST, (MODIFY, ESCALATE, ITERATION), "the request has to change"),
    _passes(
        ErrorName.OUTPUT_VALIDATION,
        (GENERATION, MODIFY, RETRY),
        "generate again with the objection in the prompt",
    ),
    _passes(ErrorName.TOOL_ERROR, (RETRY, MODIFY, SKIP), "call it once more, then differently"),
    _lasts(
        ErrorName.MEMORY_OOM, (MODIFY, RESTORE, RESTART), "smaller batches; then a fresh process"
    ),
    _lasts(ErrorName.DISK_FULL, (ESCALATE, MODIFY, RESTART), "free space first"),
    _passes(
        ErrorName.RESOURCE_EXHAUSTED,
        (RETRY, MODIFY, ESCALATE),
        "wait until a handle or connection is free",
    ),
    _lasts(
        ErrorName.CORRUPTED_STATE,
        (RESTORE, RESTART, ESCALATE),
        "go back to the last checkpoint that is sound",
    ),
    _passes(
        ErrorName.CONCURRENCY_CONFLICT,
        (RETRY, RESTORE, ITERATION),
        "read what is there now and do it again",
    ),
    _passes(ErrorName.DB_TRANSIENT, (RETRY, ITERATION, RESTORE), "repeat the transaction"),
    _lasts(ErrorName.DB_PERMANENT, (ESCALATE, MODIFY, RESTORE), "schema or data has to change"),
    _lasts(ErrorName.CONFIG, (ESCALATE, MODIFY, RESTART), "something is not installed or not set"),
    _lasts(ErrorName.CODE_BUG, (ESCALATE, SKIP, RESTORE), "it will fail again in the same way"),
    _lasts(
        ErrorName.LOOP_LIMIT,
        (RESTORE, MODIFY, ITERATION),
        "go back before the loop and change something",
    ),
    _passes(ErrorName.INTERRUPTED, (RESTORE, RETRY, RESTART), "resume from the last checkpoint"),
    _passes(
        ErrorName.UNKNOWN, (RETRY, RESTORE, ESCALATE), "not recognised: try once more, then go back"
    ),
)
ERROR_CLASSES: Final[Mapping[ErrorName, ErrorClass]] = MappingProxyType(
    {one.name: one for one in _CLASSES}
)
"""The order of strategies is an expert's opinion about 24 classes of errors, not a measurement."""
