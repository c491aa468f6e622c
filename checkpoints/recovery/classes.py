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


class ErrorClass(StrEnum):
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
class Advice:
    """Whether a class of errors passes by itself, and its strategies, the most hopeful first."""

    transient: bool
    strategies: tuple[Strategy, ...]
    why: str


def _passes(strategies: tuple[Strategy, ...], why: str) -> Advice:
    return Advice(transient=True, strategies=strategies, why=why)


def _lasts(strategies: tuple[Strategy, ...], why: str) -> Advice:
    return Advice(transient=False, strategies=strategies, why=why)


ADVICE: Final[Mapping[ErrorClass, Advice]] = MappingProxyType(
    {
        ErrorClass.RATE_LIMIT: _passes(
            (RETRY, MODIFY, SKIP), "wait, then ask again; ask less often or another model"
        ),
        ErrorClass.QUOTA_EXHAUSTED: _lasts(
            (ESCALATE, MODIFY, SKIP), "nothing helps until a person tops the account up"
        ),
        ErrorClass.TIMEOUT: _passes(
            (RETRY, MODIFY, ITERATION), "try again; then ask for less or wait longer"
        ),
        ErrorClass.NETWORK: _passes((RETRY, ITERATION, ESCALATE), "try again after a while"),
        ErrorClass.SERVER_ERROR: _passes(
            (RETRY, MODIFY, SKIP), "try again after a while; then another model"
        ),
        ErrorClass.AUTH: _lasts((ESCALATE, MODIFY, RESTART), "credentials need a person"),
        ErrorClass.PERMISSION: _lasts((ESCALATE, MODIFY, SKIP), "somebody has to grant it"),
        ErrorClass.NOT_FOUND: _lasts((MODIFY, SKIP, ESCALATE), "the name, path or model is wrong"),
        ErrorClass.CONTEXT_LENGTH: _lasts(
            (MODIFY, RESTORE, ITERATION), "shorten the context, or go back before it grew"
        ),
        ErrorClass.CONTENT_FILTER: _lasts((MODIFY, GENERATION, SKIP), "say it differently"),
        ErrorClass.INVALID_REQUEST: _lasts(
            (MODIFY, ESCALATE, ITERATION), "the request has to change"
        ),
        ErrorClass.OUTPUT_VALIDATION: _passes(
            (GENERATION, MODIFY, RETRY), "generate again with the objection in the prompt"
        ),
        ErrorClass.TOOL_ERROR: _passes(
            (RETRY, MODIFY, SKIP), "call it once more, then differently"
        ),
        ErrorClass.MEMORY_OOM: _lasts(
            (MODIFY, RESTORE, RESTART), "smaller batches; then a fresh process"
        ),
        ErrorClass.DISK_FULL: _lasts((ESCALATE, MODIFY, RESTART), "free space first"),
        ErrorClass.RESOURCE_EXHAUSTED: _passes(
            (RETRY, MODIFY, ESCALATE), "wait until a handle or connection is free"
        ),
        ErrorClass.CORRUPTED_STATE: _lasts(
            (RESTORE, RESTART, ESCALATE), "go back to the last checkpoint that is sound"
        ),
        ErrorClass.CONCURRENCY_CONFLICT: _passes(
            (RETRY, RESTORE, ITERATION), "read what is there now and do it again"
        ),
        ErrorClass.DB_TRANSIENT: _passes((RETRY, ITERATION, RESTORE), "repeat the transaction"),
        ErrorClass.DB_PERMANENT: _lasts(
            (ESCALATE, MODIFY, RESTORE), "schema or data has to change"
        ),
        ErrorClass.CONFIG: _lasts(
            (ESCALATE, MODIFY, RESTART), "something is not installed or not set"
        ),
        ErrorClass.CODE_BUG: _lasts(
            (ESCALATE, SKIP, RESTORE), "it will fail again in the same way"
        ),
        ErrorClass.LOOP_LIMIT: _lasts(
            (RESTORE, MODIFY, ITERATION), "go back before the loop and change something"
        ),
        ErrorClass.INTERRUPTED: _passes(
            (RESTORE, RETRY, RESTART), "resume from the last checkpoint"
        ),
        ErrorClass.UNKNOWN: _passes(
            (RETRY, RESTORE, ESCALATE), "not recognised: try once more, then go back"
        ),
    }
)
"""The order of strategies is an expert's opinion about 24 classes of errors, not a measurement."""
