"""Retention: which policies are set, which applies to what, and when the rest is pruned."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Router, Status

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.api.policy_schemas import (
    EffectiveOut,
    Level,
    NewScheduleIn,
    PoliciesOut,
    PolicySetIn,
    RunOut,
    ScheduleIn,
    ScheduleOut,
    SchedulesOut,
    SimulationIn,
    SimulationOut,
)
from dashboard.selectors.policies import PolicyPage, PolicyRow, policy_page
from dashboard.selectors.policy_lists import list_policies, policy_row
from dashboard.selectors.retention import Target, find_target, in_words
from dashboard.selectors.schedules import ScheduleRow, schedule_page, schedules_of
from dashboard.services import retention

router = Router(tags=["policies"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
TARGET = "/policies/{level}/{target}"
SCHEDULE = "/schedules/{schedule}"


@router.get("/policies", auth=READ, response={200: PoliciesOut}, summary="List policies")
def list_all_policies(request: ApiRequest, after: str = "") -> dict[str, Any]:
    """List the retention policies that are set, the last changed first, 100 at a time."""
    page = list_policies(user=request.auth.user, after=after)
    items = [_policy(policy_row(policy)) for policy in page.rows]
    return {"items": items, "next": page.next_key or None}


@router.get(TARGET, auth=READ, response={200: EffectiveOut}, summary="Show which policy applies")
def get_policy(request: ApiRequest, level: Level, target: Row) -> dict[str, Any]:
    """Return what is kept of a project, a source, an agent or a thread, and by which policy.

    A policy takes the whole place of those further out; rules are never mixed.
    """
    return _effective(_target(request, level, target), request)


@router.put(TARGET, auth=OPERATE, response={200: EffectiveOut}, summary="Set a policy")
def put_policy(
    request: ApiRequest, level: Level, target: Row, wanted: PolicySetIn
) -> dict[str, Any]:
    """Set the policy of a target, in place of the one that it had.

    Nothing is removed by that: a prune or a schedule carries policies out.
    """
    found = _target(request, level, target)
    retention.set_policy(
        user=request.auth.user,
        target=found,
        name=wanted.name,
        policy=wanted.policy.to_policy(),
        now=timezone.now(),
    )
    return _effective(found, request)


@router.delete(TARGET, auth=OPERATE, response={200: EffectiveOut}, summary="Remove a policy")
def delete_policy(request: ApiRequest, level: Level, target: Row) -> dict[str, Any]:
    """Take a target's own policy away: the next one further out applies again."""
    found = _target(request, level, target)
    retention.remove_policy(user=request.auth.user, target=found, now=timezone.now())
    return _effective(found, request)


@router.post(f"{TARGET}/simulate", auth=READ, response={200: SimulationOut}, summary="Try a policy")
def simulate_policy(
    request: ApiRequest, level: Level, target: Row, wanted: SimulationIn
) -> dict[str, Any]:
    """Say what would go now if a policy were set on a target. Nothing is set or removed."""
    found = retention.simulate(
        user=request.auth.user,
        target=_target(request, level, target),
        policy=wanted.policy.to_policy(),
        now=timezone.now(),
    )
    return _simulation(found)


@router.get("/schedules", auth=READ, response={200: SchedulesOut}, summary="List schedules")
def list_schedules(request: ApiRequest) -> dict[str, Any]:
    """List the schedules by which what no policy keeps is pruned, those that run next first."""
    return {"items": [_schedule(row) for row in schedules_of(user=request.auth.user)]}


@router.post("/schedules", auth=OPERATE, response={201: ScheduleOut}, summary="Add a schedule")
def add_schedule(request: ApiRequest, wanted: NewScheduleIn) -> Status[dict[str, Any]]:
    """Let what the policies do not keep of a project, a source or an agent be pruned by itself."""
    added = retention.add_schedule(
        user=request.auth.user,
        target=_target(request, wanted.level, wanted.target),
        wanted=wanted.to_wanted(),
        now=timezone.now(),
    )
    return Status(HTTPStatus.CREATED, _read(request, added.pk))


@router.get(SCHEDULE, auth=READ, response={200: ScheduleOut}, summary="Look at a schedule")
def get_schedule(request: ApiRequest, schedule: Row) -> dict[str, Any]:
    """Return a schedule with its last run."""
    return _read(request, schedule)


@router.put(SCHEDULE, auth=OPERATE, response={200: ScheduleOut}, summary="Change a schedule")
def put_schedule(request: ApiRequest, schedule: Row, wanted: ScheduleIn) -> dict[str, Any]:
    """Let a schedule run at other times, or with another limit."""
    retention.change_schedule(
        user=request.auth.user,
        schedule_pk=schedule,
        wanted=wanted.to_wanted(),
        now=timezone.now(),
    )
    return _read(request, schedule)


@router.delete(SCHEDULE, auth=OPERATE, response={204: None}, summary="Remove a schedule")
def delete_schedule(request: ApiRequest, schedule: Row) -> Status[None]:
    """Take a schedule away. What it has asked for goes on."""
    retention.remove_schedule(user=request.auth.user, schedule_pk=schedule, now=timezone.now())
    return Status(HTTPStatus.NO_CONTENT, None)


@router.post(
    f"{SCHEDULE}/pause", auth=OPERATE, response={200: ScheduleOut}, summary="Pause a schedule"
)
def pause_schedule(request: ApiRequest, schedule: Row) -> dict[str, Any]:
    """Let a schedule rest until it is resumed."""
    retention.pause(user=request.auth.user, schedule_pk=schedule, now=timezone.now())
    return _read(request, schedule)


@router.post(
    f"{SCHEDULE}/resume", auth=OPERATE, response={200: ScheduleOut}, summary="Resume a schedule"
)
def resume_schedule(request: ApiRequest, schedule: Row) -> dict[str, Any]:
    """Let a schedule run again; what it missed it does not make up for."""
    retention.resume(user=request.auth.user, schedule_pk=schedule, now=timezone.now())
    return _read(request, schedule)


@router.post(f"{SCHEDULE}/run", auth=OPERATE, response={202: RunOut}, summary="Run a schedule")
def run_schedule(request: ApiRequest, schedule: Row) -> Status[dict[str, Any]]:
    """Let a schedule run at once; its next time stays as it is."""
    run = retention.run_now(user=request.auth.user, schedule_pk=schedule, now=timezone.now())
    return Status(HTTPStatus.ACCEPTED, _run(run))


def _target(request: ApiRequest, level: str, number: int) -> Target:
    return find_target(user=request.auth.user, level=level, pk=number)


def _read(request: ApiRequest, number: int) -> dict[str, Any]:
    return _schedule(schedule_page(user=request.auth.user, schedule_pk=number).row)


def _place(target: Target) -> dict[str, Any]:
    return {"level": target.level, "target": target.row.pk, "about": target.words}


def _policy(row: PolicyRow) -> dict[str, Any]:
    policy = row.policy
    return {
        **_place(row.target),
        "name": policy.name,
        "rules": policy.rules,
        "words": row.words,
        "changed_by": policy.changed_by.get_username(),
        "changed_at": policy.changed_at,
    }


def _effective(target: Target, request: ApiRequest) -> dict[str, Any]:
    page: PolicyPage = policy_page(user=request.auth.user, target=target)
    applies = page.effective
    return {
        **_place(target),
        "own": _policy(policy_row(page.own)) if page.own else None,
        "effective": _policy(policy_row(applies.policy)) if applies.policy else None,
        "rules": applies.rules.to_dict(),
        "words": in_words(applies.rules),
        "overrides": [_policy(policy_row(policy)) for _, policy in applies.overrides],
    }


def _simulation(found: retention.Simulation) -> dict[str, Any]:
    names = ("threads", "left_out", "overridden", "doomed", "kept", "removed_bytes", "touched")
    return {
        **{name: getattr(found, name) for name in names},
        "items": [_simulated(line) for line in found.lines],
        "refused": [{"source": source.pk, "reason": why} for source, why in found.refused],
    }


def _simulated(line: retention.SimulatedThread) -> dict[str, Any]:
    return {
        "agent": line.thread.agent.agent_id,
        "thread": line.thread.pk,
        "thread_id": line.thread.thread_id,
        "doomed": line.doomed,
        "kept": line.kept,
        "removed_bytes": line.removed_bytes,
        "notes": line.notes,
    }


def _schedule(row: ScheduleRow) -> dict[str, Any]:
    schedule = row.schedule
    names = ("name", "rhythm", "every_hours", "minute_of_day", "weekday", "most_percent")
    return {
        **_place(row.target),
        **{name: getattr(schedule, name) for name in (*names, "next_run_at", "paused_at")},
        "id": schedule.pk,
        "created_by": schedule.created_by.get_username(),
        "last_run": _run(row.last) if row.last else None,
    }


def _run(run: Any) -> dict[str, Any]:
    return {
        "due_at": run.due_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "prunes": list(run.prunes.all()),
    }
