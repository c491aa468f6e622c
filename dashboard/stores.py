"""From a source's row to its opened store. Only services may call this."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

import checkpoints
from checkpoints.stores.urls import absolute_url, parse_url
from checkpoints.trash import StoreTrash
from dashboard.models import Source

SHOWN_CHARACTERS = 200


class SourceNotConnected(checkpoints.PermanentStoreError):
    """Agents report about this store, but no operator has said that it may be opened."""


class OutsideRoots(checkpoints.PermanentStoreError):
    """The store lies outside the folders that sources may lie in."""


@contextmanager
def open_source(source: Source) -> Iterator[checkpoints.ReadableStore]:
    """Open a source's store and close it again.

    Raises SourceNotConnected for a store that is only reported about, OutsideRoots, and what
    ``checkpoints.open_store`` raises.
    """
    if not source.connected:
        raise SourceNotConnected(
            "Agents only report about this store, so it was not opened. Connect it on the Sources "
            "page first."
        )
    store = open_url(source.url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_trash(source: Source) -> Iterator[checkpoints.Trash]:
    """Open the place where what was taken out of another framework's store waits to be swept.

    What comes out of one store is kept apart from what comes out of another.

    Raises StoreError.
    """
    store = checkpoints.open_native_store(settings.HOLDFAST_TRASH_URL)
    try:
        yield StoreTrash(store, source=hashlib.sha256(source.url.encode()).hexdigest())
    finally:
        store.close()


def open_url(url: str) -> checkpoints.ReadableStore:
    """Open a store that exists and lies where sources may lie.

    Raises PermanentStoreError also for a path that the system cannot follow.
    """
    try:
        check_place(url)
        return checkpoints.open_store(url, must_exist=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise checkpoints.PermanentStoreError(f"{_short(url)}: {reason}") from error
    except RuntimeError as error:
        raise checkpoints.PermanentStoreError(
            f"{_short(url)}: its symbolic links lead in a circle"
        ) from error


def _short(url: str) -> str:
    return url if len(url) <= SHOWN_CHARACTERS else f"{url[:SHOWN_CHARACTERS]}…"


def check_place(url: str) -> None:
    """Raise OutsideRoots when the settings do not let sources lie where ``url`` leads.

    Raises PermanentStoreError for a store that lives in the memory of another process.
    """
    parsed = parse_url(absolute_url(url))
    if parsed.scheme == "memory":
        raise checkpoints.PermanentStoreError(
            "A memory store lives inside one process; no other can read it. Let the agent save "
            "into a file to see its states here."
        )
    if parsed.server:
        raise checkpoints.PermanentStoreError(
            "This store lies on a server; this version of the dashboard opens stores on disk only. "
            "What its agents report is listed, and the command line can read and restore it."
        )
    roots = tuple(root.resolve() for root in settings.HOLDFAST_SOURCE_ROOTS)
    path = parsed.path
    if roots and not any(path.resolve().is_relative_to(root) for root in roots):
        raise OutsideRoots(
            f"{path} lies outside the folders that sources may lie in; it was not opened. An "
            "administrator can add its folder to HOLDFAST_SOURCE_ROOTS."
        )
