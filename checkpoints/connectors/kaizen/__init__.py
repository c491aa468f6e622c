"""Kaizen's checkpoint folders: ``kaizen:///relative`` and ``kaizen:////absolute``.

``?agent=NAME`` names the agent whose states all say ``autonomous_agent``. What Kaizen
encrypted is opened with the keys in HOLDFAST_STORE_KEYS or the passphrase in KAIZEN_ENCRYPTION_KEY.
"""

from checkpoints.connectors.kaizen.encryption import Keys, passphrase_of_environment
from checkpoints.connectors.kaizen.recognising import recognise
from checkpoints.connectors.kaizen.store import KaizenStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["KaizenStore", "open_url", "recognise"]


def open_url(url: StoreUrl) -> KaizenStore:
    """Open the folder that a URL names. Raises PermanentStoreError."""
    keys = Keys(url.keys, passphrase_of_environment())
    return KaizenStore(url.path, url=url.text, agent=url.query.get("agent"), keys=keys)
