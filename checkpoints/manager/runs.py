"""Blocks that end with a checkpoint: a whole run, and a risky operation within it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from checkpoints.manager.both import AlsoAsync
from checkpoints.records import Checkpoint, Kind, Status

logger = logging.getLogger("checkpoints")

MESSAGE = 2000
"""Characters of an error's message that its checkpoint keeps."""


class Run(AlsoAsync):
    """One execution: it resumes when it begins, and its end is saved, however it ends.

    ``state`` is what was resumed from, None for a fresh thread.
    """

    def __init__(
        self,
        *,
        resume: Callable[[], dict[str, Any] | None] | None,
        complete: Callable[[], object],
        fail: Callable[[BaseException], object],
    ) -> None:
        self._resume = resume
        self._complete = complete
        self._fail = fail
        self.state: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        if self._resume is not None:
            self.state = self._resume()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._complete()
        else:
            self._end_with(error)

    def _end_with(self, error: BaseException) -> None:
        """Save how the run ended; the agent's own error goes on whatever becomes of that."""
        try:
            self._fail(error)
        except Exception as ours:  # noqa: BLE001 - it would mask the agent's
            logger.error("the end of the run was not saved (%s); its own error follows", ours)


class Operation(AlsoAsync):
    """A risky operation: a pre_operation checkpoint before it, which goes when it has succeeded."""

    def __init__(
        self,
        begin: Callable[[], Checkpoint],
        succeeded: Callable[[Checkpoint], None],
    ) -> None:
        self._begin = begin
        self._succeeded = succeeded
        self._saved: Checkpoint | None = None

    def __enter__(self) -> Checkpoint:
        self._saved = self._begin()
        return self._saved

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and self._saved is not None:
            self._succeeded(self._saved)


class Batch(AlsoAsync):
    """Checkpoints that are saved together at the end of a block, all of them or none.

    All are given this very batch: none ends another's.
    """

    def __init__(
        self,
        begin: Callable[[Batch], None],
        end: Callable[[Batch], None],
        drop: Callable[[Batch], None],
    ) -> None:
        self._begin = begin
        self._end = end
        self._drop = drop

    def __enter__(self) -> Self:
        try:
            self._begin(self)
        except BaseException:  # Ctrl-C may come when it has begun
            self._drop(self)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._end(self)
        finally:
            self._drop(self)


def ending(error: BaseException) -> tuple[Kind, Status]:
    """Return with which kind and status a run is saved that an error ends.

    Whoever is stopped from outside, by Ctrl-C, exit or cancellation, was interrupted; anything
    else has failed.
    """
    if isinstance(error, Exception):
        return Kind.RECOVERY, Status.FAILED
    return Kind.ROUTINE, Status.INTERRUPTED


def described(error: BaseException) -> dict[str, str]:
    """Return an error as a checkpoint's metadata can keep it, whatever its message holds."""
    try:
        message = str(error)[:MESSAGE]
    except Exception:  # noqa: BLE001 - an error that cannot even be read
        message = "(its message cannot be read)"
    return {"type": _keepable(type(error).__name__), "message": _keepable(message)}


def _keepable(text: str) -> str:
    """Write half surrogates, as in names of files that are no UTF-8, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
