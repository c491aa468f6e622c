"""By what a file is known as LangGraph's."""

from __future__ import annotations

from pathlib import Path

from checkpoints.connectors.langgraph_sqlite.schema import TABLES
from checkpoints.stores.glances import sqlite


def recognise(path: Path) -> str | None:
    """Say by what a file is known as one of LangGraph's SqliteSaver."""
    found = sqlite(path)
    if found is None or found.application_id:
        return None
    known = all(columns <= found.tables.get(name, frozenset()) for name, columns in TABLES.items())
    return "its tables checkpoints and writes have LangGraph's columns" if known else None
