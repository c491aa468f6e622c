"""A retention policy as a command and as an agent's own code."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import checkpoints
from dashboard.selectors.retention import Target
from dashboard.services.operations.commands import WHY, policy_words

NUMBERS = ("newest", "hourly", "daily", "weekly", "monthly", "max_bytes")
_UNITS = (
    ("days", timedelta(days=1)),
    ("hours", timedelta(hours=1)),
    ("minutes", timedelta(minutes=1)),
)


def prune_command(target: Target, policy: checkpoints.RetentionPolicy) -> str:
    """Return the command that prunes a target by a policy, empty where there is none."""
    if target.source is None or policy.keeps_all:
        return ""
    words = ["holdfast", "prune", target.source.url]
    if target.agent is not None:
        words += ["--agent", target.agent.agent_id]
    if target.thread is not None:
        words += ["--thread", target.thread.thread_id]
    return shlex.join([*words, *policy_words(policy.to_dict()), "--reason", WHY])


def set_request(target: Target, name: str, policy: checkpoints.RetentionPolicy) -> str:
    """Return the request to the API that sets a policy on a target."""
    body = json.dumps({"name": name, "policy": policy.to_dict()}, ensure_ascii=False)
    return f"PUT /api/v1/policies/{target.level}/{target.row.pk}\n{body}"


def sdk_lines(policy: checkpoints.RetentionPolicy) -> str:
    """Return the lines that let an agent keep the same by itself."""
    if policy.keeps_all:
        return f"{_IMPORT.replace('Kind, ', '')}\n\n{_MANAGER.format('RetentionPolicy()')}"
    rules = [f"{name}={{{_items(by_kind)}}}" for name, by_kind in _by_kind(policy) if by_kind]
    rules += [f"{name}={value}" for name in NUMBERS if (value := getattr(policy, name)) is not None]
    lines = [*(["from datetime import timedelta", ""] if policy.within else []), _IMPORT, ""]
    lines += ["policy = RetentionPolicy("]
    lines += [f"    {rule}," for rule in rules]
    lines += [")", _MANAGER.format("policy")]
    return "\n".join(lines)


_IMPORT = "from checkpoints import CheckpointManager, Kind, RetentionPolicy"
_MANAGER = 'manager = CheckpointManager("my-agent", retention={})'


def _by_kind(policy: checkpoints.RetentionPolicy) -> tuple[tuple[str, Mapping[Any, Any]], ...]:
    return ("last", policy.last), ("within", policy.within)


def _items(values: Mapping[checkpoints.Kind, Any]) -> str:
    return ", ".join(f"Kind.{kind.name}: {_value(value)}" for kind, value in values.items())


def _value(value: int | timedelta) -> str:
    if not isinstance(value, timedelta):
        return str(value)
    for name, unit in _UNITS:
        if value % unit == timedelta(0):
            return f"timedelta({name}={value // unit})"
    return f"timedelta(seconds={value.total_seconds():g})"
