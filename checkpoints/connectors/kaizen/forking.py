"""A new agent that begins at a checkpoint of another: planned, then written as one file.

Kaizen resumes the newest state of an ``agent_id`` in a folder, so a fork has an ``agent_id`` or a
folder of its own. Agents that all save as ``autonomous_agent``, and those that have a folder by
their name, get a folder; the others share theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.documents.publishing import (
    Look,
    discard,
    locked,
    look_of,
    make_folder,
    publish,
    temporary_name,
)
from checkpoints.connectors.kaizen import threads
from checkpoints.connectors.kaizen.bodies import Line
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.editing import edited_state, require_writable
from checkpoints.connectors.kaizen.names import is_leftover, parse_name
from checkpoints.connectors.kaizen.planning import require_loadable, require_readable
from checkpoints.connectors.kaizen.restoring import encoded, file_name, required_line
from checkpoints.connectors.kaizen.states import GENERIC_AGENT, THREAD, Saved
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import RestoreTarget

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkOrder:
    """A fork to be carried out."""

    plan: ForkPlan
    written_id: str
    operation_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a fork lies, and the ``agent_id`` that its state gets."""

    subfolder: str
    agent_id: str


def make_fork_plan(
    catalog: Catalog, origin: Saved, *, agent_id: str, edits: Sequence[Edit]
) -> ForkPlan:
    """Plan a fork. Raises CorruptCheckpoint, PlanRefused."""
    everything = catalog.saved()
    require_readable(origin)
    require_loadable(origin, _head(everything, origin))
    place = place_of(origin, agent_id)
    _require_free(catalog, everything, place, agent_id)
    line = catalog.line(origin)
    _require_edits(line, edits)
    return ForkPlan(
        agent_id=origin.record.agent_id,
        thread_id=THREAD,
        new_agent_id=agent_id,
        new_thread_id=THREAD,
        targets=(RestoreTarget(checkpoint_id=origin.record.id, namespace="", sha256=line.sha256),),
        edits=tuple(edits),
        copied_bytes=line.stored_size,
        warnings=tuple(_advice(catalog, place, agent_id)),
    )


def named_agent(origin: Saved, *, thread_id: str, agent_id: str | None) -> str:
    """Return the new agent's name. Each agent has one thread, so a thread's name is an agent's."""
    given = None if agent_id in (None, origin.record.agent_id) else agent_id
    if given and thread_id != THREAD:
        raise PlanRefused(
            f"Kaizen keeps one thread for each agent, called {THREAD!r}: name the new agent or the "
            "new thread, not both"
        )
    return given or (origin.record.agent_id if thread_id == THREAD else thread_id)


def place_of(origin: Saved, agent_id: str) -> Place:
    """Say where Kaizen will find a fork of this checkpoint under its new name."""
    generic = origin.raw_agent == GENERIC_AGENT
    if generic or origin.entry.subfolder == origin.raw_agent:
        return Place(subfolder=agent_id, agent_id=GENERIC_AGENT if generic else agent_id)
    return Place(subfolder=origin.entry.subfolder, agent_id=agent_id)


def fork(catalog: Catalog, order: ForkOrder) -> str:
    """Carry out a fork, or find that it was done already; return the id of what it wrote."""
    with ExitStack() as stack:
        root = stack.enter_context(locked(catalog.folder, ""))
        done = _done(catalog, order)
        if done:
            _tidy(catalog, done)
            return done.record.id
        origin, line = required_line(catalog, order.plan.targets[0])
        place = place_of(origin, order.plan.new_agent_id)
        everything = catalog.saved()
        _require_free(catalog, everything, place, order.plan.new_agent_id)
        head = _head(everything, origin)
        content = encoded(catalog, _copied(line, place, order), like=head)
        directory = _directory(stack, catalog, root, place)
        name = file_name(head, order.written_id, order.now)
        publish(directory, name, content, _look(catalog, head))
        return order.written_id


def _look(catalog: Catalog, head: Saved) -> Look:
    with catalog.folder.opened(head.entry.subfolder) as directory:
        return look_of(directory, head.entry.name)


def _head(everything: Iterable[Saved], origin: Saved) -> Saved:
    agent = origin.record.agent_id
    return threads.head_of(item for item in everything if item.record.agent_id == agent) or origin


def _directory(stack: ExitStack, catalog: Catalog, root: int, place: Place) -> int:
    if not place.subfolder:
        return root
    make_folder(root, place.subfolder)
    return stack.enter_context(locked(catalog.folder, place.subfolder))


def _done(catalog: Catalog, order: ForkOrder) -> Saved | None:
    """Find what this operation wrote: a run that went on may have carried its marks along."""
    found = [
        saved
        for saved in catalog.saved()
        if saved.record.agent_id == order.plan.new_agent_id
        and saved.record.metadata.get(marks.OPERATION) == order.operation_id
    ]
    named = (saved for saved in found if saved.record.id == order.written_id)
    return next(named, None) or min(found, key=lambda saved: saved.record.created_at, default=None)


def _tidy(catalog: Catalog, done: Saved) -> None:
    with catalog.folder.opened(done.entry.subfolder) as directory:
        discard(directory, temporary_name(done.entry.name))


def _require_free(
    catalog: Catalog, everything: Iterable[Saved], place: Place, agent_id: str
) -> None:
    if any(saved.record.agent_id == agent_id for saved in everything):
        raise PlanRefused(
            f"{agent_id!r} has checkpoints already; nothing was written, choose another name"
        )
    if place.subfolder == agent_id:
        _require_folder_name(catalog, agent_id)
    elif not agent_id.isprintable() or not agent_id.strip() or agent_id == GENERIC_AGENT:
        raise PlanRefused(f"{agent_id!r} cannot name an agent; nothing was written")
    elif len(agent_id) > _LONGEST_NAME:
        raise PlanRefused("the new agent's name is too long; nothing was written")


def _require_folder_name(catalog: Catalog, name: str) -> None:
    """Each agent here has a folder by its name, in which its checkpoints are found again."""
    bad = not name.isprintable() or not name.strip() or "/" in name or name.startswith(".")
    if bad or len(name.encode()) > _LONGEST_NAME or parse_name(name):
        raise PlanRefused(
            f"{name!r} cannot name a folder, which this agent's fork needs; nothing was written, "
            "choose another name"
        )
    path = catalog.folder.path / name
    held = any(
        entry.subfolder == name and not is_leftover(entry.name)
        for entry in catalog.folder.entries()
    )
    if held or path.is_symlink() or (path.exists() and not path.is_dir()):
        raise PlanRefused(
            f"{name!r} is in the folder already; nothing was written, choose another name"
        )


def _require_edits(line: Line, edits: Sequence[Edit]) -> None:
    """Refuse what could not be written; what the fork adds besides is small."""
    if edits:
        require_writable(edited_state(json.loads(line.text), edits))


def _advice(catalog: Catalog, place: Place, agent_id: str) -> Iterator[str]:
    if place.subfolder == agent_id:
        base = catalog.folder.path / place.subfolder
        yield f"Kaizen finds the fork in a folder of its own: give its storage base_dir={base}"
    else:
        yield f"Kaizen finds the fork by its name: start it with agent_id {agent_id!r}"


def _copied(line: Line, place: Place, order: ForkOrder) -> dict[str, Any]:
    """Return the state to write. What is added goes into ``metadata``: Kaizen loads no other."""
    state = edited_state(json.loads(line.text), order.plan.edits)
    return state | {
        "checkpoint_id": order.written_id,
        "agent_id": place.agent_id,
        "timestamp": order.now.astimezone(UTC).isoformat(),
        "parent_checkpoint_id": order.plan.targets[0].checkpoint_id,
        "metadata": _metadata(state.get("metadata"), order),
    }


def _metadata(given: Any, order: ForkOrder) -> dict[str, Any]:
    marked = marks.forked(
        given if isinstance(given, dict) else {},
        checkpoint_id=order.plan.targets[0].checkpoint_id,
        thread_id=order.plan.thread_id,
        operation_id=order.operation_id,
        reason=order.reason,
    )
    return {**marked, "forked_from_agent": order.plan.agent_id}
