"""Where a run stood, read from its data alone: no graph is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph.bodies import SENDS, Body
from checkpoints.connectors.langgraph.rows import WriteRow
from checkpoints.records import Status

ERROR = "__error__"
INTERRUPT = "__interrupt__"

_START = "__start__"
_BRANCH = "branch:to:"
_JOIN = re.compile(r"join:(?P<names>.+):(?P<node>[^:]+)")
_PULL = re.compile(r"~__pregel_pull, (?P<node>.+)")
_PUSH = re.compile(r"~__pregel_push, (?P<index>\d+), ")


def next_steps(body: Body) -> tuple[str, ...]:
    """Return the nodes that run next: those sent to, then those whose trigger they have not seen.

    A node is triggered by a channel that holds a value of a newer version than the node has seen.
    """
    pulled = {node for channel, node in _triggers(body) if _is_newer(body, channel, node)}
    return (*send_targets(body), *sorted(pulled))


def send_targets(body: Body) -> tuple[str, ...]:
    """Return the nodes that ``Send`` names in this checkpoint, in their order."""
    sent = body.values.get(SENDS)
    sends = [*sent] if isinstance(sent, list) else []
    return tuple(filter(None, map(_send_target, [*sends, *body.pending_sends])))


def _send_target(send: Any) -> str | None:
    arguments = send.get(inert.VALUE) if isinstance(send, Mapping) else None
    if isinstance(arguments, Mapping):
        arguments = [arguments.get("node")]
    if isinstance(arguments, list) and arguments and isinstance(arguments[0], str):
        return arguments[0]
    return None


def _triggers(body: Body) -> Iterator[tuple[str, str]]:
    for channel in filter(lambda name: isinstance(name, str), body.values):
        if channel == _START:
            yield channel, channel
        elif channel.startswith(_BRANCH):
            yield channel, channel.removeprefix(_BRANCH).split(":")[0]
        elif (join := _JOIN.fullmatch(channel)) and _is_complete(body.values[channel], join):
            yield channel, join["node"]


def _is_complete(arrived: Any, join: re.Match[str]) -> bool:
    """Say whether every branch that a join waits for has arrived."""
    names = arrived.get(inert.VALUE) if isinstance(arrived, Mapping) else arrived
    return isinstance(names, list) and {str(n) for n in names} >= set(join["names"].split("+"))


def _is_newer(body: Body, channel: str, node: str) -> bool:
    version = body.versions.get(channel)
    seen = body.seen.get(node)
    last = seen.get(channel) if isinstance(seen, Mapping) else None
    if version is None or last is None:
        return version is not None
    if isinstance(version, str) or isinstance(last, str):
        return str(version) > str(last)
    return bool(version > last)


def written_by(
    body: Body | None, parent: Body | None, parent_writes: Sequence[WriteRow]
) -> tuple[str, ...]:
    """Return the nodes whose writes made a checkpoint: those that ran from its parent.

    Files of older versions do not name the tasks; there the nodes that saw the newest version of
    a trigger are the ones that ran.
    """
    sends = send_targets(parent) if parent else ()
    named = dict.fromkeys(_nodes(parent_writes, sends))
    return tuple(named) or _latest_seen(body, parent)


def are_named(writes: Sequence[WriteRow]) -> bool:
    """Say whether writes name the nodes that made them, without a look at the parent."""
    return bool(writes) and all(_PULL.fullmatch(write.task_path) for write in writes)


def _nodes(writes: Iterable[WriteRow], sends: Sequence[str]) -> Iterator[str]:
    return filter(None, (node_of(write, sends) for write in writes))


def node_of(write: WriteRow, sends: Sequence[str]) -> str | None:
    """Return the node that wrote; ``sends`` are the nodes that its checkpoint sent to."""
    if pull := _PULL.fullmatch(write.task_path):
        return pull["node"]
    push = _PUSH.match(write.task_path)
    return next(iter(sends[int(push["index"]) :][:1]), None) if push else None


def are_pushed(writes: Iterable[WriteRow]) -> bool:
    """Say whether one of the writes is of a task that something was sent to."""
    return any(_PUSH.match(write.task_path) for write in writes)


def _latest_seen(body: Body | None, parent: Body | None) -> tuple[str, ...]:
    if body is None or parent is None:
        return ()
    ran = (n for n, seen in body.seen.items() if isinstance(n, str) and parent.seen.get(n) != seen)
    return tuple(sorted(name for name in ran if name not in ("__input__", _START)))


def status_of(steps: Sequence[str], writes: Sequence[WriteRow]) -> Status:
    """Return what a run was doing at a checkpoint, by what its tasks left there.

    A task that wrote to an ordinary channel got past its error or interrupt.
    """
    finished = {write.task_id for write in writes if write.index >= 0}
    left = {write.channel for write in writes if write.task_id not in finished}
    if ERROR in left:
        return Status.FAILED
    if INTERRUPT in left:
        return Status.WAITING
    return Status.RUNNING if steps else Status.COMPLETED
