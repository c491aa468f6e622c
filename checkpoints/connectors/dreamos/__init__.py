"""Checkpoints of DreamOS agents: ``dreamos:///relative`` and ``dreamos:////absolute``.

The path is that of the project, of ``runtime/agent_comms`` in it or of ``checkpoints`` in that.
"""

from checkpoints.connectors.dreamos.recognising import recognise
from checkpoints.connectors.dreamos.store import DreamosStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["DreamosStore", "open_url", "recognise"]


def open_url(url: StoreUrl) -> DreamosStore:
    """Open the folder that a URL names. Raises PermanentStoreError."""
    return DreamosStore(url.path, url=url.text)
