"""Store URLs: three slashes and a relative path, four for an absolute one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from checkpoints.errors import PermanentStoreError
from checkpoints.stores.base import ReadableStore

FACTORIES: dict[str, str] = {
    "file": "checkpoints.stores.files",
    "kaizen": "checkpoints.connectors.kaizen",
    "langgraph+sqlite": "checkpoints.connectors.langgraph_sqlite",
    "memory": "checkpoints.stores.memory",
    "sqlite": "checkpoints.stores.sqlite",
}
"""Scheme to the module whose ``open_url`` opens it; imported when it is first needed."""


OPTIONS: dict[str, set[str]] = {"kaizen": {"agent"}}
"""Scheme to the names that may stand behind its question mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """A store URL taken apart. ``path`` is empty for stores without a place on disk."""

    text: str
    scheme: str
    path: Path
    query: dict[str, str] = field(default_factory=dict)


def parse_url(url: str) -> StoreUrl:
    """Take a store URL apart. Raises PermanentStoreError and says what is wrong with it."""
    if not url.isprintable():
        raise PermanentStoreError(f"{url!r} holds control characters; write them as %0A")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PermanentStoreError(f"{url!r} is not a store URL: {error}") from error
    if parts.scheme not in FACTORIES or not url.lower().startswith(f"{parts.scheme}://"):
        raise PermanentStoreError(
            f"{url!r} is not a store URL; it must begin with one of "
            + ", ".join(f"{scheme}:///" for scheme in sorted(FACTORIES))
        )
    if parts.netloc:
        raise PermanentStoreError(
            f"{url!r} has {parts.netloc!r} where a host would stand; write "
            f"{parts.scheme}:///{parts.netloc}{parts.path} for a relative path, "
            f"{parts.scheme}:////path for an absolute one"
        )
    path = Path(unquote(parts.path[1:])) if parts.path[1:] else Path()
    if parts.fragment:
        raise PermanentStoreError(f"{url!r} has a '#'; write %23 for one in a path")
    if "\0" in str(path):
        raise PermanentStoreError("a store URL must not hold a NUL character")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = query.keys() - OPTIONS.get(parts.scheme, set())
    if unknown:
        raise PermanentStoreError(f"{url!r} has an option that is not known: {min(unknown)}")
    return StoreUrl(text=url, scheme=parts.scheme, path=path, query=query)


def open_store(url: str, *, must_exist: bool = False) -> ReadableStore:
    """Open the store that ``url`` names. Holdfast's own are created by their first save.

    Raises PermanentStoreError when the URL is malformed, when what lies there is not such a
    store, or when ``must_exist`` and nothing lies there; TransientStoreError when it is busy.
    """
    parsed = parse_url(url)
    if parsed.path != Path():
        parsed = replace(parsed, path=parsed.path.absolute())
    if must_exist and parsed.path != Path() and not parsed.path.exists():
        raise PermanentStoreError(f"{parsed.path}: there is no store here; nothing was created")
    module = import_module(FACTORIES[parsed.scheme])
    store: ReadableStore = module.open_url(parsed)
    return store


def absolute_url(url: str) -> str:
    """Return the one form of a store's URL that any process can open: absolute and canonical.

    The scheme is in lower case, the path without ``.``, ``..`` and double slashes and quoted anew,
    options are in order. Symbolic links are not followed. Raises PermanentStoreError.
    """
    parsed = parse_url(url)
    options = urlencode(sorted(parsed.query.items()), safe="", quote_via=quote)
    behind = f"?{options}" if options else ""
    if parsed.path == Path():
        return f"{parsed.scheme}://{behind}"
    path = os.path.normpath(f"/{parsed.path.absolute()}").lstrip("/")
    return f"{parsed.scheme}:////{quote(os.fsencode(path))}{behind}"
