"""Checkpoints of Microsoft Agent Framework: ``agent-framework:///relative`` and ``:////absolute``.

``?agent=NAME`` names the agent whose workflows save there; unless given, the folder names it.
"""

from checkpoints.connectors.agent_framework.recognising import recognise
from checkpoints.connectors.agent_framework.store import AgentFrameworkStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["AgentFrameworkStore", "open_url", "recognise"]


def open_url(url: StoreUrl) -> AgentFrameworkStore:
    """Open the folder that a URL names. Raises PermanentStoreError."""
    return AgentFrameworkStore(url.path, url=url.text, agent=url.query.get("agent"))
