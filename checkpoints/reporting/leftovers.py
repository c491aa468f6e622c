"""What lies in a spool, seen from outside, and sending what dead processes left."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkpoints.reporting.counters import Counters, Tally
from checkpoints.reporting.inbox import Inbox
from checkpoints.reporting.items import Lane
from checkpoints.reporting.notices import Notices
from checkpoints.reporting.ownership import OwnedFolder, folders_in
from checkpoints.reporting.segments import FileSegment, segment_paths
from checkpoints.reporting.sender import Sender
from checkpoints.reporting.settings import Settings
from checkpoints.reporting.spool import ADDRESS, Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What one process has in a spool. ``size`` is bytes; ``in_use``: the process lives."""

    dashboard: str
    path: Path
    in_use: bool
    size: int
    items: dict[Lane, int]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "dashboard": self.dashboard,
            "path": str(self.path),
            "in_use": self.in_use,
            "bytes": self.size,
            **{lane.value: self.items.get(lane, 0) for lane in Lane},
        }


def leftovers(spool: Path) -> list[Leftover]:
    """Return what lies in a spool, by process. Raises OSError."""
    return [
        found
        for address in sorted(spool.glob(f"*/{ADDRESS}"))
        for path in folders_in(address.parent)
        if (found := _leftover(address, path)).items
    ]


def send_leftovers(settings: Settings) -> Counters:
    """Send what dead processes left for this dashboard; what it does not take at once stays."""
    tally, notices = Tally(), Notices()
    spool = Spool(settings, tally, notices)
    at_once = threading.Event()
    at_once.set()
    sender = Sender(
        settings, spool=spool, tally=tally, inbox=Inbox(), notices=notices, closing=at_once
    )
    while sender.send_all() and spool.adopt():
        continue
    sender.close()
    spool.close()
    names = ("sent", "dropped", "refused", "retries")
    return Counters(spooled=spool.on_disk, **{name: tally[name] for name in names})


def _leftover(address: Path, path: Path) -> Leftover:
    segments = list(_segments(path))
    items: Counter[Lane] = Counter()
    for segment in segments:
        items[segment.lane] += segment.left
    return Leftover(
        dashboard=address.read_text(errors="replace").strip(),
        path=path,
        in_use=_in_use(path),
        size=sum(segment.size for segment in segments),
        items=dict(items),
    )


def _segments(path: Path) -> Iterator[FileSegment]:
    """Yield a folder's segments; its process may be removing them as we look."""
    for found in segment_paths(path):
        with contextlib.suppress(FileNotFoundError):
            yield FileSegment.found(found)


def _in_use(path: Path) -> bool:
    folder = OwnedFolder.seize(path)
    if folder is None:
        return True
    folder.abandon()
    return False
