"""The addresses of the pages for people."""

from __future__ import annotations

from django.urls import path, register_converter

from dashboard.numbers import RowNumber
from dashboard.views import (
    agents,
    audit,
    bulk,
    checkpoints,
    drift,
    drills,
    erasures,
    findings,
    forks,
    notifications,
    operations,
    overview,
    policies,
    projects,
    restores,
    schedules,
    sources,
    storage,
    timelines,
    tokens,
    verifications,
)

register_converter(RowNumber, "row")

_THREAD = "agents/<row:agent_id>/<str:_slug>/threads/<row:thread_id>/"
_CHECKPOINT = "checkpoints/<row:checkpoint_id>/"
_OPERATION = "operations/<uuid:operation_id>/"
_DRIFT = "drift/<row:drift_id>/"
_PROJECT = "settings/projects/<row:project_id>/"
_CHANNEL = "settings/notifications/<row:channel_id>/"
_CHANNEL_RULE = "settings/notifications/rules/<row:rule_id>/"
_SOURCE = "sources/<row:source_id>/"
_TARGET = "<slug:level>/<row:target_id>/"
_SCHEDULE = "storage/schedules/<row:schedule_id>/"

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("agents/", agents.agents, name="agents"),
    path("agents/<row:agent_id>/", timelines.agent, name="agent-by-id"),
    path("agents/<row:agent_id>/<str:_slug>/", timelines.agent, name="agent"),
    path(_THREAD, timelines.thread, name="thread"),
    path(f"{_THREAD}rows/", timelines.rows, name="thread-rows"),
    path(f"{_THREAD}news/", timelines.news, name="thread-news"),
    path(f"{_THREAD}new-rows/", timelines.new_rows, name="thread-new-rows"),
    path(f"{_THREAD}lanes.json", timelines.lanes, name="thread-lanes"),
    path("checkpoints/compare/", checkpoints.compare, name="compare"),
    path(_CHECKPOINT, checkpoints.checkpoint, name="checkpoint"),
    path(f"{_CHECKPOINT}state/", checkpoints.state, name="checkpoint-state"),
    path(f"{_CHECKPOINT}diff/", checkpoints.diff, name="checkpoint-diff"),
    path(f"{_CHECKPOINT}raw/", checkpoints.raw, name="checkpoint-raw"),
    path(f"{_CHECKPOINT}restore/", restores.restore, name="restore"),
    path(f"{_CHECKPOINT}impact/", restores.impact, name="restore-impact"),
    path(f"{_CHECKPOINT}fork/", forks.fork, name="fork"),
    path(f"{_CHECKPOINT}directive/", restores.leave_directive, name="directive-leave"),
    path(
        "directives/<uuid:directive_id>/cancel/", restores.cancel_directive, name="directive-cancel"
    ),
    path("operations/", operations.operations, name="operations"),
    path(_OPERATION, operations.operation, name="operation"),
    path(f"{_OPERATION}status/", operations.status, name="operation-status"),
    path(f"{_OPERATION}steps/", operations.steps, name="operation-steps"),
    path(f"{_OPERATION}stayed/", operations.stayed, name="operation-stayed"),
    path(f"{_OPERATION}receipt.json", operations.receipt, name="operation-receipt"),
    path(f"{_OPERATION}changes/", operations.changes, name="operation-changes"),
    path(f"{_OPERATION}confirm/", operations.confirm, name="operation-confirm"),
    path(f"{_OPERATION}approve/", operations.approve, name="operation-approve"),
    path(f"{_OPERATION}acknowledge/", operations.acknowledge, name="operation-acknowledge"),
    path(f"{_OPERATION}undo/", operations.undo, name="operation-undo"),
    path(f"{_OPERATION}cancel/", operations.cancel, name="operation-cancel"),
    path(f"{_OPERATION}retry/", operations.retry, name="operation-retry"),
    path(f"{_OPERATION}plan/", storage.plan, name="operation-plan"),
    path("drills/", drills.drills, name="drills"),
    path("drills/rehearse/", drills.rehearse, name="drill-rehearse"),
    path("drills/<row:drill_id>/", drills.drill, name="drill"),
    path("drills/sources/<row:source_id>/", drills.schedule, name="drill-schedule"),
    path(f"drills/objectives/{_TARGET}", drills.objective, name="objective"),
    path("drills/alerts/<row:alert_id>/", drills.acknowledge, name="alert-acknowledge"),
    path("drift/", drift.alerts, name="drift"),
    path(_DRIFT, drift.alert, name="drift-alert"),
    path(f"{_DRIFT}acknowledge/", drift.acknowledge, name="drift-acknowledge"),
    path(f"{_DRIFT}snooze/", drift.snooze, name="drift-snooze"),
    path(f"{_DRIFT}resolve/", drift.resolve, name="drift-resolve"),
    path(f"{_DRIFT}not-drift/", drift.not_drift, name="drift-not-drift"),
    path("drift/tuning/<row:agent_id>/", drift.tuning, name="drift-tuning"),
    path("drift/tuning/<row:agent_id>/states/", drift.states, name="drift-states"),
    path("storage/", storage.storage, name="storage"),
    path("storage/trash/", storage.trash, name="trash"),
    path(f"storage/quota/{_TARGET}", storage.quota, name="storage-quota"),
    path("storage/policies/", policies.policies, name="policies"),
    path("storage/policies/agents/<row:agent_id>/", policies.agent, name="agent-policies"),
    path(f"storage/policies/{_TARGET}", policies.policy, name="policy"),
    path(f"storage/policies/{_TARGET}simulate/", policies.simulate, name="policy-simulate"),
    path(f"storage/policies/{_TARGET}remove/", policies.remove, name="policy-remove"),
    path(f"storage/prune/{_TARGET}", policies.prune, name="prune-by-policies"),
    path("bulk/", bulk.query, name="bulk"),
    path("bulk/prune/", bulk.prune, name="bulk-prune"),
    path("bulk/pin/", bulk.pin, name="bulk-pin"),
    path("bulk/unpin/", bulk.unpin, name="bulk-unpin"),
    path("bulk/read-back/", bulk.read_back, name="bulk-read-back"),
    path("storage/schedules/", schedules.schedules, name="schedules"),
    path(f"storage/schedules/add/{_TARGET}", schedules.add, name="schedule-add"),
    path(_SCHEDULE, schedules.schedule, name="schedule"),
    path(f"{_SCHEDULE}pause/", schedules.pause, name="schedule-pause"),
    path(f"{_SCHEDULE}resume/", schedules.resume, name="schedule-resume"),
    path(f"{_SCHEDULE}run/", schedules.run, name="schedule-run"),
    path(f"{_SCHEDULE}remove/", schedules.remove, name="schedule-remove"),
    path("sources/", sources.sources, name="sources"),
    path("sources/add/", sources.add, name="source-add"),
    path("sources/test/", sources.test, name="source-test"),
    path(f"{_SOURCE}sync/", sources.sync, name="source-sync"),
    path(f"{_SOURCE}connect/", sources.connect, name="source-connect"),
    path(f"{_SOURCE}credentials/", sources.replace_credentials, name="source-replace-credentials"),
    path(
        f"{_SOURCE}credentials/forget/",
        sources.forget_credentials,
        name="source-forget-credentials",
    ),
    path(f"{_SOURCE}findings/", findings.findings, name="source-findings"),
    path(f"{_SOURCE}verify/", verifications.verify, name="source-verify"),
    path(f"{_SOURCE}erase/", erasures.erase, name="source-erase"),
    path(f"{_SOURCE}remove/", sources.remove, name="source-remove"),
    path("audit/", audit.audit, name="audit"),
    path("audit/check/", audit.check, name="audit-check"),
    path("audit/export/<slug:form>/", audit.export, name="audit-export"),
    path("settings/notifications/", notifications.channels, name="notifications"),
    path("settings/notifications/add/", notifications.add, name="channel-add"),
    path(_CHANNEL, notifications.channel, name="channel"),
    path(f"{_CHANNEL}test/", notifications.test, name="channel-test"),
    path(f"{_CHANNEL}pause/", notifications.pause, name="channel-pause"),
    path(f"{_CHANNEL}resume/", notifications.resume, name="channel-resume"),
    path(f"{_CHANNEL}remove/", notifications.remove, name="channel-remove"),
    path(f"{_CHANNEL}rules/add/", notifications.add_rule, name="channel-rule-add"),
    path(_CHANNEL_RULE, notifications.rule, name="channel-rule"),
    path(f"{_CHANNEL_RULE}remove/", notifications.remove_rule, name="channel-rule-remove"),
    path("settings/projects/", projects.projects, name="projects"),
    path(_PROJECT, projects.change, name="project-change"),
    path(f"{_PROJECT}members/", projects.members, name="members"),
    path(
        f"{_PROJECT}members/<row:person_id>/remove/", projects.remove_member, name="member-remove"
    ),
    path("settings/tokens/", tokens.tokens, name="tokens"),
    path("settings/tokens/<row:token_id>/revoke/", tokens.revoke, name="token-revoke"),
]
