"""What a restore means, as plain values: each can be written as JSON types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Generic, Self, TypeVar

from checkpoints.diffs import ChangeKind
from checkpoints.records import as_json

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Few(Generic[T]):
    """The first of a list that may be long; ``more`` says how many it leaves out."""

    items: tuple[T, ...] = ()
    more: int = 0

    @classmethod
    def of(cls, values: Iterable[T], most: int) -> Self:
        """Take the first ``most`` and count the others."""
        rest = iter(values)
        items = tuple(islice(rest, most))
        return cls(items, sum(1 for _ in rest))

    def each(self, make: Callable[[T], U]) -> Few[U]:
        """Return what is made of each of the first; of the others nothing is."""
        return Few(tuple(make(item) for item in self.items), self.more)

    @property
    def total(self) -> int:
        """How many there are altogether."""
        return len(self.items) + self.more

    def __bool__(self) -> bool:
        return bool(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """One change of the state, as people read it: ``before`` at the head, ``after`` restored.

    Values are shortened JSON; None stands for what is not there.
    """

    path: str
    kind: ChangeKind
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDiff:
    """What a restore changes in the state. ``fields`` are those at the top that differ."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    fields: tuple[str, ...] = ()
    lines: Few[DiffLine] = Few()

    @property
    def total(self) -> int:
        """How many values differ."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """A step that was taken since the target, and is taken again."""

    name: str
    checkpoint_id: str | None = None
    step: int | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedEffect:
    """Something done outside since the target, which is not undone.

    An agent that asks for effects by their key does not repeat it; any other does.
    """

    name: str
    key: str
    done_at: datetime
    checkpoint_id: str | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool that the agent called since the target. ``arguments`` is shortened JSON.

    ``has_result`` says that it was answered by now. ``is_pending`` says that the target's state
    asks for it and holds no result: it is made again first of all. The others are made again if
    the agent goes the same way.
    """

    name: str
    arguments: str
    has_result: bool
    is_pending: bool = False
    call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCount:
    """How often a tool was used since the target, by the agent's own count."""

    name: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt:
    """A question at the target that is asked again. ``question`` is None where it is unknown."""

    question: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a restore means. ``notes`` say what could not be told.

    ``next_steps`` are those that run first; ``reruns`` were taken since the target, oldest first.
    """

    diff: StateDiff = StateDiff()
    next_steps: tuple[str, ...] = ()
    reruns: Few[Rerun] = Few()
    effects: Few[RepeatedEffect] = Few()
    tool_calls: Few[ToolCall] = Few()
    tool_counts: Few[ToolCount] = Few()
    interrupts: Few[Interrupt] = Few()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return as_json(self)
