"""By what a folder is known as one of Microsoft Agent Framework's."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from checkpoints.stores import glances

FILES = 20
"""Files that are looked into before a folder is given up."""
_FIELDS = (b'"workflow_name"', b'"graph_signature_hash"', b'"checkpoint_id"')


def recognise(path: Path) -> str | None:
    """Say by what a folder is known as one that FileCheckpointStorage writes."""
    documents = (path / name for name in glances.names(path) if name.endswith(".json"))
    for document in islice(documents, FILES):
        begin = glances.head(document)
        if begin.lstrip().startswith(b"{") and all(field in begin for field in _FIELDS):
            return "its files are checkpoints of Agent Framework's workflows"
    return None
