"""Scratch places: where a store of the same kind can be tried without touching what is there.

A store module may offer ``scratch_url(url) -> str``, a new place at each call, on the same disk or
server as ``url``, and ``remove_scratch(url) -> None``, which removes such a place whole. On disk
both have a default; for a server the place has one, and its removal must be offered.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from checkpoints.errors import PermanentStoreError
from checkpoints.stores.scratch import new_scratch_name
from checkpoints.stores.urls import StoreUrl, parse_url

FOLDER = ".holdfast-selftest-"
SETTLING = 0.25
"""Seconds after which an idle server has done what a killed process had still sent to it."""
SLOWLY = 5
"""A busy server is given so many times as long as the removal itself took."""
_OPTIONS = {"postgresql": "schema", "redis": "prefix", "rediss": "prefix"}
"""Scheme to the option that keeps stores on one server apart."""


@dataclass(slots=True)
class Scratch:
    """Makes scratch places beside a URL, and removes all that it made."""

    url: str
    _made: list[str] = field(default_factory=list)

    def place(self) -> str:
        """Return the URL of a new scratch place; nothing lies there yet."""
        made = scratch_url(self.url)
        self._made.append(made)
        folder = folder_of(made)
        if folder is not None:
            _make_folder(folder)
        return made

    def remove(self) -> None:
        """Remove everything that was made."""
        while self._made:
            _remove(self._made[-1])
            self._made.pop()


@contextmanager
def scratch_beside(url: str) -> Iterator[Scratch]:
    """Give scratch places and remove them in the end, however the block ends.

    Raises PermanentStoreError, before there is anything, where a place could not be removed.
    """
    _remover(parse_url(url))
    scratch = Scratch(url)
    try:
        yield scratch
    finally:
        scratch.remove()


def scratch_url(url: str) -> str:
    """Return the URL of a new place of the same kind, on the same disk or server as ``url``."""
    parsed = parse_url(url)
    offered = getattr(_module(parsed), "scratch_url", None)
    if offered is not None:
        return str(offered(url))
    if parsed.kind.is_server:
        return _on_server(parsed)
    if parsed.scheme == "memory":
        return url
    return _on_disk(parsed)


def folder_of(url: str) -> Path | None:
    """Return the folder that holds a scratch place and nothing else, None when it has none."""
    parent = parse_url(url).path.parent
    return parent if parent.name.startswith(FOLDER) else None


def _on_disk(parsed: StoreUrl) -> str:
    path = parsed.path.resolve()
    beside = next(folder for folder in path.parents if folder.is_dir())
    place = beside / f"{FOLDER}{token_hex(8)}" / (path.name or "store")
    options = f"?{urlencode(parsed.query)}" if parsed.query else ""
    return f"{parsed.scheme}:///{quote(str(place))}{options}"


def _on_server(parsed: StoreUrl) -> str:
    parts = urlsplit(parsed.text)
    name = new_scratch_name()
    if parsed.kind.is_bucket:
        return parts._replace(path=f"{parts.path.rstrip('/')}/{name}").geturl()
    option = _OPTIONS[parsed.scheme]
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), option: name}
    return parts._replace(query=urlencode(query)).geturl()


def _module(parsed: StoreUrl) -> object:
    return parsed.kind.load()


def _remove(url: str) -> None:
    parsed = parse_url(url)
    remover = _remover(parsed)
    began = time.monotonic()
    remover(url)
    if parsed.server:
        time.sleep(max(SETTLING, SLOWLY * (time.monotonic() - began)))
        remover(url)


def _remover(parsed: StoreUrl) -> Callable[[str], None]:
    offered: Callable[[str], None] | None = getattr(_module(parsed), "remove_scratch", None)
    if offered is not None:
        return offered
    if parsed.kind.is_server:
        raise PermanentStoreError(
            f"{parsed.scheme}:// cannot remove a scratch place, so none was made and nothing was "
            "tried"
        )
    return _remove_folder


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise PermanentStoreError(
            f"{folder.parent}: no scratch place can be made here: {error.strerror}; nothing was "
            "tried"
        ) from error


def _remove_folder(url: str) -> None:
    folder = folder_of(url)
    if folder is None:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise PermanentStoreError(f"{folder} could not be removed; remove it yourself")
