"""Which kinds of store there are: Holdfast's own, other frameworks', and those plugged in.

A package plugs a connector in by an entry point of the group ``holdfast.connectors`` that names a
:class:`Scheme`. docs/guides/adding-a-connector.md walks through one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

GROUP = "holdfast.connectors"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One kind of store: what its URLs begin with, and the module that opens them.

    The module has ``open_url(url: StoreUrl) -> ReadableStore`` and is imported when a store is
    first opened. It may have ``recognise(path: Path) -> str | None``, which says by what it knows
    a store of its kind on disk, in a few words, without writing or reading much; for servers
    ``recognise_server(url: StoreUrl) -> str | None``.

    ``title`` is for people. ``is_server`` is for URLs that name a server or, with ``is_bucket``, a
    bucket: ``scheme://[user[:password]@]host/path``. ``options`` may stand behind their question
    mark. ``is_native`` is true of stores that agents save into through Holdfast.
    """

    name: str
    title: str
    module: str
    options: frozenset[str] = frozenset()
    is_server: bool = False
    is_bucket: bool = False
    is_native: bool = False

    def load(self) -> ModuleType:
        """Import the module. Raises ImportError."""
        return import_module(self.module)


def _bucket(name: str, title: str, *options: str) -> Scheme:
    return Scheme(
        name=name,
        title=title,
        module="checkpoints.stores.objects.store",
        options=frozenset({"timeout", *options}),
        is_server=True,
        is_bucket=True,
        is_native=True,
    )


def _redis(name: str, title: str) -> Scheme:
    return Scheme(
        name=name,
        title=title,
        module="checkpoints.stores.redis.store",
        options=frozenset({"prefix", "ttl"}),
        is_server=True,
        is_native=True,
    )


_BUILT_IN = (
    Scheme(
        name="agent-framework",
        title="Microsoft Agent Framework",
        module="checkpoints.connectors.agent_framework",
        options=frozenset({"agent"}),
    ),
    _bucket("az", "Holdfast on Azure Blob Storage"),
    Scheme(
        name="crewai",
        title="CrewAI",
        module="checkpoints.connectors.crewai",
        options=frozenset({"agent"}),
    ),
    Scheme(name="dreamos", title="DreamOS", module="checkpoints.connectors.dreamos"),
    Scheme(
        name="file",
        title="Holdfast in a folder",
        module="checkpoints.stores.folder.store",
        options=frozenset({"format"}),
        is_native=True,
    ),
    _bucket("gs", "Holdfast on Google Cloud Storage"),
    Scheme(
        name="kaizen",
        title="Kaizen",
        module="checkpoints.connectors.kaizen",
        options=frozenset({"agent"}),
    ),
    Scheme(
        name="langgraph+postgresql",
        title="LangGraph on PostgreSQL",
        module="checkpoints.connectors.langgraph_postgresql",
        options=frozenset({"schema", "sslmode", "sslrootcert"}),
        is_server=True,
    ),
    Scheme(
        name="langgraph+sqlite",
        title="LangGraph on SQLite",
        module="checkpoints.connectors.langgraph_sqlite",
    ),
    Scheme(
        name="memory",
        title="Holdfast in memory",
        module="checkpoints.stores.memory",
        is_native=True,
    ),
    Scheme(
        name="postgresql",
        title="Holdfast on PostgreSQL",
        module="checkpoints.stores.postgresql.store",
        options=frozenset({"schema", "sslmode", "sslrootcert"}),
        is_server=True,
        is_native=True,
    ),
    _redis("redis", "Holdfast on Redis"),
    _redis("rediss", "Holdfast on Redis with TLS"),
    _bucket("s3", "Holdfast on S3", "endpoint", "region"),
    Scheme(
        name="sifaka",
        title="Sifaka",
        module="checkpoints.connectors.sifaka",
        options=frozenset({"agent", "tz"}),
    ),
    Scheme(
        name="sqlite",
        title="Holdfast on SQLite",
        module="checkpoints.stores.sqlite.store",
        is_native=True,
    ),
)
_BY_NAME = {scheme.name: scheme for scheme in _BUILT_IN}


def find_scheme(name: str) -> Scheme | None:
    """Return a kind of store by what its URLs begin with; Holdfast's own name wins."""
    return _BY_NAME.get(name) or _plugged_in().get(name)


def schemes() -> dict[str, Scheme]:
    """Return every kind of store, in the order of the names."""
    found = {**_plugged_in(), **_BY_NAME}
    return dict(sorted(found.items()))


@cache
def _plugged_in() -> dict[str, Scheme]:
    found = (_loaded(entry) for entry in entry_points(group=GROUP))
    return {scheme.name: scheme for scheme in found if scheme is not None}


def _loaded(entry: EntryPoint) -> Scheme | None:
    """Return what an entry point names; one that is broken must not take the others with it."""
    try:
        scheme = entry.load()
    except Exception:
        _logger.exception("the connector %s could not be loaded; it is left out", entry.value)
        return None
    if not isinstance(scheme, Scheme) or scheme.name in _BY_NAME:
        _logger.error("the connector %s is left out: no Scheme, or a taken name", entry.value)
        return None
    return scheme
