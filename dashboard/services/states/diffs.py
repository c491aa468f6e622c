"""What changed between two states."""

from __future__ import annotations

from dataclasses import dataclass

import checkpoints.diffs
from dashboard.models import Checkpoint, User
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.services.states.loading import load_state


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffPage:
    """The changes that lead from one checkpoint's state to another's."""

    left: Checkpoint
    right: Checkpoint
    changes: tuple[checkpoints.diffs.Change, ...]


def diff_page(*, user: User, left_pk: int, right_pk: int) -> DiffPage:
    """Compare two states. Raises what :func:`dashboard.services.states.state_page` raises."""
    left = find_checkpoint(user=user, checkpoint_pk=left_pk)
    right = find_checkpoint(user=user, checkpoint_pk=right_pk)
    before, after = load_state(left), load_state(right)
    changes = tuple(checkpoints.diffs.diff_states(before, after))
    return DiffPage(left=left, right=right, changes=changes)
