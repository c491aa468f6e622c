"""What operations do to a store of Holdfast's own: restore, fork, prune, erase and measure."""

from __future__ import annotations

from checkpoints.stores.forks import ForksBySaving
from checkpoints.stores.heads import RestoresByHead
from checkpoints.stores.measuring import MeasuresItself
from checkpoints.stores.removals import ErasesForGood, PrunesToTrash


class Operations(RestoresByHead, ForksBySaving, PrunesToTrash, ErasesForGood, MeasuresItself):
    """All of them, given saves, moves of heads, a trash and a journal."""
