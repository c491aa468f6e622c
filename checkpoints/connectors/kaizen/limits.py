"""What cannot be done in a folder, and why."""

from __future__ import annotations

import os

from checkpoints.connectors.documents.folder import Folder
from checkpoints.connectors.kaizen.names import Layout, parse_name

_COPYING = ("restore", "fork", "edit")
_REMOVING = ("prune", "erase")


def reasons_against(folder: Folder, *, has_keys: bool) -> dict[str, str]:
    """Return the reason for each act that no checkpoint of the folder could take."""
    if not os.access(folder.path, os.W_OK | os.X_OK):
        return dict.fromkeys((*_COPYING, *_REMOVING), "the folder is read-only for this user")
    names = [name for entry in folder.entries() if (name := parse_name(entry.name))]
    if names and not has_keys and all(name.is_encrypted for name in names):
        why = "all states are encrypted, and no key is given"
        return dict.fromkeys((*_COPYING, "prune"), why)
    if names and all(name.layout is Layout.CYCLE for name in names):
        why = "all files are of the older form with cycles, which names nothing to resume from"
        return dict.fromkeys(_COPYING, why)
    return {}
