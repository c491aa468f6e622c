"""A state as a mapping that decodes a field when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkpoints.bodies.chains import StoredState
from checkpoints.bodies.encoding import encode


class StateFields(Mapping[str, Any]):
    """The top-level fields of a stored state; the rest of it stays packed.

    A field that is not what was saved raises CorruptCheckpoint when it is asked for.
    """

    def __init__(self, stored: StoredState) -> None:
        self._stored = stored
        self._decoded: dict[str, Any] = stored.decoded() if stored.names is None else {}
        self._names = stored.names or list(self._decoded)

    def __getitem__(self, name: str) -> Any:
        if name not in self._decoded:
            self._decoded[name] = self._stored.field(name)
        return self._decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each encoded field; those that lie apart are not decoded."""
        if self._stored.names is None:
            return {str(name): len(encode(value)) for name, value in self._decoded.items()}
        return {name: self._stored.size_of(name) for name in self._names}
