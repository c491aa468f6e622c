"""What the description of the API says of each endpoint beside its schemas: examples, problems.

An endpoint that is not described here cannot be described at all: its absence is an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from dashboard.api import (
    drift_examples,
    drill_examples,
    examples,
    notification_examples,
    objective_examples,
    source_examples,
    storage_examples,
)
from dashboard.api.schemas import ProblemOut
from dashboard.problems import CODES, CONTENT_TYPE, Problem

JSON = "application/json"
ERROR_ID = "1f0d7c6ab2e94d35"
EVERYWHERE = ("bad_request", "unknown_host", "method_not_allowed", "server_error")
"""Answered at every address, and left out of what is said of each."""
CALLER = ("unauthorized", "scope_missing", "forbidden")
ONE = (*CALLER, "not_found", "invalid")
BODY = (
    "invalid",
    "malformed_json",
    "duplicate_key",
    "too_complex",
    "too_large",
    "length_required",
    "unsupported_encoding",
    "unsupported_media_type",
)
ACT = (*ONE, "csrf_failed")
DECIDE = (*ACT, "login_too_old")
ORDER = (*DECIDE, *BODY, "refused", "corrupt", "plan_mismatch", "key_reused", "reason_missing")
Description = TypeVar("Description", bound=dict[str, Any])


class Described(NamedTuple):
    """An endpoint's problems by code, and examples of what it takes and answers."""

    problems: Iterable[str]
    answers: Mapping[int, Any]
    takes: Mapping[str, Any] = {}


ENDPOINTS: Mapping[str, Described] = {
    "list_drift_alerts": Described(ONE, {200: drift_examples.ALERTS}),
    "get_drift_alert": Described(ONE, {200: drift_examples.WHOLE}),
    "acknowledge_drift_alert": Described((*ACT, "refused"), {200: drift_examples.ACKNOWLEDGED}),
    "snooze_drift_alert": Described(
        (*ACT, *BODY, "refused"), {200: drift_examples.SNOOZED}, {"Until": drift_examples.UNTIL}
    ),
    "resolve_drift_alert": Described(
        (*ACT, *BODY, "refused"), {200: drift_examples.RESOLVED}, {"Why": drift_examples.REASON}
    ),
    "not_drift": Described(
        (*ACT, *BODY, "refused"), {200: drift_examples.NOT_DRIFT}, {"Why": drift_examples.USUAL}
    ),
    "get_alert_series": Described(ONE, {200: drift_examples.SERIES}),
    "get_agent_series": Described(ONE, {200: drift_examples.AGENT_SERIES}),
    "get_drift_tuning": Described(ONE, {200: drift_examples.TUNING}),
    "put_drift_tuning": Described(
        (*ACT, *BODY, "refused"),
        {200: drift_examples.TUNING},
        {"Less closely by latency": drift_examples.TUNED},
    ),
    "replay_drift": Described(
        (*ACT, *BODY, "refused"),
        {200: drift_examples.REPLAY},
        {"Other sensitivities": drift_examples.SENSITIVITIES},
    ),
    "push_checkpoints": Described(
        (*CALLER, "content_conflict", *BODY),
        {200: examples.PUSHED_AGAIN, 201: examples.PUSHED},
        {"One checkpoint and the head": examples.PUSH},
    ),
    "push_reports": Described(
        (*CALLER, *BODY), {200: examples.REPORTED}, {"A batch": examples.REPORTS}
    ),
    "push_failure": Described(
        (*CALLER, *BODY),
        {200: examples.FAILED_AGAIN, 201: examples.FAILED},
        {"A failure": examples.FAILURE},
    ),
    "get_directives": Described((*CALLER, "invalid"), {200: examples.DIRECTIVES}),
    "list_agents": Described((*CALLER, "not_found", "invalid"), {200: examples.AGENTS}),
    "get_checkpoint": Described(ONE, {200: examples.CHECKPOINT}),
    "list_all_operations": Described(ONE, {200: examples.OPERATIONS}),
    "create_operation": Described(
        (*ORDER, "plan_stale", "plan_expired", "name_not_typed", "store_busy"),
        {200: examples.DRAFTED, 201: examples.DRAFTED, 202: examples.ORDERED},
        examples.ORDERS,
    ),
    "get_operation": Described(ONE, {200: examples.SUCCEEDED}),
    "get_plan": Described((*ONE, "refused"), {200: examples.PLAN}),
    "get_receipt": Described(ONE, {200: examples.RECEIPT}),
    "confirm_operation": Described(
        (
            *(*DECIDE, *BODY, "refused", "reason_missing", "not_your_draft"),
            *("plan_mismatch", "plan_expired", "name_not_typed"),
        ),
        {202: examples.QUEUED},
        {"The plan that was seen": examples.CONFIRMATION},
    ),
    "approve_operation": Described(
        (
            *(*DECIDE, *BODY, "second_person_needed"),
            *("plan_mismatch", "plan_expired", "wrong_state"),
        ),
        {202: examples.QUEUED},
        {"The plan that waits": examples.APPROVAL},
    ),
    "cancel_operation": Described((*ACT, "wrong_state"), {200: examples.CANCELLED}),
    "undo_operation": Described(
        (*ORDER, "plan_stale", "store_busy"),
        {200: examples.UNDO_TRIED, 202: examples.UNDO_ORDERED},
        {"Why": examples.UNDO},
    ),
    "retry_operation": Described((*DECIDE, "wrong_state", "refused"), {202: examples.QUEUED}),
    "acknowledge_operation": Described((*ACT, "wrong_state"), {200: examples.SEEN}),
    "list_all_policies": Described(ONE, {200: examples.POLICIES}),
    "get_policy": Described(ONE, {200: examples.EFFECTIVE}),
    "put_policy": Described(
        (*DECIDE, *BODY),
        {200: examples.EFFECTIVE},
        {"A policy": examples.POLICY_SET, "Keep everything": examples.KEEP_ALL},
    ),
    "delete_policy": Described((*DECIDE, "refused"), {200: examples.EFFECTIVE}),
    "simulate_policy": Described(
        (*ACT, *BODY), {200: examples.SIMULATION}, {"A policy": examples.SIMULATE}
    ),
    "get_storage": Described(ONE, {200: storage_examples.STORAGE}),
    "list_all_quotas": Described(ONE, {200: storage_examples.QUOTAS}),
    "get_quota": Described(ONE, {200: storage_examples.QUOTA}),
    "put_quota": Described(
        (*ACT, *BODY), {200: storage_examples.QUOTA}, {"20 GB": storage_examples.TWENTY_GB}
    ),
    "delete_quota": Described(ACT, {200: storage_examples.NO_QUOTA}),
    "list_sources": Described(CALLER, {200: source_examples.SOURCES}),
    "add_source": Described(
        (*ACT, *BODY, "refused"),
        {201: source_examples.SOURCE_ADDED},
        {"A file": source_examples.NEW_FILE, "A database": source_examples.NEW_DATABASE},
    ),
    "try_source": Described(
        (*ACT, *BODY),
        {200: source_examples.SOURCE_TESTED},
        {"A database": source_examples.TEST_SOURCE},
    ),
    "get_source": Described(ONE, {200: source_examples.SOURCE_READ}),
    "sync_source": Described((*ACT, "refused"), {202: source_examples.SOURCE_READ}),
    "put_credentials": Described(
        (*DECIDE, *BODY, "refused"),
        {200: source_examples.SOURCE_READ},
        {"A user and a password": source_examples.CREDENTIALS},
    ),
    "delete_credentials": Described(
        (*DECIDE, "refused"), {200: source_examples.SOURCE_READ | {"credentials": "none"}}
    ),
    "delete_source": Described((*DECIDE, "refused"), {}),
    "list_schedules": Described(CALLER, {200: examples.SCHEDULES}),
    "add_schedule": Described(
        (*DECIDE, *BODY, "refused"),
        {201: examples.SCHEDULE_ADDED},
        {"Every night": examples.NEW_SCHEDULE},
    ),
    "get_schedule": Described(ONE, {200: examples.SCHEDULE}),
    "put_schedule": Described(
        (*DECIDE, *BODY, "refused"), {200: examples.SCHEDULE}, {"Every night": examples.RHYTHM}
    ),
    "delete_schedule": Described(ACT, {}),
    "pause_schedule": Described(ACT, {200: examples.SCHEDULE_PAUSED}),
    "resume_schedule": Described(DECIDE, {200: examples.SCHEDULE}),
    "run_schedule": Described((*DECIDE, "refused"), {202: examples.RUN_BEGUN}),
    "list_all_channels": Described(CALLER, {200: notification_examples.CHANNELS}),
    "add_channel": Described(
        (*DECIDE, *BODY, "refused"),
        {201: notification_examples.ADDED},
        {"A webhook": notification_examples.CHANNEL_IN},
    ),
    "get_channel": Described(ONE, {200: notification_examples.CHANNEL}),
    "put_channel": Described(
        (*DECIDE, *BODY, "refused"),
        {200: notification_examples.CHANGED},
        {"Fewer messages": notification_examples.CHANGE},
    ),
    "delete_channel": Described(ACT, {}),
    "test_channel": Described((*ACT, "refused"), {202: notification_examples.TESTED}),
    "add_rule": Described(
        (*ACT, *BODY, "refused"),
        {201: notification_examples.RULE},
        {"What is told at night": notification_examples.RULE_IN},
    ),
    "put_rule": Described(
        (*ACT, *BODY, "refused"),
        {200: notification_examples.RULE},
        {"What is told at night": notification_examples.RULE_IN},
    ),
    "delete_rule": Described(ACT, {}),
    "list_all_messages": Described(ONE, {200: notification_examples.MESSAGES}),
    "get_message": Described(ONE, {200: notification_examples.MESSAGE}),
    "list_all_drills": Described(ONE, {200: drill_examples.DRILLS}),
    "create_drill": Described(
        (*ACT, *BODY, "refused"),
        {202: drill_examples.BEGUN},
        {"A source": drill_examples.ASKED, "One agent": drill_examples.ASKED_OF_AGENT},
    ),
    "get_drill": Described(ONE, {200: drill_examples.WHOLE}),
    "list_all_objectives": Described(ONE, {200: objective_examples.OBJECTIVES}),
    "get_objective": Described(ONE, {200: objective_examples.APPLIED}),
    "put_objective": Described(
        (*ACT, *BODY),
        {200: objective_examples.APPLIED},
        {
            "Half an hour": objective_examples.HALF_AN_HOUR,
            "None from here on": objective_examples.NONE_HERE,
        },
    ),
    "delete_objective": Described(ACT, {200: objective_examples.INHERITED}),
    "list_events": Described((*CALLER, "not_found", "invalid"), {200: examples.EVENTS}),
    "verify_audit": Described(CALLER, {200: examples.VERIFICATION}),
}


def describe(schema: Description) -> Description:
    """Add problems and examples to ninja's description. Raises KeyError for one not described."""
    schema["components"]["schemas"]["ProblemOut"] = ProblemOut.model_json_schema()
    for methods in schema["paths"].values():
        for operation in methods.values():
            _add(operation, ENDPOINTS[operation["operationId"]])
    return schema


def example_of(code: str) -> dict[str, Any]:
    """Return a problem with a code as it is answered."""
    status, meaning = CODES[code]
    return Problem(
        status=status,
        code=code,
        title=status.phrase,
        detail=meaning.replace("`", ""),
        error_id=ERROR_ID,
        field="reason" if code == "reason_missing" else "checkpoint" if code == "invalid" else "",
    ).to_dict()


def _add(operation: dict[str, Any], described: Described) -> None:
    if described.takes:
        content = operation["requestBody"]["content"][JSON]
        content["examples"] = {name: {"value": value} for name, value in described.takes.items()}
    for status, answer in described.answers.items():
        operation["responses"][status]["content"][JSON]["example"] = answer
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in described.problems:
        by_status[int(CODES[code].status)].append(code)
    for status in sorted(by_status):
        operation["responses"][status] = _problems(by_status[status])


def _problems(codes: list[str]) -> dict[str, Any]:
    said = (f"`{code}`: {CODES[code].meaning}" for code in dict.fromkeys(codes))
    return {
        "description": "\n".join(said),
        "content": {
            CONTENT_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemOut"},
                "examples": {code: {"value": example_of(code)} for code in codes},
            }
        },
    }
