"""What cannot be done in a folder, and why."""

from __future__ import annotations

import os

from checkpoints.connectors.documents.folder import Folder
from checkpoints.connectors.kaizen.names import FileName, Layout, parse_name

_COPYING = ("restore", "fork", "edit")
_REMOVING = ("prune", "erase")


def reasons_against(folder: Folder) -> dict[str, str]:
    """Return the reason for each act that no checkpoint of the folder could take."""
    if not os.access(folder.path, os.W_OK | os.X_OK):
        return dict.fromkeys((*_COPYING, *_REMOVING), "the folder is read-only for this user")
    names = [name for entry in folder.entries() if (name := parse_name(entry.name))]
    if names and all(name.is_encrypted for name in names):
        why = "all states are encrypted, and only the agent has the key"
        return dict.fromkeys((*_COPYING, "prune"), why)
    if names and not any(_can_be_copied(name) for name in names):
        why = "all files are of the older form with cycles, which names nothing to resume from"
        return dict.fromkeys(_COPYING, why)
    return {}


def _can_be_copied(name: FileName) -> bool:
    return not name.is_encrypted and name.layout is not Layout.CYCLE
