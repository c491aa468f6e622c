"""CrewAI's checkpoints: ``crewai:////path`` of a SQLite file, or of a folder with a file for each.

``?agent=NAME`` names the agent; unless given, the crew or flow in a checkpoint does.
"""

from pathlib import Path

from checkpoints.connectors.crewai.sqlite import CrewAISqliteStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["CrewAISqliteStore", "open_url"]


def open_url(url: StoreUrl) -> CrewAISqliteStore:
    """Open the file or the folder that a URL names. Raises PermanentStoreError."""
    return CrewAISqliteStore(Path(url.path), url=url.text, agent=url.query.get("agent"))
