"""The suite that every store passes, published so that others can run it on theirs.

Subclass ``StoreSuite`` in a test module and say how a store is opened::

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def open_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "store")

``open_store`` is called again to see what a second process would see; a store that lives in one
process only returns the same object.

A connector to a store that another framework writes passes ``ConnectorSuite``, or the parts of it
that it offers: ``Connecting`` always, ``Restoring``, ``Forking``, ``Pruning`` and ``Erasures`` as
far as its capabilities go. What they need to be told is in ``OperableCase``;
docs/guides/adding-a-connector.md walks through one.
"""

from checkpoints.testing.faulty import FaultyStore
from checkpoints.testing.samples import NOON, FakeClock, draft, entry, save_chain
from checkpoints.testing.suite import (
    Connecting,
    ConnectorSuite,
    Erasures,
    Forking,
    Made,
    OpenStore,
    OperableCase,
    Pruning,
    Restoring,
    StoreSuite,
)

__all__ = [
    "NOON",
    "Connecting",
    "ConnectorSuite",
    "Erasures",
    "FakeClock",
    "FaultyStore",
    "Forking",
    "Made",
    "OpenStore",
    "OperableCase",
    "Pruning",
    "Restoring",
    "StoreSuite",
    "draft",
    "entry",
    "save_chain",
]
