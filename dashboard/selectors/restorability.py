"""Why a checkpoint may not be restored, as far as the index knows. Pure.

The answer disables a button and says why; the service that restores asks the store itself.
"""

from __future__ import annotations

from dashboard.formats import sentence
from dashboard.models import Checkpoint, Source


def why_not_restore(checkpoint: Checkpoint, *, is_head: bool) -> str:
    """Return the reason against restoring ``checkpoint``, or an empty text."""
    why = _why_not_this(checkpoint, is_head=is_head)
    return why or why_source_cannot_restore(checkpoint.thread.agent.source)


def why_not_direct(checkpoint: Checkpoint, *, is_head: bool) -> str:
    """Return the reason against leaving its agent the directive to restore ``checkpoint``."""
    if checkpoint.thread.agent.source.connected:
        return "This store is connected: restore the checkpoint here, with a preview and an undo."
    return _why_not_this(checkpoint, is_head=is_head)


def _why_not_this(checkpoint: Checkpoint, *, is_head: bool) -> str:
    if is_head:
        return "This is the head already: the next run resumes from here."
    if checkpoint.removed_at:
        return "This checkpoint was removed from its store."
    if checkpoint.damage:
        return "This checkpoint is damaged; restoring it would resume from a wrong state."
    if checkpoint.namespace:
        return "A subgraph's checkpoint goes back with its thread: restore one of the thread."
    return ""


def why_not_fork(checkpoint: Checkpoint, *, edited: bool = False) -> str:
    """Return the reason against beginning a new thread at ``checkpoint``, or an empty text."""
    if checkpoint.removed_at:
        return "This checkpoint was removed from its store."
    if checkpoint.damage:
        return "This checkpoint is damaged; a fork would begin with a wrong state."
    if checkpoint.namespace:
        return "A subgraph's checkpoint goes with its thread: fork one of the thread."
    source = checkpoint.thread.agent.source
    return why_source_cannot(source, "fork") or (
        why_source_cannot(source, "edit") if edited else ""
    )


def why_source_cannot_restore(source: Source) -> str:
    """Return the reason against restoring anything in ``source``, or an empty text."""
    return why_source_cannot(source, "restore")


def why_source_cannot(source: Source, ability: str) -> str:
    """Return why a source cannot do something, by the name of it in its capabilities."""
    if not source.connected:
        return "Agents only report about this store; connect it on the Sources page first."
    capabilities = source.capabilities
    if capabilities and not capabilities.get(ability):
        reasons = capabilities.get("reasons", {})
        return sentence(str(reasons.get(ability) or f"This kind of store cannot {ability}"))
    return ""
