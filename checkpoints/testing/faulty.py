"""A store that fails when it is told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from checkpoints.stores.base import Store
from checkpoints.stores.decorators.wrapping import WrappingStore

T = TypeVar("T")


@dataclass(slots=True)
class _Fault:
    error: Exception
    times: int | None
    after: bool


class FaultyStore(WrappingStore):
    """A store whose named methods fail when they are told to.

    ``calls`` counts the calls of each method, those that failed included.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.calls: Counter[str] = Counter()
        self._faults: dict[str, _Fault] = {}

    def fail(
        self, *methods: str, error: Exception, times: int | None = None, after: bool = False
    ) -> None:
        """Have the next ``times`` calls of each method raise ``error``; None is until ``heal()``.

        ``after=True`` lets the call happen first: its effect is there, its answer is lost.
        """
        for method in methods:
            self._faults[method] = _Fault(error, times, after)

    def heal(self) -> None:
        """Let everything succeed again."""
        self._faults.clear()

    def _through(self, method: str, call: Callable[[Store], T]) -> T:
        self.calls[method] += 1
        fault = self._faults.get(method)
        if fault is None or fault.times == 0:
            return super()._through(method, call)
        if fault.times is not None:
            fault.times -= 1
        if fault.after:
            super()._through(method, call)
        raise fault.error
