"""What a read raises when there is nothing to show."""

from __future__ import annotations

from django.http import Http404


class NotFound(Http404):
    """Nothing is at this address. The text says what to do; it becomes a 404 page or problem."""


def no_agent() -> NotFound:
    """Say that an agent is not in the index."""
    return NotFound(
        "This agent is not in the index. It may have gone with its source; look for it by name in "
        "the list of agents, or add its source again."
    )


def no_checkpoint() -> NotFound:
    """Say that a checkpoint is not in the index."""
    return NotFound(
        "This checkpoint is not in the index. Its source may have been removed here; the store "
        "itself was not touched. Look for it in its agent's timeline."
    )
