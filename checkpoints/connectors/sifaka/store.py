"""The files that Sifaka's FileStorage writes, as Holdfast reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from shlex import quote
from zoneinfo import ZoneInfo

from checkpoints.connectors.documents import DocumentReading, utc_now
from checkpoints.connectors.documents.reading import ACTS
from checkpoints.connectors.sifaka.changes import Present
from checkpoints.connectors.sifaka.layout import SifakaLayout
from checkpoints.connectors.sifaka.states import Reader
from checkpoints.errors import PermanentStoreError
from checkpoints.records import Changes

_GENERIC = frozenset({"checkpoints", "storage", "data", "thoughts"})


class SifakaStore(DocumentReading):
    """Lists and reads the checkpoints of Sifaka's chains. Each chain is a thread.

    ``path`` is a file, or a folder of files. ``zone`` names the time zone of times that have none,
    UTC unless given. Raises PermanentStoreError when nothing lies there or the zone is not known.
    """

    layout: SifakaLayout

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        agent: str | None = None,
        zone: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        is_file = _is_file(path)
        reader = Reader(agent=agent or _agent_by(path, is_file=is_file), zone=_zone(zone))
        self.layout = SifakaLayout(reader, path.name if is_file else None)
        folder = path.absolute().parent if is_file else path
        super().__init__(folder, url=url or f"sifaka:///{path}", clock=clock)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after a cursor."""
        content = self._catalog.read()
        present = Present(
            folder=self._catalog.folder.identity,
            saved=self._catalog.saved(),
            findings=[found for item in content.values() for found in item.findings],
            now=self.clock(),
        )
        return present.changes(cursor, limit=limit)

    def reasons_against(self) -> dict[str, str]:
        """Return why nothing can be done here, and what can be done instead."""
        why = (
            "read only, because Sifaka resumes from nothing by itself; import the chains, and "
            f"restore them there: holdfast migrate {quote(self.url)} sqlite:///sifaka.db"
        )
        return dict.fromkeys(ACTS, why)


def _is_file(path: Path) -> bool:
    if path.is_symlink() and not path.is_dir():
        raise PermanentStoreError(f"{path} is a symbolic link; name the file that it leads to")
    if path.exists() and not path.is_dir() and not path.is_file():
        raise PermanentStoreError(f"{path} is not a regular file")
    return path.is_file()


def _agent_by(path: Path, *, is_file: bool) -> str:
    parts = path.absolute().parts[1:]
    names = [*parts[:-1], path.stem] if is_file else list(parts)
    told = [name for name in names if name not in _GENERIC]
    return told[-1] if told else "chain"


def _zone(name: str | None) -> tzinfo:
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise PermanentStoreError(
            f"{name!r} is no time zone that is known here; write one such as ?tz=Europe/Berlin"
        ) from error
