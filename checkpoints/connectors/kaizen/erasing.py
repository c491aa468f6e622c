"""Which of what interrupted saves left is of checkpoints of Kaizen's that are erased."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from checkpoints.connectors.documents import erasing
from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.kaizen.bodies import MAX_BYTES
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.states import GENERIC_AGENT

_TEXT = rb'\s*:\s*("(?:[^"\\]|\\.)*")'
_IDS = re.compile(rb'"checkpoint_id"' + _TEXT)
_AGENTS = re.compile(rb'"agent_id"' + _TEXT)
_GZIP, _GZIP_MARK = 31, b"\x1f\x8b"


@dataclass(slots=True, kw_only=True)
class Eraser(erasing.Eraser):
    """An erasure of one agent's checkpoints, while it is under way."""

    catalog: Catalog

    def is_of(self, content: bytes, entry: Entry, ids: Collection[str]) -> bool | None:
        """Say whether a leftover is of what is erased; ``None`` when that cannot be told."""
        text = _unpacked(content)
        if any(name in ids for name in _texts(_IDS, text)) or self._is_of_agent(text, entry):
            return True
        return None if text.strip(b"\0 \n") and not _IDS.search(text) else False

    def _is_of_agent(self, text: bytes, entry: Entry) -> bool:
        fallback = entry.subfolder or self.catalog.agent
        agents = (fallback if name == GENERIC_AGENT else name for name in _texts(_AGENTS, text))
        return self.erasure.whole and any(agent == self.erasure.agent_id for agent in agents)


def _texts(pattern: re.Pattern[bytes], content: bytes) -> Iterator[str]:
    for found in pattern.findall(content):
        with suppress(ValueError):
            yield json.loads(found)


def _unpacked(stored: bytes) -> bytes:
    """Return a leftover's text; of one that was cut short, as much as there is of it."""
    if not stored.startswith(_GZIP_MARK):
        return stored
    try:
        return zlib.decompressobj(_GZIP).decompress(stored, MAX_BYTES)
    except zlib.error:
        return stored
