"""What a file's name says in the layouts that Kaizen's versions and documents use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from checkpoints.connectors.documents.publishing import TEMPORARY_SUFFIX

_SUFFIXES = (".enc.jsonl.gz", ".enc.gz.jsonl", ".enc.jsonl", ".jsonl.gz", ".jsonl")
NEVER_LOADED = ".enc.jsonl.gz"
"""How Kaizen names what it encrypts and compresses, and does not find again."""
LOADED_INSTEAD = ".enc.gz.jsonl"
"""How it would have to be named, the content being the same."""
_CYCLE = re.compile(r"checkpoint_cycle_\d+")
_TIMESTAMP = re.compile(r"\d{8}T\d{6,12}Z?|\d{4}-\d\d-\d\dT[\d:.+\-]+Z?")


class Layout(StrEnum):
    """How a file holds checkpoints."""

    ONE = "one"
    MANY = "many"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """A checkpoint file's name taken apart.

    ``ONE``: a state, named by its id. ``MANY``: a state per line, named by a time. ``CYCLE``: the
    older form, whose last line counts.
    """

    stem: str
    suffix: str
    layout: Layout

    @property
    def is_encrypted(self) -> bool:
        """Whether the content is encrypted."""
        return ".enc" in self.suffix

    @property
    def is_gzipped(self) -> bool:
        """Whether the content is compressed with gzip."""
        return ".gz" in self.suffix


def parse_name(name: str) -> FileName | None:
    """Take a file name apart; ``None`` when it is not a checkpoint's."""
    suffix = next((s for s in _SUFFIXES if name.endswith(s)), None)
    if suffix is None or name == suffix or name.startswith("."):
        return None
    stem = name.removesuffix(suffix)
    return FileName(stem=stem, suffix=suffix, layout=_layout(stem))


def is_leftover(name: str) -> bool:
    """Say whether a file is what an interrupted save or restore left behind."""
    return name.endswith((".tmp", TEMPORARY_SUFFIX))


def _layout(stem: str) -> Layout:
    if _CYCLE.fullmatch(stem):
        return Layout.CYCLE
    return Layout.MANY if _TIMESTAMP.fullmatch(stem) else Layout.ONE
