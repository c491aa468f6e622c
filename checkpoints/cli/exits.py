"""What a command's exit code tells a program."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import IntEnum

import typer
from rich.console import Console
from rich.markup import escape

from checkpoints.errors import (
    AmbiguousReference,
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PlanRefused,
    TransientStoreError,
)
from checkpoints.presentation import one_line

errors = Console(stderr=True, soft_wrap=True)


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    STORE = 5
    TRY_AGAIN = 6
    CORRUPT = 7


_CODES: tuple[tuple[type[CheckpointError], Exit], ...] = (
    (CheckpointNotFound, Exit.NOT_FOUND),
    (AmbiguousReference, Exit.USAGE),
    (CorruptCheckpoint, Exit.CORRUPT),
    (HeadMoved, Exit.REFUSED),
    (PlanRefused, Exit.REFUSED),
    (TransientStoreError, Exit.TRY_AGAIN),
)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn an error of ours into one line on stderr and an exit code."""
    try:
        yield
    except CheckpointError as error:
        errors.print(f"[bold red]holdfast:[/] {escape(one_line(str(error)))}")
        code = next((code for kind, code in _CODES if isinstance(error, kind)), Exit.STORE)
        raise typer.Exit(code) from error
