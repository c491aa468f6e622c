"""The same operation as a command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from checkpoints.stores.schemes import find_scheme
from dashboard.models import Operation, OperationKind, OperationState
from dashboard.services.operations.offers import Offers

WHY = "REASON"
"""Stands where nobody has said yet why."""


def command_of(operation: Operation) -> str:
    """Return the command that does in a terminal what an operation does, empty where none does.

    It reads the operation's plan.
    """
    words = _WORDS.get(OperationKind(operation.kind), _none)(operation)
    return shlex.join(words) if words else ""


def next_command(operation: Operation, offers: Offers) -> str:
    """Return what can be done about an operation in its state, on the dashboard's machine."""
    verb, options = _NEXT.get(OperationState(operation.state), ("show", ()))
    if verb == "undo" and (offers.undo is None or offers.undo.refused):
        verb, options = "show", ()
    words = ["holdfast", "operations", verb, str(operation.pk)]
    if "hash" in options:
        words += ["--plan-hash", operation.plan_hash]
    if "reason" in options:
        words += ["--reason", WHY]
    if offers.name_to_type:
        words += ["--typed", offers.name_to_type]
    return shlex.join(words)


_NEXT: Mapping[OperationState, tuple[str, tuple[str, ...]]] = {
    OperationState.DRAFT: ("confirm", ("hash", "reason")),
    OperationState.PENDING_APPROVAL: ("approve", ("hash",)),
    OperationState.QUEUED: ("cancel", ()),
    OperationState.RUNNING: ("cancel", ()),
    OperationState.SUCCEEDED: ("undo", ("reason",)),
    OperationState.PARTIAL: ("undo", ("reason",)),
    OperationState.FAILED: ("retry", ()),
    OperationState.NEEDS_ATTENTION: ("retry", ()),
    OperationState.SUPERSEDED: ("acknowledge", ()),
}


def _none(operation: Operation) -> list[str]:  # noqa: ARG001 - stands among those that read it
    """Return no command: only the dashboard knows what lies in its trash."""
    return []


def _restore(operation: Operation) -> list[str]:
    thread_id = str(operation.plan["thread_id"])
    words = ["holdfast", "restore", operation.source.url, "--thread", thread_id]
    return [*words, "--checkpoint", operation.target_id, *_reason(operation)]


def _fork(operation: Operation) -> list[str]:
    plan: Mapping[str, Any] = operation.plan
    name = _fork_name(plan, operation.source.kind)
    if not name:
        return []
    words = ["holdfast", "fork", operation.source.url, "--thread", str(plan["thread_id"])]
    words += ["--checkpoint", operation.target_id, "--as", name]
    for edit in plan["edits"]:
        path = _as_json(edit["path"])
        words += ["--unset", path] if edit["remove"] else ["--set", f"{path}={_value(edit)}"]
    return [*words, *_reason(operation)]


def _fork_name(plan: Mapping[str, Any], kind: str) -> str:
    """Return what a fork is called in a terminal, empty where it cannot be asked for there.

    Where each agent has one thread, a fork begins another agent and is called by its name. In a
    store of Holdfast's own the terminal forks for the same agent alone.
    """
    agent, thread = str(plan["new_agent_id"]), str(plan["new_thread_id"])
    if agent == plan["agent_id"]:
        return thread
    scheme = find_scheme(kind)
    is_own = scheme is not None and scheme.is_native
    return "" if is_own or thread != plan["thread_id"] else agent


def _prune(operation: Operation) -> list[str]:
    """Return the command of a prune by one policy; none selects single checkpoints."""
    policies = [policy for _, policy in operation.plan["parts"]]
    if not policies or policies[0] is None or any(one != policies[0] for one in policies):
        return []
    words = ["holdfast", "prune", operation.source.url]
    if operation.agent is not None:
        words += ["--agent", operation.agent.agent_id]
    if operation.thread is not None:
        words += ["--thread", operation.thread.thread_id]
    return [*words, *policy_words(policies[0]), *_reason(operation)]


def policy_words(policy: Mapping[str, Any]) -> list[str]:
    """Return the options that name the rules of a retention policy."""
    words = ["--keep-last", str(policy["newest"])] if "newest" in policy else []
    for kind, count in policy.get("last", {}).items():
        words += ["--keep-last", f"{kind}={count}"]
    for kind, seconds in policy.get("within", {}).items():
        words += ["--keep-within", f"{kind}={round(seconds)}s"]
    for name in ("hourly", "daily", "weekly", "monthly", "max_bytes"):
        if name in policy:
            words += [f"--{name.replace('_', '-')}", str(policy[name])]
    return words


def _erase(operation: Operation) -> list[str]:
    words = ["holdfast", "erase", operation.source.url]
    for name, value in operation.plan["scope"].items():
        words += [f"--{name.removesuffix('_id')}", str(value)]
    return [*words, *_reason(operation)]


def _verify(operation: Operation) -> list[str]:
    words = ["holdfast", "verify", operation.source.url]
    return [*words, "--deep"] if operation.plan.get("deep") else words


def _undo(operation: Operation) -> list[str]:
    """Return the command that restores the previous head; only the dashboard undoes its prunes."""
    return _restore(operation) if operation.target_id else []


def _value(edit: Mapping[str, Any]) -> str:
    return _as_json(edit["value"])


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _reason(operation: Operation) -> list[str]:
    return ["--reason", operation.reason or WHY]


_WORDS: Mapping[OperationKind, Callable[[Operation], list[str]]] = {
    OperationKind.RESTORE: _restore,
    OperationKind.FORK: _fork,
    OperationKind.EDIT_FORK: _fork,
    OperationKind.PRUNE: _prune,
    OperationKind.ERASE: _erase,
    OperationKind.VERIFY: _verify,
    OperationKind.UNDO: _undo,
}
