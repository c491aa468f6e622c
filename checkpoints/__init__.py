"""Durable checkpoints for agents: save, resume, restore, and tell a dashboard about it.

A name is imported when it is first asked for: who needs one part, such as ``checkpoints.drift``,
does not wait for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checkpoints.errors import (
        AmbiguousReference,
        CheckpointError,
        CheckpointNotFound,
        CorruptCheckpoint,
        HeadMoved,
        PermanentStoreError,
        PlanRefused,
        SaveVetoed,
        SchemaMismatch,
        StoreError,
        TransientStoreError,
        UnsupportedState,
    )
    from checkpoints.findings import (
        KINDS,
        FindingGroup,
        FindingKind,
        Severity,
        gravity,
        grouped,
        kind_of,
    )
    from checkpoints.hooks import HookContext, HookEvent, HookManager, HookResult
    from checkpoints.manager import (
        CheckpointGroup,
        CheckpointManager,
        GroupCheckpoint,
        ResilientCheckpointManager,
        ResumeStats,
    )
    from checkpoints.measures import FieldSize, Space
    from checkpoints.plans import (
        Doomed,
        Edit,
        ForkPlan,
        Kept,
        ThreadErased,
        ThreadErasure,
        ThreadPrune,
        ThreadPruned,
    )
    from checkpoints.records import (
        Capabilities,
        Changes,
        Checkpoint,
        Directive,
        Draft,
        Effect,
        Finding,
        Head,
        JournalEntry,
        JournalName,
        Kind,
        Pin,
        Removal,
        RestoreMode,
        RestorePlan,
        RestoreTarget,
        State,
        Status,
        Strategy,
        Thread,
    )
    from checkpoints.retention import RetentionPolicy
    from checkpoints.stores.base import ReadableStore, RestorableStore, Store
    from checkpoints.stores.measurable import CountableStore, MeasurableStore, RehearsableStore
    from checkpoints.stores.operable import (
        ErasableStore,
        ForkableStore,
        PrunableStore,
        Trash,
        TrashItem,
    )
    from checkpoints.stores.urls import open_native_store, open_store

_HOMES = {
    "checkpoints.errors": (
        "AmbiguousReference",
        "CheckpointError",
        "CheckpointNotFound",
        "CorruptCheckpoint",
        "HeadMoved",
        "PermanentStoreError",
        "PlanRefused",
        "SaveVetoed",
        "SchemaMismatch",
        "StoreError",
        "TransientStoreError",
        "UnsupportedState",
    ),
    "checkpoints.findings": (
        "KINDS",
        "FindingGroup",
        "FindingKind",
        "Severity",
        "gravity",
        "grouped",
        "kind_of",
    ),
    "checkpoints.hooks": ("HookContext", "HookEvent", "HookManager", "HookResult"),
    "checkpoints.manager": (
        "CheckpointGroup",
        "CheckpointManager",
        "GroupCheckpoint",
        "ResilientCheckpointManager",
        "ResumeStats",
    ),
    "checkpoints.measures": ("FieldSize", "Space"),
    "checkpoints.plans": (
        "Doomed",
        "Edit",
        "ForkPlan",
        "Kept",
        "ThreadErased",
        "ThreadErasure",
        "ThreadPrune",
        "ThreadPruned",
    ),
    "checkpoints.records": (
        "Capabilities",
        "Changes",
        "Checkpoint",
        "Directive",
        "Draft",
        "Effect",
        "Finding",
        "Head",
        "JournalEntry",
        "JournalName",
        "Kind",
        "Pin",
        "Removal",
        "RestoreMode",
        "RestorePlan",
        "RestoreTarget",
        "State",
        "Status",
        "Strategy",
        "Thread",
    ),
    "checkpoints.retention": ("RetentionPolicy",),
    "checkpoints.stores.base": ("ReadableStore", "RestorableStore", "Store"),
    "checkpoints.stores.measurable": ("CountableStore", "MeasurableStore", "RehearsableStore"),
    "checkpoints.stores.operable": (
        "ErasableStore",
        "ForkableStore",
        "PrunableStore",
        "Trash",
        "TrashItem",
    ),
    "checkpoints.stores.urls": ("open_native_store", "open_store"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "KINDS",
    "AmbiguousReference",
    "Capabilities",
    "Changes",
    "Checkpoint",
    "CheckpointError",
    "CheckpointGroup",
    "CheckpointManager",
    "CheckpointNotFound",
    "CorruptCheckpoint",
    "CountableStore",
    "Directive",
    "Doomed",
    "Draft",
    "Edit",
    "Effect",
    "ErasableStore",
    "FieldSize",
    "Finding",
    "FindingGroup",
    "FindingKind",
    "ForkPlan",
    "ForkableStore",
    "GroupCheckpoint",
    "Head",
    "HeadMoved",
    "HookContext",
    "HookEvent",
    "HookManager",
    "HookResult",
    "JournalEntry",
    "JournalName",
    "Kept",
    "Kind",
    "MeasurableStore",
    "PermanentStoreError",
    "Pin",
    "PlanRefused",
    "PrunableStore",
    "ReadableStore",
    "RehearsableStore",
    "Removal",
    "ResilientCheckpointManager",
    "RestorableStore",
    "RestoreMode",
    "RestorePlan",
    "RestoreTarget",
    "ResumeStats",
    "RetentionPolicy",
    "SaveVetoed",
    "SchemaMismatch",
    "Severity",
    "Space",
    "State",
    "Status",
    "Store",
    "StoreError",
    "Strategy",
    "Thread",
    "ThreadErased",
    "ThreadErasure",
    "ThreadPrune",
    "ThreadPruned",
    "TransientStoreError",
    "Trash",
    "TrashItem",
    "UnsupportedState",
    "gravity",
    "grouped",
    "kind_of",
    "open_native_store",
    "open_store",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: a public name, or a module of the package."""
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        value = _module(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _module(name: str) -> Any:
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
