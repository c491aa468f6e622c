"""Changing values of a body, without building what only the agent's code could build.

Paths are those of the state as it is shown. What an extension type holds is changed inside it, so
that it is built from the changed argument; nothing becomes another type by an edit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from checkpoints.bodies.limits import MAX_DEPTH
from checkpoints.bodies.tags import is_utf8
from checkpoints.connectors import inert
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.plans import Edit

_OWN_CHANNELS = ("__", "branch:to:", "join:")
_PLAIN = (int, float, bool, type(None))
_RESERVED = frozenset({inert.TYPE, "lc"})
"""Keys of maps that stand for values of types."""
_VERSION_DIGITS = 32
_TEXT_VERSION = re.compile(r"(?P<number>[0-9]{1,64})(?P<rest>(?:\..*)?)", re.DOTALL)
_LAST_VERSION = 2**63 - 1
_INTEGERS = range(-(2**63), 2**64)


def edited(
    content: Mapping[str, Any], edits: Sequence[Edit], deltas: Collection[str]
) -> dict[str, Any]:
    """Return a body's content with other channel values and versions that say so.

    ``deltas`` are the channels whose value is spread over earlier checkpoints. Raises PlanRefused
    when an edit cannot be made.
    """
    values = dict(content.get("channel_values", {}))
    for edit in edits:
        _require_editable(edit, values, deltas)
        values = _changed(values, edit, ())
    versions = dict(content.get("channel_versions", {}))
    for channel in dict.fromkeys(edit.path[0] for edit in edits):
        versions[channel] = _next_version(versions)
    return {**content, "channel_values": values, "channel_versions": versions}


def _require_editable(edit: Edit, values: Mapping[Any, Any], deltas: Collection[str]) -> None:
    channel = edit.path[0] if edit.path else None
    if not isinstance(channel, str):
        raise PlanRefused("an edit names a channel first; nothing was written")
    if channel.startswith(_OWN_CHANNELS):
        raise _refused(edit.path, "it is a channel of LangGraph's own, which says what runs next")
    if channel in deltas or _is_delta(values.get(channel)):
        raise _refused(edit.path, "it is a delta channel, whose value lies in several checkpoints")
    if not edit.remove:
        _require_plain(edit.value, edit.path, 0)


def _is_delta(value: Any) -> bool:
    return isinstance(value, inert.Extension) and value.code == inert.DELTA_SNAPSHOT


def _require_plain(value: Any, path: Sequence[str | int], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _refused(path, f"the new value nests deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict) and not _RESERVED & value.keys() and all(map(_is_text, value)):
        for item in value.values():
            _require_plain(item, path, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _require_plain(item, path, depth + 1)
    elif not (type(value) in _PLAIN or _is_text(value)) or _is_out_of_range(value):
        raise _refused(
            path,
            "the new value holds what only the agent's code could build; edits take texts, numbers "
            "of 64 bits, true, false, null, lists and maps of these",
        )


def _is_out_of_range(value: Any) -> bool:
    if type(value) is float:
        return not math.isfinite(value)
    return type(value) is int and value not in _INTEGERS


def _is_text(value: Any) -> bool:
    return type(value) is str and is_utf8(value)


def _changed(node: Any, edit: Edit, done: tuple[str | int, ...]) -> Any:
    """Return a node with the edit made below it; ``done`` leads to the node."""
    if len(done) == len(edit.path):
        if isinstance(node, inert.Extension) or (isinstance(node, dict) and "lc" in node):
            raise _refused(done, f"it is {_named(node)}; change what it holds, or remove it")
        return edit.value
    step, rest = edit.path[len(done)], (*done, edit.path[len(done)])
    if isinstance(node, inert.Extension) and step == inert.VALUE:
        return _inside(node, edit, rest)
    if isinstance(node, dict) and isinstance(step, str):
        return _in_map(node, step, edit, rest)
    if isinstance(node, list) and isinstance(step, int) and 0 <= step < len(node):
        before, after = node[:step], node[step + 1 :]
        is_last = len(rest) == len(edit.path)
        new = [] if is_last and edit.remove else [_changed(node[step], edit, rest)]
        return [*before, *new, *after]
    raise _refused(rest, "there is nothing at that place")


def _in_map(node: dict[Any, Any], step: str, edit: Edit, rest: tuple[str | int, ...]) -> Any:
    is_last = len(rest) == len(edit.path)
    if is_last and edit.remove and step in node:
        return {key: value for key, value in node.items() if key != step}
    if step not in node and (not is_last or edit.remove):
        raise _refused(rest, "there is nothing at that place")
    return {**node, step: _changed(node.get(step), edit, rest)}


def _inside(node: inert.Extension, edit: Edit, rest: tuple[str | int, ...]) -> inert.Extension:
    try:
        argument = inert.argument_of(node)
    except CorruptCheckpoint as error:
        raise _refused(rest, f"it is {_named(node)}, which cannot be changed") from error
    if len(rest) == len(edit.path) and edit.remove:
        raise _refused(rest, f"{_named(node)} cannot be built without it")
    return inert.with_argument(node, _changed(argument, edit, rest))


def _named(node: inert.Extension | dict[Any, Any]) -> str:
    name = "LangChain object"
    if isinstance(node, inert.Extension):
        name = inert.unpack(inert.repack(node))[inert.TYPE]
    return f"a {name}, which only the agent's code can build"


def _next_version(versions: Mapping[Any, Any]) -> Any:
    """Return a version that is newer than all of a checkpoint's, of the kind that it has."""
    texts = [version for version in versions.values() if isinstance(version, str)]
    numbers = [v for v in versions.values() if isinstance(v, (int, float))]
    newest: Any = max(texts) if texts else max(numbers, default=0)
    if not texts and 0 <= newest < _LAST_VERSION:
        return int(newest) + 1
    found = _TEXT_VERSION.fullmatch(newest) if texts else None
    if found is None:
        raise PlanRefused(f"the channels' version {newest!r} is of no known kind")
    number = found["number"]
    return f"{int(number) + 1:0{max(_VERSION_DIGITS, len(number))}}{found['rest']}"


def _refused(path: Sequence[str | int], reason: str) -> PlanRefused:
    place = "/".join(map(str, path))
    return PlanRefused(f"{place} cannot be edited: {reason}; nothing was written")
