"""The agents of a group, and what each of them last said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from checkpoints.drift import times
from checkpoints.drift.inert import items_of, key_text
from checkpoints.drift.signals import At
from checkpoints.drift.sketches import sketch

MOST_AGENTS: Final = 32
MOST_KEYS: Final = 64
VERSION: Final = "(version)"
_RECENT_ROUNDS: Final = 2
"""An agent that let so many rounds pass is not compared: it may have ended."""


@dataclass(slots=True)
class Member:
    """What one agent said, as digests; and at which update of the group."""

    digests: dict[str, str] = field(default_factory=dict)
    at: float | None = None
    heard: int = 0


class Members:
    """The agents of a group in the order in which they were last heard."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._count = -1

    def hear(self, agent: Any, shared: Any, at: At | None, version: Any) -> str:
        """Take what an agent says; return its name as it is kept."""
        self._count += 1
        name = key_text(agent)
        digests = {key: sketch(value).exact for key, value in items_of(shared, MOST_KEYS)}
        if version is not None:
            digests[VERSION] = sketch(version).exact
        self._members.pop(name, None)
        self._members[name] = Member(digests, times.seconds(at), self._count)
        while len(self._members) > MOST_AGENTS:
            del self._members[next(iter(self._members))]
        return name

    def recent(self) -> dict[str, Member]:
        """Return the agents that were heard in the last rounds."""
        return {
            name: member
            for name, member in self._members.items()
            if self._count - member.heard <= _RECENT_ROUNDS * len(self._members)
        }

    def sides(self, key: str) -> list[list[str]]:
        """Return the agents that tell of a key, by what they say, the most first."""
        said = {
            name: member.digests[key]
            for name, member in self.recent().items()
            if key in member.digests
        }
        order = [digest for digest, _ in Counter(said.values()).most_common()]
        return [sorted(name for name in said if said[name] == digest) for digest in order]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types; no value that was shared."""
        members = {
            name: [member.digests, member.at, member.heard]
            for name, member in self._members.items()
        }
        return {"members": members, "count": self._count}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        made = cls()
        made._count = values["count"]
        made._members = {
            name: Member(dict(digests), at, heard)
            for name, (digests, at, heard) in values["members"].items()
        }
        return made
