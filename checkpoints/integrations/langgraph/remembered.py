"""What a saver remembers of the checkpoints that it saved or loaded last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from checkpoints.connectors.langgraph_native.places import Place
from checkpoints.forks import renew_in_children
from checkpoints.integrations.langgraph.states import Typed

RECENT: Final = 256
THREADS: Final = 4096
REMEMBERED: Final = 64 * 1024 * 1024
"""Bytes of serialised channels that one saver remembers."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """A checkpoint: its channels as serialised, their versions, and what nodes had seen of them.

    ``sends`` are the nodes that ``Send`` named in it.
    """

    place: Place
    versions: Mapping[str, Any]
    seen: Mapping[str, Any]
    sends: tuple[str, ...] = ()
    channels: Mapping[str, Typed] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its serialised channels."""
        return sum(len(data) for _, data in self.channels.values())

    def unchanged(
        self, versions: Mapping[str, Any], new_versions: Mapping[str, Any]
    ) -> dict[str, Typed]:
        """Return the channels whose version is the one that was serialised here.

        Only versions of the saver's own making count, which two values never share.
        """
        return {
            name: typed
            for name, typed in self.channels.items()
            if name not in new_versions
            and isinstance(version := versions.get(name), str)
            and version == self.versions.get(name)
        }


def _nothing(_value: object) -> int:
    return 0


class Memory(Generic[K, V]):
    """The last things that were put in, by their keys; safe for threads and forked children."""

    def __init__(
        self, limit: int, *, size: Callable[[V], int] = _nothing, most: int = REMEMBERED
    ) -> None:
        """Keep ``limit`` things of together at most ``most`` bytes."""
        self._limit, self._most, self._size = limit, most, size
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin anew."""
        self._lock = threading.Lock()
        self._items: OrderedDict[K, V] = OrderedDict()
        self._held = 0

    def get(self, key: K) -> V | None:
        with self._lock:
            return self._items.get(key)

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._take(key)
            self._items[key] = value
            self._held += self._size(value)
            while len(self._items) > self._limit or self._held > self._most:
                self._take(next(iter(self._items)))

    def pop(self, key: K) -> V | None:
        with self._lock:
            return self._take(key)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
            self._held = 0

    def _take(self, key: K) -> V | None:
        value = self._items.pop(key, None)
        if value is not None:
            self._held -= self._size(value)
        return value
