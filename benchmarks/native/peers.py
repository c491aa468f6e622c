"""Others that save states, each as its own users run it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import importlib.util
import logging
import os
from pathlib import Path
from typing import Any

import orjson
import zstandard

from benchmarks.native.entrants import Entrant, State


class GzipFiles(Entrant):
    """A gzip file per checkpoint, never flushed."""

    name = "gzip files"

    def save(self, state: State) -> None:
        path = self.folder / f"{len(self.saved)}.json.gz"
        path.write_bytes(gzip.compress(orjson.dumps(state)))
        self.saved.append(path)

    def load(self, number: int) -> object:
        return orjson.loads(gzip.decompress(self.saved[number].read_bytes()))

    def settle(self) -> None:
        flush(self.saved[-1])


class ZstdFiles(Entrant):
    """A zstd file of level 3 per checkpoint, flushed before the save returns."""

    name = "zstd files"

    def save(self, state: State) -> None:
        path = self.folder / f"{len(self.saved)}.json.zst"
        with path.open("wb") as file:
            file.write(zstandard.ZstdCompressor(level=3).compress(orjson.dumps(state)))
            file.flush()
            os.fsync(file.fileno())
        self.saved.append(path)

    def load(self, number: int) -> object:
        data = self.saved[number].read_bytes()
        return orjson.loads(zstandard.ZstdDecompressor().decompress(data))


class LangGraph(Entrant):
    """LangGraph's SqliteSaver, one put per step."""

    name = "SqliteSaver"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._stack = contextlib.ExitStack()
        self._saver: Any = None
        self._config: Any = {"configurable": {"thread_id": "main", "checkpoint_ns": ""}}

    @property
    def saver(self) -> Any:
        """The saver, opened when it is not."""
        from langgraph.checkpoint.sqlite import SqliteSaver

        if self._saver is None:
            opened = SqliteSaver.from_conn_string(str(self.folder / "checkpoints.sqlite"))
            self._saver = self._stack.enter_context(opened)
        return self._saver

    def save(self, state: State) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        checkpoint = {**empty_checkpoint(), "channel_values": state}
        metadata = {"source": "loop", "step": len(self.saved)}
        self._config = self.saver.put(self._config, checkpoint, metadata, {})
        self.saved.append(self._config)

    def load(self, number: int) -> object:
        found = self.saver.get_tuple(self.saved[number])
        return found.checkpoint["channel_values"]

    def close(self) -> None:
        self._stack.close()
        self._saver = None


class Kaizen(Entrant):
    """Kaizen's FilesystemStorage, which never flushes."""

    name = "Kaizen gzip"
    compress = True

    def __init__(self, folder: Path) -> None:
        from kaizen.core.autonomy.state.storage import FilesystemStorage

        super().__init__(folder)
        logging.getLogger("kaizen").setLevel(logging.WARNING)
        self._loop = asyncio.new_event_loop()
        self._storage = FilesystemStorage(folder, compress=self.compress)

    def save(self, state: State) -> None:
        from kaizen.core.autonomy.state.types import AgentState

        others = {key: value for key, value in state.items() if key != "messages"}
        messages = state.get("messages", [])
        agent = AgentState(
            agent_id="bench", step_number=len(self.saved), conversation_history=messages,
            memory_contents=others,
        )  # fmt: skip
        self.saved.append(self._loop.run_until_complete(self._storage.save(agent)))

    def load(self, number: int) -> object:
        return self._loop.run_until_complete(self._storage.load(self.saved[number]))

    def settle(self) -> None:
        flush(self.folder / f"{self.saved[-1]}.jsonl{'.gz' if self.compress else ''}")


class KaizenPlain(Kaizen):
    """The same without compression."""

    name = "Kaizen plain"
    compress = False


def flush(path: Path) -> None:
    """Bring a file to the disk."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def installed() -> list[type[Entrant]]:
    """Return the peers that are here."""
    here: list[type[Entrant]] = [ZstdFiles, GzipFiles]
    if importlib.util.find_spec("langgraph.checkpoint.sqlite"):
        here.append(LangGraph)
    if importlib.util.find_spec("kaizen"):
        here.extend((Kaizen, KaizenPlain))
    return here
