"""The difference of two states: what was added, removed and changed, by path.

Lists are aligned before they are compared, so an insertion is one insertion and not a cascade of
changes: equal items at both ends are taken away first, then items are matched by their ``id``
or their content. Work is bounded: two long middles that share nothing are compared by position.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

Path = tuple[str | int, ...]

MAX_ALIGNED = 2_000
"""Items of a list's differing middle that are aligned; difflib takes seconds from 10,000 on."""
_IDENTITIES = ("id", "uuid", "key", "tool_call_id", "name")


class ChangeKind(StrEnum):
    """What happened to a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. ``path`` leads to the value: in the second state, or in the first if removed.

    ``before`` is None for what was added, ``after`` for what was removed.
    """

    path: Path
    kind: ChangeKind
    before: Any = None
    after: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as a dict; the path as a list."""
        return {
            "path": list(self.path),
            "kind": str(self.kind),
            "before": self.before,
            "after": self.after,
        }


def diff_states(before: Any, after: Any) -> list[Change]:
    """Return the changes that lead from one state to the other, in the order of the second."""
    return list(_diff((), before, after))


def _diff(path: Path, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _diff_mappings(path, before, after)
    elif isinstance(before, (list, tuple)) and type(before) is type(after):
        yield from _diff_lists(path, before, after)
    elif not _same(before, after):
        yield Change(path=path, kind=ChangeKind.CHANGED, before=before, after=after)


def _diff_mappings(
    path: Path, before: Mapping[Any, Any], after: Mapping[Any, Any]
) -> Iterator[Change]:
    for key, value in after.items():
        if key not in before:
            yield Change(path=(*path, _step(key)), kind=ChangeKind.ADDED, after=value)
        else:
            yield from _diff((*path, _step(key)), before[key], value)
    for key, value in before.items():
        if key not in after:
            yield Change(path=(*path, _step(key)), kind=ChangeKind.REMOVED, before=value)


def _diff_lists(path: Path, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Change]:
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    left = before[start : len(before) - end]
    right = after[start : len(after) - end]
    for tag, a, b, c, d in _operations(left, right):
        if tag != "equal":
            yield from _replaced(path, (start, left, a, b), (start, right, c, d))
        else:
            for i, j in zip(range(a, b), range(c, d), strict=True):
                yield from _diff((*path, start + j), left[i], right[j])


_Slice = tuple[int, Sequence[Any], int, int]


def _replaced(path: Path, old: _Slice, new: _Slice) -> Iterator[Change]:
    """Yield the changes of one differing stretch: pairs first, then what is left over."""
    (start, left, a, b), (_, right, c, d) = old, new
    pairs = min(b - a, d - c)
    for offset in range(pairs):
        yield from _diff((*path, start + c + offset), left[a + offset], right[c + offset])
    for index in range(c + pairs, d):
        yield Change(path=(*path, start + index), kind=ChangeKind.ADDED, after=right[index])
    for index in range(a + pairs, b):
        yield Change(path=(*path, start + index), kind=ChangeKind.REMOVED, before=left[index])


def _operations(left: Sequence[Any], right: Sequence[Any]) -> list[tuple[str, int, int, int, int]]:
    if not left or not right or max(len(left), len(right)) > MAX_ALIGNED:
        return [("replace", 0, len(left), 0, len(right))]
    keys = [_key(item) for item in left], [_key(item) for item in right]
    matcher = SequenceMatcher(None, *keys, autojunk=True)
    return [(str(tag), a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes()]


def _key(item: Any) -> str:
    """Return what identifies an item of a list: its id where it has one, else its content."""
    if isinstance(item, Mapping):
        for name in _IDENTITIES:
            if isinstance(item.get(name), (str, int)):
                return f"{name}={item[name]!r}"
    return hashlib.blake2b(repr(item).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _common(left: Sequence[Any], right: Sequence[Any]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if not _same(a, b):
            break
        count += 1
    return count


def _same(a: Any, b: Any) -> bool:
    """Say whether two values are the same; unlike ``==``, True is not 1, at any depth."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (set, frozenset)):
        return {(type(item), item) for item in a} == {(type(item), item) for item in b}
    if isinstance(a, (Mapping, list, tuple)):
        return bool(a == b) and repr(a) == repr(b)
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    return bool(a == b)


def _step(key: Any) -> str | int:
    return key if isinstance(key, (str, int)) else repr(key)
