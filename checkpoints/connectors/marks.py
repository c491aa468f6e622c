"""What operations leave in the metadata of the checkpoints that they write for other frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from checkpoints.records import Directive, Strategy

RESTORED_FROM: Final = "restored_from"
FORKED_FROM: Final = "forked_from"
FORKED_THREAD: Final = "forked_from_thread"
OPERATION: Final = "holdfast_operation_id"
REASON: Final = "holdfast_reason"
DIRECTIVE: Final = "holdfast_directive"
_RESTORE_ONLY = frozenset({RESTORED_FROM, DIRECTIVE})


def marked(
    metadata: Mapping[str, Any],
    *,
    restored_from: str,
    operation_id: str,
    reason: str,
    directive: Directive | None,
) -> dict[str, Any]:
    """Return metadata with the marks of a restore; those of an earlier one are replaced."""
    kept = {name: value for name, value in metadata.items() if name != DIRECTIVE}
    marks = {RESTORED_FROM: restored_from, OPERATION: operation_id, REASON: reason}
    return {**kept, **marks, **_as_metadata(directive)}


def forked(
    metadata: Mapping[str, Any],
    *,
    checkpoint_id: str,
    thread_id: str,
    operation_id: str,
    reason: str,
) -> dict[str, Any]:
    """Return metadata with the marks of a fork; those of an earlier operation are taken out."""
    kept = {name: value for name, value in metadata.items() if name not in _RESTORE_ONLY}
    origin = {FORKED_FROM: checkpoint_id, FORKED_THREAD: thread_id}
    return {**kept, **origin, OPERATION: operation_id, REASON: reason}


def _as_metadata(directive: Directive | None) -> dict[str, Any]:
    if directive is None:
        return {}
    parameters = dict(directive.parameters)
    return {DIRECTIVE: {"strategy": str(directive.strategy), "parameters": parameters}}


def directive_in(metadata: Mapping[str, Any]) -> Directive | None:
    """Return the directive that a restore left; ``None`` when there is none that can be read."""
    value = metadata.get(DIRECTIVE)
    if not isinstance(value, Mapping) or value.get("strategy") not in tuple(Strategy):
        return None
    parameters = value.get("parameters")
    return Directive(
        strategy=Strategy(value["strategy"]),
        parameters=parameters if isinstance(parameters, Mapping) else {},
    )


def text_in(metadata: Mapping[str, Any], name: str) -> str | None:
    """Return a mark that is a text."""
    value = metadata.get(name)
    return value if isinstance(value, str) else None
