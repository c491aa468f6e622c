"""The index: rows about stores, and what people and workers do to them."""

from dashboard.models.access import ApiToken, LoginLink, User
from dashboard.models.agents import Agent, Thread
from dashboard.models.audit import AuditEvent
from dashboard.models.checkpoints import Checkpoint
from dashboard.models.health import Heartbeat
from dashboard.models.operations import (
    Operation,
    OperationKind,
    OperationLog,
    OperationState,
    OperationStep,
    ThreadLock,
)
from dashboard.models.reports import (
    Directive,
    DirectiveOutcome,
    DirectiveState,
    Effect,
    Failure,
    MetricsPoint,
    Resume,
    ResumeOutcome,
)
from dashboard.models.sources import Source, SourceFinding

__all__ = [
    "Agent",
    "ApiToken",
    "AuditEvent",
    "Checkpoint",
    "Directive",
    "DirectiveOutcome",
    "DirectiveState",
    "Effect",
    "Failure",
    "Heartbeat",
    "LoginLink",
    "MetricsPoint",
    "Operation",
    "OperationKind",
    "OperationLog",
    "OperationState",
    "OperationStep",
    "Resume",
    "ResumeOutcome",
    "Source",
    "SourceFinding",
    "Thread",
    "ThreadLock",
    "User",
]
