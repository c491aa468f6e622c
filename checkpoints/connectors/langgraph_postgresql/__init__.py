"""LangGraph's checkpoints in PostgreSQL: ``langgraph+postgresql://user@host:port/database``."""

from checkpoints.errors import PermanentStoreError
from checkpoints.stores.urls import StoreUrl

try:
    from checkpoints.connectors.langgraph_postgresql.store import (
        LangGraphPostgresqlStore,
        recognise_server,
    )
except ImportError as error:
    raise PermanentStoreError(
        "LangGraph's tables in PostgreSQL need psycopg; install it with: "
        "pip install 'holdfast[postgresql]'"
    ) from error

__all__ = ["LangGraphPostgresqlStore", "open_url", "recognise_server"]


def open_url(url: StoreUrl) -> LangGraphPostgresqlStore:
    """Open the database that a URL names. Raises PermanentStoreError, TransientStoreError."""
    return LangGraphPostgresqlStore(url)
