"""The addresses of the pages for people."""

from __future__ import annotations

from django.urls import path, register_converter

from dashboard.numbers import RowNumber
from dashboard.views import (
    agents,
    checkpoints,
    operations,
    overview,
    restores,
    sources,
    timelines,
    tokens,
)

register_converter(RowNumber, "row")

_THREAD = "agents/<row:agent_id>/<str:_slug>/threads/<row:thread_id>/"
_CHECKPOINT = "checkpoints/<row:checkpoint_id>/"
_OPERATION = "operations/<uuid:operation_id>/"
_SOURCE = "sources/<row:source_id>/"

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
    path(f"{_CHECKPOINT}directive/", restores.leave_directive, name="directive-leave"),
    path(
        "directives/<uuid:directive_id>/cancel/", restores.cancel_directive, name="directive-cancel"
    ),
    path("operations/", operations.operations, name="operations"),
    path(_OPERATION, operations.operation, name="operation"),
    path(f"{_OPERATION}status/", operations.status, name="operation-status"),
    path(f"{_OPERATION}undo/", operations.undo, name="operation-undo"),
    path(f"{_OPERATION}cancel/", operations.cancel, name="operation-cancel"),
    path(f"{_OPERATION}retry/", operations.retry, name="operation-retry"),
    path("sources/", sources.sources, name="sources"),
    path("sources/add/", sources.add, name="source-add"),
    path("sources/test/", sources.test, name="source-test"),
    path(f"{_SOURCE}sync/", sources.sync, name="source-sync"),
    path(f"{_SOURCE}connect/", sources.connect, name="source-connect"),
    path(f"{_SOURCE}remove/", sources.remove, name="source-remove"),
    path("settings/tokens/", tokens.tokens, name="tokens"),
    path("settings/tokens/<row:token_id>/revoke/", tokens.revoke, name="token-revoke"),
]
