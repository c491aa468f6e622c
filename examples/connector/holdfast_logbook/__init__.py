"""Logbook's folders in Holdfast: ``logbook:///relative`` and ``logbook:////absolute``."""

from __future__ import annotations

from pathlib import Path

from checkpoints.stores import glances
from checkpoints.stores.schemes import Scheme
from checkpoints.stores.urls import StoreUrl
from holdfast_logbook.store import LogbookStore

SCHEME = Scheme(name="logbook", title="Logbook", module="holdfast_logbook")


def open_url(url: StoreUrl) -> LogbookStore:
    """Open the folder that a URL names. Raises PermanentStoreError."""
    return LogbookStore(url.path, url=url.text)


def recognise(path: Path) -> str | None:
    """Say by what a folder is known as one of Logbook's."""
    pages = [path / name for name in glances.names(path)[:20] if name.endswith(".json")]
    if any(b'"form": "logbook/' in glances.head(page) for page in pages):
        return "its files are pages of Logbook's"
    return None
