"""Writing a restore: a new file in the folder's own format, whole or not at all.

The file is written aside, flushed and then linked to its name, which fails rather than replace
another. Restores of one folder exclude each other by a lock on the folder itself, so that no lock
file is left among Kaizen's.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checkpoints.connectors.kaizen import threads
from checkpoints.connectors.kaizen.bodies import Line
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.folder import Folder
from checkpoints.connectors.kaizen.names import TEMPORARY_SUFFIX, Layout
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.errors import (
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    PlanRefused,
    TransientStoreError,
)
from checkpoints.records import Directive, RestorePlan

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_GZIP_LEVEL = 9
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A restore to be carried out."""

    plan: RestorePlan
    written_id: str
    operation_id: str
    reason: str
    now: datetime
    directive: Directive | None


def restore(catalog: Catalog, order: Order) -> str:
    """Carry out a restore, or find that it was done already; return the id of the copy."""
    where = _find(catalog, order.plan.expected_head or "")
    with _locked(catalog.folder, where.entry.subfolder if where else "") as directory:
        lineage = _lineage(catalog, order)
        done = next((saved for saved in lineage if _is_of(saved, order)), None)
        if done:
            _discard(directory, _temporary(done.entry.name))
            return done.record.id
        head = _required_head(lineage, order)
        content = _encoded(_copied(_required_line(catalog, order), order), like=head)
        _publish(directory, _name(head, order), content, like=head)
        return order.written_id


def _is_of(saved: Saved, order: Order) -> bool:
    return saved.record.metadata.get(threads.OPERATION) == order.operation_id


def _find(catalog: Catalog, checkpoint_id: str) -> Saved | None:
    return next((s for s in catalog.saved() if s.record.id == checkpoint_id), None)


def _lineage(catalog: Catalog, order: Order) -> list[Saved]:
    agent = order.plan.agent_id
    return [saved for saved in catalog.saved() if saved.record.agent_id == agent]


def _required_head(lineage: list[Saved], order: Order) -> Saved:
    plan = order.plan
    head = threads.head_of(lineage)
    actual = head.record.id if head else None
    if head is None or actual != plan.expected_head:
        raise HeadMoved(
            f"the head of {plan.agent_id} is {actual}, not {plan.expected_head}: the agent saved "
            "since the plan was made; nothing was changed",
            expected=plan.expected_head,
            actual=actual,
        )
    if head.record.created_at >= order.now:
        raise PlanRefused(
            f"the clock is wrong: {head.entry.place} is dated {head.record.created_at}, which is "
            "not before now; nothing was changed"
        )
    return head


def _required_line(catalog: Catalog, order: Order) -> Line:
    wanted = order.plan.targets[0]
    saved = _find(catalog, wanted.checkpoint_id)
    line = catalog.line(saved) if saved and not saved.record.damage else None
    if saved is None or line is None or line.sha256 != wanted.sha256:
        what = "is gone" if saved is None else "is not what it was when the plan was made"
        raise CorruptCheckpoint(
            f"the checkpoint {wanted.checkpoint_id} {what}; nothing was changed",
            checkpoint_id=wanted.checkpoint_id,
        )
    return line


def _copied(line: Line, order: Order) -> dict[str, Any]:
    """Return the state to write. What is added goes into ``metadata``: Kaizen loads no other."""
    line.decode()
    state: dict[str, Any] = json.loads(line.text)
    return state | {
        "checkpoint_id": order.written_id,
        "timestamp": order.now.astimezone(UTC).isoformat(),
        "parent_checkpoint_id": order.plan.targets[0].checkpoint_id,
        "metadata": _metadata(state.get("metadata"), order),
    }


def _metadata(given: Any, order: Order) -> dict[str, Any]:
    kept = given if isinstance(given, dict) else {}
    kept.pop(threads.DIRECTIVE, None)
    added = {
        threads.RESTORED_FROM: order.plan.targets[0].checkpoint_id,
        threads.OPERATION: order.operation_id,
        threads.REASON: order.reason,
    }
    return {**kept, **added, **_directive(order.directive)}


def _directive(directive: Directive | None) -> dict[str, Any]:
    if directive is None:
        return {}
    parameters = dict(directive.parameters)
    return {threads.DIRECTIVE: {"strategy": str(directive.strategy), "parameters": parameters}}


def _encoded(state: dict[str, Any], *, like: Saved) -> bytes:
    text = (json.dumps(state) + "\n").encode()
    return gzip.compress(text, _GZIP_LEVEL) if like.name.is_gzipped else text


def _name(head: Saved, order: Order) -> str:
    """Name the file as the agent names its own."""
    if head.name.layout is Layout.MANY:
        return f"{order.now.astimezone(UTC):%Y%m%dT%H%M%S%f}{head.name.suffix}"
    return f"{order.written_id}{head.name.suffix}"


@contextmanager
def _locked(folder: Folder, subfolder: str) -> Iterator[int]:
    with folder.opened(subfolder) as directory:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TransientStoreError(
                f"{folder.path} is being restored in by another process; try again"
            ) from error
        except OSError as error:
            raise PermanentStoreError(
                f"{folder.path} cannot be locked: {error.strerror}; nothing was written"
            ) from error
        yield directory


def _publish(directory: int, name: str, content: bytes, *, like: Saved) -> None:
    """Make a file appear whole under its name, or not at all."""
    temporary = _temporary(name)
    try:
        _discard(directory, temporary)
        _write(directory, temporary, content, like)
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        os.fsync(directory)
    except OSError as error:
        raise _explain(name, error) from error
    finally:
        _discard(directory, temporary)


def _explain(name: str, error: OSError) -> PlanRefused | PermanentStoreError | TransientStoreError:
    if error.errno == errno.EEXIST:
        return PlanRefused(f"{name} exists already and is not replaced; nothing was changed")
    kind = PermanentStoreError if error.errno in _LASTING else TransientStoreError
    return kind(f"{name} could not be written: {error.strerror}")


def _temporary(name: str) -> str:
    return f".{name}{TEMPORARY_SUFFIX}"


def _discard(directory: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _write(directory: int, name: str, content: bytes, like: Saved) -> None:
    """Write a file durably, readable by whom the agent's own files are readable."""
    descriptor = os.open(name, _CREATE, 0o600, dir_fd=directory)
    with open(descriptor, "wb") as file:
        _own_as(directory, descriptor, like.entry.name)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _own_as(directory: int, descriptor: int, name: str) -> None:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    os.fchmod(descriptor, status.st_mode & 0o777)
    with suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
