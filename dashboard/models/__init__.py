"""The index: rows about stores, and what people and workers do to them."""

from dashboard.models.access import ApiToken, LoginLink, Membership, Project, Role, User
from dashboard.models.agents import Agent, Thread
from dashboard.models.audit import AuditEvent, AuditHead
from dashboard.models.checkpoints import Checkpoint
from dashboard.models.drills import (
    AgentDrill,
    AlertKind,
    Drill,
    DrillOutcome,
    DrillResult,
    DrillSchedule,
    ObjectiveAlert,
    RecoveryObjective,
)
from dashboard.models.health import Heartbeat
from dashboard.models.operations import (
    Operation,
    OperationKind,
    OperationLog,
    OperationState,
    OperationStep,
    ThreadLock,
    TrashedBatch,
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
from dashboard.models.requests import RequestKey
from dashboard.models.retention import (
    PruneSchedule,
    RetentionPolicy,
    RunOutcome,
    ScheduledPrune,
    ScheduledRun,
)
from dashboard.models.sources import Source, SourceFinding
from dashboard.models.storage import (
    AgentSample,
    FieldSample,
    Grain,
    SourceSample,
    SourceStorage,
    StorageQuota,
    ThreadSample,
    ThreadStorage,
)

__all__ = [
    "Agent",
    "AgentDrill",
    "AgentSample",
    "AlertKind",
    "ApiToken",
    "AuditEvent",
    "AuditHead",
    "Checkpoint",
    "Directive",
    "DirectiveOutcome",
    "DirectiveState",
    "Drill",
    "DrillOutcome",
    "DrillResult",
    "DrillSchedule",
    "Effect",
    "Failure",
    "FieldSample",
    "Grain",
    "Heartbeat",
    "LoginLink",
    "Membership",
    "MetricsPoint",
    "ObjectiveAlert",
    "Operation",
    "OperationKind",
    "OperationLog",
    "OperationState",
    "OperationStep",
    "Project",
    "PruneSchedule",
    "RecoveryObjective",
    "RequestKey",
    "Resume",
    "ResumeOutcome",
    "RetentionPolicy",
    "Role",
    "RunOutcome",
    "ScheduledPrune",
    "ScheduledRun",
    "Source",
    "SourceFinding",
    "SourceSample",
    "SourceStorage",
    "StorageQuota",
    "Thread",
    "ThreadLock",
    "ThreadSample",
    "ThreadStorage",
    "TrashedBatch",
    "User",
]
