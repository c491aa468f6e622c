"""One of everything, in one project, and somebody of each kind who asks for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from dashboard.models import (
    AlertKind,
    ApiToken,
    Checkpoint,
    Directive,
    DriftAlert,
    Drill,
    NotificationMessage,
    ObjectiveAlert,
    Project,
    PruneSchedule,
    Role,
    User,
)
from dashboard.services import reports
from dashboard.services.ingest import ingest_push
from dashboard.services.notifications import targets
from dashboard.services.tokens import create_token
from tests.benches import Clock, register, save_steps
from tests.dashboard.people import join, log_in
from tests.dashboard.records import push, record
from tests.dashboard.services.notifications.yard import make_channel

WRITES = re.compile(r"^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
UNCOUNTED = {"django_session"}
"""What a GET may write: a session keeps messages and tokens of forms."""


BODY = {"reason": "it went astray", "idempotency_key": "one-click", "name": "something"}
"""What most forms ask for."""
CHANNEL = {
    "kind": "webhook",
    "address": "http://127.0.0.1:9/hook",
    "per_hour": "20",
    "severity": "low",
    "time_zone": "UTC",
}
BODIES: dict[str, dict[str, Any]] = {
    "account_login": {"login": "nobody", "password": "wrong"},
    "fork": {"thread_id": "branch", "nonce": "1"},
    "members": {"username": "other", "role": "viewer"},
    "channel": {"per_hour": "20"},
    "channel-add": {**CHANNEL, "project_id": "{project_id}"},
    "channel-rule": {"severity": "low", "time_zone": "UTC"},
    "channel-rule-add": {"severity": "low", "time_zone": "UTC"},
    "operation-approve": {"plan_hash": "{plan_hash}"},
    "operation-confirm": {"plan_hash": "{plan_hash}"},
    "policy": {"keeps": "some", "newest": "3"},
    "policy-simulate": {"keeps": "some", "newest": "3"},
    "drill-rehearse": {"source": "{source_id}"},
    "drill-schedule": {"every_hours": "6", "per_agent": "2", "enabled": "on"},
    "objective": {"minutes": "30min"},
    "restore": {"plan_token": "old"},
    "schedule": {"rhythm": "day", "at": "03:00", "most_percent": "50"},
    "schedule-add": {"rhythm": "day", "at": "03:00", "most_percent": "50"},
    "source-add": {"url": "{store_url}", "project_id": "{project_id}"},
    "source-erase": {"what": "run_id", "value": "none"},
    "source-replace-credentials": {"user": "ada"},
    "source-test": {"url": "{store_url}", "project_id": "{project_id}"},
    "storage-quota": {"size": "20 GB"},
    "tokens": {"scopes": ["read"], "project_id": "{project_id}"},
    "drift-snooze": {"length": "4h"},
    "drift-tuning": {"sensitivity": "0.5"},
    "api:snooze_drift_alert": {"until": "{in_an_hour}"},
    "api:resolve_drift_alert": {"reason": "w"},
    "api:not_drift": {"reason": "w"},
    "api:put_drift_tuning": {"sensitivity": 0.5},
    "api:get_drift_tuning": {"sensitivity": 0.5},
    "api:replay_drift": {"sensitivity": 0.5},
    "api:add_schedule": {
        "name": "x",
        "every_hours": 24,
        "level": "source",
        "target": "{target_id}",
    },
    "api:list_schedules": {
        "name": "x",
        "every_hours": 24,
        "level": "source",
        "target": "{target_id}",
    },
    "api:put_schedule": {"name": "x", "every_hours": 12},
    "api:put_policy": {"name": "x", "policy": {"newest": 3}},
    "api:simulate_policy": {"policy": {"newest": 3}},
    "api:approve_operation": {"plan_hash": "{plan_hash}"},
    "api:confirm_operation": {"plan_hash": "{plan_hash}", "reason": "w"},
    "api:put_objective": {"minutes": 30},
    "api:put_quota": {"bytes": 1000},
    "api:add_channel": {
        "project": "{project_id}",
        "name": "x",
        "kind": "webhook",
        "address": "http://127.0.0.1:9/hook",
    },
    "api:put_channel": {"name": "x"},
    "api:add_rule": {"severity": "high"},
    "api:put_rule": {"severity": "high"},
    "api:create_drill": {"source": "{source_id}"},
    "api:list_all_drills": {"source": "{source_id}"},
    "api:create_operation": {"kind": "verify", "source": "{source_id}", "reason": "w"},
    "api:list_all_operations": {"kind": "verify", "source": "{source_id}", "reason": "w"},
    "api:undo_operation": {"reason": "w"},
    "api:add_source": {"address": "{store_url}", "project": "{project_id}"},
    "api:list_sources": {"address": "{store_url}", "project": "{project_id}"},
    "api:try_source": {"address": "{store_url}"},
    "api:put_credentials": {"user": "ada"},
    "api:delete_credentials": {"user": "ada"},
}
"""What else makes a good request, by the address's name; ``{parameter}`` is a row's key."""
BODIES["api:list_all_channels"] = BODIES["api:add_channel"]
for _method in ("get", "delete"):
    for _row in ("schedule", "policy", "objective", "quota", "channel", "rule"):
        BODIES[f"api:{_method}_{_row}"] = BODIES[f"api:put_{_row}"]
QUERIES: dict[str, dict[str, Any]] = {
    "api:get_alert_series": {"metric": "latency"},
    "api:get_agent_series": {"metric": "latency"},
}


@dataclass(frozen=True, slots=True)
class World:
    """Who asks, by their cookies, and what stands for an address's parameters."""

    cookies: Mapping[str, dict[str, str]]
    parameters: Mapping[str, Any]
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Parameters of one address alone, by its name."""

    def send(self, who: str, method: str, path: str, name: str) -> int:
        """Send a request as somebody and return the status of its answer, read to its end."""
        client = Client(raise_request_exception=False)
        client.cookies.load(self.cookies[who])
        if method == "GET":
            answer = client.get(path, QUERIES.get(name, {}))
        elif path.startswith("/api/"):
            body = self._filled(BODIES.get(name, {}))
            answer = client.generic(method, path, json.dumps(body), "application/json")
        else:
            answer = client.post(path, self._filled({**BODY, **BODIES.get(name, {})}))
        answer.getvalue()
        return int(answer.status_code)

    def send_with_token(self, secret: str, method: str, path: str, name: str) -> int:
        """Send a program's request and return the status of its answer."""
        client = Client(raise_request_exception=False)
        body = json.dumps(self._filled(BODIES.get(name, {})))
        headers = {"Authorization": f"Bearer {secret}"}
        answer = client.generic(method, path, body, "application/json", headers=headers)
        return int(answer.status_code)

    def _filled(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Put rows' keys where a body names a parameter in braces."""
        return {
            key: self.parameters[value[1:-1]]
            if isinstance(value, str) and value.startswith("{")
            else value
            for key, value in body.items()
        }


def make_world(folder: Path) -> World:
    """Make the rows in the open transaction. ``folder`` holds a real store."""
    now = timezone.now()
    url = f"sqlite:///{folder}/agents.db"
    save_steps(url)
    save_steps(f"sqlite:///{folder}/other.db")
    people = _people(now)
    operator = people["operator"]
    bench = register(url, thread_id="main", clock=Clock())
    operation = bench.request(bench.rows()[1])
    thread = bench.thread()
    token = create_token(user=operator, name="made", scopes=["push"], now=now).token
    directive = _directive(token, operator, now)
    reported = _reported(token, "second", now)
    schedule = PruneSchedule.objects.create(
        project=bench.source.project,
        name="nightly",
        every_hours=24,
        next_run_at=now,
        created_by=operator,
        created_at=now,
    )
    drill = Drill.objects.create(source=bench.source, created_at=now, finished_at=now)
    alert = ObjectiveAlert.objects.create(
        agent=thread.agent, kind=AlertKind.DRILL_FAILED, since=now, opened_at=now
    )
    drift_alert = DriftAlert.objects.create(
        agent=thread.agent,
        thread=thread,
        number=1,
        episode=1,
        severity="low",
        onset_at=now,
        onset_checkpoint=bench.rows()[1],
        found_at=now,
        opened_at=now,
        last_signal_at=now,
    )
    return World(
        cookies={who: _cookies(user) for who, user in people.items()},
        parameters={
            "agent_id": thread.agent_id,
            "_slug": "agent",
            "thread_id": thread.pk,
            "checkpoint_id": bench.rows()[1].pk,
            "operation_id": operation.pk,
            "directive_id": directive.pk,
            "source_id": bench.source.pk,
            "schedule_id": schedule.pk,
            "drill_id": drill.pk,
            "drill": drill.pk,
            "alert_id": alert.pk,
            "alert": drift_alert.pk,
            "drift_id": drift_alert.pk,
            "agent": thread.agent_id,
            "in_an_hour": (now + timedelta(hours=1)).isoformat(),
            **_told(operator, now),
            "level": "source",
            "target_id": bench.source.pk,
            "project_id": bench.source.project_id,
            "person_id": people["viewer"].pk,
            "token_id": token.pk,
            "schedule": schedule.pk,
            "target": bench.source.pk,
            "source": bench.source.pk,
            "form": "csv",
            "plan_hash": operation.plan_hash,
            "token": "no-such-link",
            "page": "signup",
            "object_id": people["viewer"].pk,
            "app_label": "dashboard",
            "id": people["viewer"].pk,
            "pk": 1,
            "content_type_id": 1,
            "store_url": f"sqlite:///{folder}/other.db",
        },
        own={
            "directive-leave": {"checkpoint_id": reported.pk},
            "source-connect": {"source_id": directive.thread.agent.source_id},
        },
    )


def _told(user: User, now: datetime) -> dict[str, Any]:
    """Make a channel with a rule and a message, and return what stands for them in addresses."""
    channel = make_channel(user, targets.webhook(CHANNEL["address"]), now)
    message = NotificationMessage.objects.create(
        channel=channel, kind="news", severity="low", title="Drift", created_at=now
    )
    rule = channel.rules.get().pk
    return {
        "channel_id": channel.pk,
        "channel": channel.pk,
        "rule_id": rule,
        "rule": rule,
        "message": message.pk,
    }


def _cookies(user: User | None) -> dict[str, str]:
    jar = log_in(user).cookies if user else {}
    return {name: morsel.value for name, morsel in jar.items()}


def _people(now: datetime) -> dict[str, Any]:
    theirs = Project.objects.create(name="Theirs", slug="theirs", created_at=now)
    made: dict[str, Any] = {"anonymous": None}
    made["other"] = join(User.objects.create(username="other"), Role.ADMIN, theirs)
    for role in Role:
        made[role.value] = join(User.objects.create(username=role.value), role)
    made["root"] = User.objects.create(username="root", is_superuser=True, is_staff=True)
    for user in made.values():
        if user is not None:
            user.set_unusable_password()
            user.authenticated_at = now
            user.save()
    return made


def _reported(token: ApiToken, thread_id: str, now: datetime) -> Checkpoint:
    """Report a few checkpoints of a store that is not opened here, and return the first."""
    records = [record(step, thread_id=thread_id) for step in (1, 2, 3)]
    ingest_push(token=token, push=push(*records, version=3), now=now)
    return Checkpoint.objects.get(thread__thread_id=thread_id, checkpoint_id="checkpoint-1")


def _directive(token: ApiToken, operator: User, now: datetime) -> Directive:
    first = _reported(token, "first", now)
    return reports.leave_restore(
        user=operator, checkpoint_pk=first.pk, reason="w", idempotency_key=uuid4().hex, now=now
    )


@contextmanager
def undone() -> Iterator[set[str]]:
    """Roll back what happens within, and yield the tables that it wrote to."""
    written: set[str] = set()

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if (found := WRITES.match(sql)) and context["cursor"].rowcount:
            written.add(found[2])
        return result

    with transaction.atomic(), connection.execute_wrapper(note):
        try:
            yield written
        finally:
            written -= UNCOUNTED
            transaction.set_rollback(True)
