"""CrewAI's checkpoints: ``crewai:////path`` of a SQLite file, or of a folder with a file for each.

``?agent=NAME`` names the agent; unless given, the crew or flow in a checkpoint does.
"""

from __future__ import annotations

from pathlib import Path

from checkpoints.connectors.crewai.files import CrewAIFolderStore
from checkpoints.connectors.crewai.recognising import recognise
from checkpoints.connectors.crewai.sqlite import CrewAISqliteStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["CrewAIFolderStore", "CrewAISqliteStore", "open_url", "recognise"]


def open_url(url: StoreUrl) -> CrewAIFolderStore | CrewAISqliteStore:
    """Open the file or the folder that a URL names. Raises PermanentStoreError."""
    path, agent = Path(url.path), url.query.get("agent") or None
    if path.is_dir():
        return CrewAIFolderStore(path, url=url.text, agent=agent)
    return CrewAISqliteStore(path, url=url.text, agent=agent)
