"""Where a run stands, as a checkpoint that is about to be saved shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from langgraph.checkpoint.base import Checkpoint as GraphCheckpoint

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import progress
from checkpoints.connectors.langgraph.bodies import SENDS, Body

_PULL: Final = re.compile(r"~__pregel_pull, (?P<node>.+)")
_PUSH: Final = re.compile(r"~__pregel_push, (?P<index>\d+), ")
_NO_NODES: Final = frozenset({"__input__", "__start__", "__interrupt__"})


def next_nodes(checkpoint: GraphCheckpoint) -> tuple[str, ...]:
    """Return the nodes that run next; none when the graph has come to its end."""
    values = checkpoint["channel_values"]
    body = Body(
        version=checkpoint["v"],
        id=checkpoint["id"],
        written_at=None,
        values={name: _shape(name, value) for name, value in values.items()},
        versions=checkpoint["channel_versions"],
        seen=checkpoint["versions_seen"],
        pending_sends=(),
    )
    return progress.next_steps(body)


def sent_to(checkpoint: GraphCheckpoint) -> tuple[str, ...]:
    """Return the nodes that ``Send`` names in a checkpoint, in their order."""
    sends = checkpoint["channel_values"].get(SENDS)
    nodes = (getattr(send, "node", None) for send in sends or ())
    return tuple(node for node in nodes if isinstance(node, str))


def _shape(channel: str, value: Any) -> Any:
    """Return as much of a channel's value as says which nodes it triggers."""
    if channel == SENDS:
        nodes = (getattr(send, "node", None) for send in value or ())
        return [inert.described("Send", [node]) for node in nodes]
    return [*value] if channel.startswith("join:") and isinstance(value, (set, list)) else None


def node_of(task_path: str, sends: Sequence[str]) -> str | None:
    """Return the node of a task, None where its path does not tell."""
    if pull := _PULL.fullmatch(task_path):
        return pull["node"]
    push = _PUSH.match(task_path)
    return next(iter(sends[int(push["index"]) :]), None) if push else None


def nodes_that_ran(
    seen: Mapping[str, Any], before: Mapping[str, Any] | None, named: Iterable[str]
) -> tuple[str, ...]:
    """Return the nodes whose writes made a checkpoint: those named, and those that saw more.

    ``seen`` and ``before`` are what the nodes had seen of each channel, now and in the parent.
    """
    ran = [] if before is None else [node for node in seen if seen[node] != before.get(node)]
    return tuple(sorted({*named, *ran} - _NO_NODES))


def step_name(nodes: Iterable[str], source: object, namespace: str) -> str | None:
    """Return how people call a step: the nodes that ran in it, behind the subgraph's name."""
    name = "input" if source == "input" else ", ".join(nodes) or source
    if not isinstance(name, str):
        return None
    subgraph = "/".join(part.split(":")[0] for part in namespace.split("|"))
    return f"{subgraph}: {name}" if subgraph else name
