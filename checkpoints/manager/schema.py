"""Bringing a state that older code saved into the form that this code knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checkpoints.errors import SchemaMismatch
from checkpoints.records import Checkpoint

FIELD = "schema_version"
"""Where a checkpoint's metadata says which version its state has."""

Migration = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The version of the states that the code saves, and the ways up to it.

    ``migrations`` maps a version to the function that turns a state of it into one of the next.
    """

    version: int | None = None
    migrations: Mapping[int, Migration] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.version is not None and (type(self.version) is not int or self.version < 0):
            raise ValueError(f"schema_version is a whole number from 0 on, not {self.version!r}")

    def mark(self) -> dict[str, int]:
        """Return what a checkpoint's metadata says of its state."""
        return {} if self.version is None else {FIELD: self.version}

    def brought_up(self, state: dict[str, Any], record: Checkpoint) -> dict[str, Any]:
        """Return a state in the form of this version.

        A state that says no version is one of version 0. Raises SchemaMismatch, with nothing
        changed, where there is no way from its version to this one, or a migration returned no
        mapping.
        """
        if self.version is None:
            return state
        marked = record.metadata.get(FIELD, 0)
        found = marked if isinstance(marked, int) else 0
        while found != self.version:
            migrate = self.migrations.get(found) if found < self.version else None
            if migrate is None:
                raise _mismatch(record, found, self.version)
            state, found = _migrated(migrate, state, record, found, self.version), found + 1
        return state


def _migrated(
    migrate: Migration, state: dict[str, Any], record: Checkpoint, found: int, expected: int
) -> dict[str, Any]:
    """Return the state of the next version. A function that returns none must not lose it."""
    migrated: object = migrate(state)
    if not isinstance(migrated, Mapping):
        raise SchemaMismatch(
            f"migrations[{found}] must return the state of version {found + 1} as a mapping, not "
            f"{type(migrated).__name__}; {record.id} stays as it is and nothing was changed",
            found=found,
            expected=expected,
        )
    return dict(migrated)


def _mismatch(record: Checkpoint, found: int, expected: int) -> SchemaMismatch:
    advice = (
        f"Give migrations={{{found}: a function that makes version {found + 1} of it}}"
        if found < expected
        else "Run the code that saved it, or restore an older checkpoint"
    )
    return SchemaMismatch(
        f"the state of {record.id} has schema version {found}, this code has {expected}; nothing "
        f"was changed. {advice}",
        found=found,
        expected=expected,
    )
