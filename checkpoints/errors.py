"""Everything that the SDK raises on purpose.

CheckpointError
├─ CheckpointNotFound
├─ AmbiguousReference         the id alone names more than one checkpoint
├─ CorruptCheckpoint          digest, format or chain does not hold
├─ UnsupportedState           a value that no body can carry, named by its path
├─ HeadMoved                  somebody else moved the head: expected, actual
├─ SchemaMismatch             other code saved the state: found, expected
├─ SaveVetoed                 a hook forbids the save: hook, reason
├─ StoreError
│  ├─ TransientStoreError     worth retrying
│  └─ PermanentStoreError     full, forbidden, unsupported, not a store at all
└─ PlanRefused                what was asked for must not or can no longer be done
"""

from __future__ import annotations


class CheckpointError(Exception):
    """Base of every error that this package raises on purpose."""


class CheckpointNotFound(CheckpointError):
    """No checkpoint, thread or agent has this name in this store."""


class AmbiguousReference(CheckpointError):
    """The reference fits several checkpoints; name the thread or the agent too."""


class CorruptCheckpoint(CheckpointError):
    """The stored bytes are not what was saved. Nothing was returned and nothing was changed."""

    def __init__(self, message: str, *, checkpoint_id: str | None = None) -> None:
        super().__init__(message)
        self.checkpoint_id = checkpoint_id


class UnsupportedState(CheckpointError):
    """A state holds a value that cannot be stored and read back exactly; ``path`` says where."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class HeadMoved(CheckpointError):
    """The head is no longer where the caller last saw it. Nothing was written."""

    def __init__(self, message: str, *, expected: str | None, actual: str | None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class SchemaMismatch(CheckpointError):
    """A state has another schema version than the code, and no way leads up. Nothing changed."""

    def __init__(self, message: str, *, found: int, expected: int) -> None:
        super().__init__(message)
        self.found = found
        self.expected = expected


class SaveVetoed(CheckpointError):
    """A hook that is called before saves forbids this one. Nothing was saved."""

    def __init__(self, message: str, *, hook: str, reason: str) -> None:
        super().__init__(message)
        self.hook = hook
        self.reason = reason


class StoreError(CheckpointError):
    """A store could not do what it was asked."""


class TransientStoreError(StoreError):
    """The same call may succeed later: locked, busy, connection lost."""


class PermanentStoreError(StoreError):
    """The same call will fail again: full, forbidden, unsupported, not a store."""


class PlanRefused(CheckpointError):
    """What was asked for would remove what must be kept, or can no longer be done as planned."""
