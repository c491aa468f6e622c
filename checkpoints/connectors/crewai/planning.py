"""What a restore or a fork of CrewAI's checkpoints would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.connectors.crewai.lineages import QUIET_AFTER
from checkpoints.connectors.crewai.names import why_no_branch
from checkpoints.connectors.crewai.states import steps_done
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Checkpoint, RestoreMode, RestorePlan, RestoreTarget, Status

FORK_IS_NEWEST = (
    "CrewAI resumes the newest checkpoint of all branches: until another one saves, that is the "
    "fork's"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What lies around a checkpoint that is to be brought back.

    ``head`` is its branch's newest, ``later`` what came after it, newest first, ``done`` the steps
    that the head has behind it, ``newest_branch`` the one that CrewAI would resume now.
    """

    head: Checkpoint
    later: tuple[str, ...]
    done: tuple[str, ...]
    newest_branch: str


def restore_plan(
    target: Checkpoint, state: Mapping[str, Any], around: Around, now: datetime
) -> RestorePlan:
    """Plan a restore. Raises CorruptCheckpoint."""
    require_resumable(target, state)
    return RestorePlan(
        agent_id=target.agent_id,
        thread_id=target.thread_id,
        mode=RestoreMode.APPEND,
        targets=(_target(target),),
        expected_head=around.head.id,
        expected_head_sha256=around.head.sha256,
        superseded=around.later,
        rerun_steps=steps_since(steps_done(state), around.done),
        warnings=tuple(_restore_warnings(target, around, now)),
    )


def fork_plan(
    origin: Checkpoint, state: Mapping[str, Any], *, branch: str, edits: Sequence[Edit]
) -> ForkPlan:
    """Plan a fork. Raises CorruptCheckpoint, PlanRefused."""
    require_resumable(origin, state)
    why = why_no_branch(branch)
    if why:
        raise PlanRefused(f"{branch!r} cannot name a branch: {why}; nothing was written")
    return ForkPlan(
        agent_id=origin.agent_id,
        thread_id=origin.thread_id,
        new_agent_id=origin.agent_id,
        new_thread_id=branch,
        targets=(_target(origin),),
        edits=tuple(edits),
        copied_bytes=origin.stored_size,
        rerun_steps=tuple(origin.next_steps),
        warnings=(FORK_IS_NEWEST,),
    )


def newest_is_elsewhere(branch: str) -> str:
    """Say that CrewAI by itself resumes another branch before a restore."""
    return (
        f"CrewAI resumes the newest checkpoint of all branches, now one of {branch!r}; after this "
        "restore it is the restored one"
    )


def require_agent(wanted: str | None, agent_id: str) -> None:
    """Raise PlanRefused for a fork that should have another agent."""
    if wanted not in (None, agent_id):
        raise PlanRefused(
            f"the checkpoint itself says that it is {agent_id!r}'s; it cannot be forked for "
            f"{wanted!r}. Nothing was written"
        )


def require_resumable(record: Checkpoint, state: Mapping[str, Any]) -> None:
    """Raise CorruptCheckpoint for what CrewAI could not resume from."""
    if not isinstance(state.get("entities"), list):
        raise CorruptCheckpoint(
            f"{record.id} holds no entities, so CrewAI cannot resume from it; nothing was changed",
            checkpoint_id=record.id,
        )


def _target(record: Checkpoint) -> RestoreTarget:
    return RestoreTarget(checkpoint_id=record.id, namespace="", sha256=record.sha256)


def steps_since(earlier: Sequence[str], done: Sequence[str]) -> tuple[str, ...]:
    """Return the steps of ``done`` that were not yet behind an earlier checkpoint."""
    before = list(earlier)
    again: list[str] = []
    for step in done:
        if step in before:
            before.remove(step)
        else:
            again.append(step)
    return tuple(again)


def _restore_warnings(target: Checkpoint, around: Around, now: datetime) -> Iterator[str]:
    if around.newest_branch != target.thread_id:
        yield newest_is_elsewhere(around.newest_branch)
    if around.head.status is Status.RUNNING and now - around.head.created_at < QUIET_AFTER:
        yield "the run saved minutes ago: if it is still alive, its next save becomes the newest"
    if "task_started" in str(target.metadata.get("trigger")) or target.status is Status.WAITING:
        yield "a step was under way in this checkpoint: it is taken again from its beginning"
