"""What every store promises."""

from checkpoints.testing.suite.base import OpenStore, StoreCase
from checkpoints.testing.suite.batches import Batches
from checkpoints.testing.suite.care import Care
from checkpoints.testing.suite.erasing import Erasing
from checkpoints.testing.suite.following import Following
from checkpoints.testing.suite.heads import Heads
from checkpoints.testing.suite.journal import Journal
from checkpoints.testing.suite.saves import Saves

__all__ = ["OpenStore", "StoreCase", "StoreSuite"]


class StoreSuite(Saves, Batches, Heads, Care, Erasing, Journal, Following):
    """What a store promises."""
