"""JSON that others wrote: read within limits, with nothing in it built or run.

A pickle within it, ``{"__pickled__": …, "__type__": "module:Name"}``, is shown as
``{"__type__": "blocked: module.Name", "value": …}``, its text as it stands, and is never loaded.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from checkpoints.bodies.limits import check_json
from checkpoints.connectors.inert import described
from checkpoints.errors import CorruptCheckpoint

PICKLED: Final = "__pickled__"
TYPE: Final = "__type__"
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class Unreadable(CorruptCheckpoint):
    """What a file holds cannot be read; ``kind`` names the damage."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A value that was read, and the keys that stood in one object more than once."""

    value: Any
    doubled: tuple[str, ...] = ()


def decode(content: bytes) -> Decoded:
    """Read JSON; of a doubled key the last counts, as in the frameworks. Raises Unreadable.

    The limits are those on depth, values and the length of numbers. NaN and NUL are let through;
    halves of surrogate pairs, which no encoding can carry, are replaced.
    """
    doubled: dict[str, None] = {}

    def build(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            doubled.update(dict.fromkeys(name for name in names if names.count(name) > 1))
        return _inert(found)

    value = _parsed(content, build)
    if _ESCAPED_HALF.search(content):
        value = _without_halves(value)
    return Decoded(value=value, doubled=tuple(_without_halves(list(doubled))))


def decode_object(content: bytes) -> Decoded:
    """Read a JSON object. Raises Unreadable for anything else."""
    decoded = decode(content)
    if not isinstance(decoded.value, dict) or TYPE in decoded.value:
        raise Unreadable("undecodable", "the file does not hold a JSON object")
    return decoded


def decode_for_rewriting(content: bytes) -> dict[str, Any]:
    """Read a JSON object as it stands, pickles as their text. Raises Unreadable."""
    value = _parsed(content, dict)
    if not isinstance(value, dict):
        raise Unreadable("undecodable", "the file does not hold a JSON object")
    return value


def _parsed(content: bytes, build: Any) -> Any:
    if not content:
        raise Unreadable("zero_length", "the file is empty")
    if not content.strip(b"\0"):
        raise Unreadable("undecodable", "the file holds only NUL bytes, as after a power loss")
    try:
        check_json(content)
        return json.loads(content.decode("utf-8"), object_pairs_hook=build)
    except UnicodeDecodeError as error:
        raise Unreadable("undecodable", f"the file is not UTF-8: {error.reason}") from error
    except CorruptCheckpoint as error:
        raise Unreadable("undecodable", str(error)) from error
    except (ValueError, RecursionError) as error:
        whole = content.rstrip().endswith((b"}", b"]"))
        kind = "undecodable" if whole and not _is_cut_short(error, content) else "truncated"
        raise Unreadable(kind, f"the file is not valid JSON: {error}") from error


def _is_cut_short(error: Exception, content: bytes) -> bool:
    """Whether reading went wrong only where the file ends."""
    at = getattr(error, "pos", None)
    return at is not None and at >= len(content.decode("utf-8", "replace").rstrip())


def _inert(value: dict[str, Any]) -> Any:
    if PICKLED in value:
        name = value.get(TYPE)
        shown = name.replace(":", ".") if isinstance(name, str) and name else "pickle"
        return described(f"blocked: {shown}", value[PICKLED])
    if "lc" in value and "type" in value and isinstance(value.get("id"), list):
        arguments = value.get("kwargs") or value.get("args")
        return described(".".join(map(str, value["id"])), arguments)
    return value


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    return [_without_halves(item) for item in value] if isinstance(value, list) else value
