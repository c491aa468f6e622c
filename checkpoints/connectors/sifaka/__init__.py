"""Sifaka's checkpoints: ``sifaka:////path`` of a file, JSON or JSONL, or of a folder of them.

Sifaka writes local times without a zone: they are read as UTC, or as ``?tz=Europe/Berlin`` says.
``?agent=NAME`` names the agent; unless given, the file or folder does. Its Redis and Milvus stores
hold pickles, which are never loaded.
"""

from __future__ import annotations

from checkpoints.connectors.sifaka.recognising import recognise
from checkpoints.connectors.sifaka.store import SifakaStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["SifakaStore", "open_url", "recognise"]


def open_url(url: StoreUrl) -> SifakaStore:
    """Open the file or folder that a URL names. Raises PermanentStoreError."""
    agent, zone = url.query.get("agent") or None, url.query.get("tz") or None
    return SifakaStore(url.path, url=url.text, agent=agent, zone=zone)
