"""What every store promises, and what forks, prunes and erasures promise of any."""

from checkpoints.testing.suite.base import OpenStore, StoreCase
from checkpoints.testing.suite.batches import Batches
from checkpoints.testing.suite.care import Care
from checkpoints.testing.suite.connector import Connecting
from checkpoints.testing.suite.erasing import Erasing
from checkpoints.testing.suite.erasures import Erasures
from checkpoints.testing.suite.following import Following
from checkpoints.testing.suite.forking import Forking
from checkpoints.testing.suite.heads import Heads
from checkpoints.testing.suite.journal import Journal
from checkpoints.testing.suite.operable import Made, OperableCase
from checkpoints.testing.suite.operations import Operations
from checkpoints.testing.suite.pruning import Pruning
from checkpoints.testing.suite.restoring import Restoring
from checkpoints.testing.suite.saves import Saves

__all__ = [
    "Connecting",
    "ConnectorSuite",
    "Erasures",
    "Forking",
    "Made",
    "OpenStore",
    "OperableCase",
    "Pruning",
    "Restoring",
    "StoreCase",
    "StoreSuite",
]


class StoreSuite(Saves, Batches, Heads, Care, Erasing, Operations, Journal, Following):
    """What a store promises."""


class ConnectorSuite(Connecting, Restoring, Forking, Pruning, Erasures):
    """What a connector promises that offers everything; one that cannot act is ``Connecting``."""
