"""LangGraph's SQLite checkpoints: ``langgraph+sqlite:///relative`` and ``:////absolute``."""

from checkpoints.connectors.langgraph_sqlite.recognising import recognise
from checkpoints.connectors.langgraph_sqlite.store import LangGraphSqliteStore
from checkpoints.stores.urls import StoreUrl

__all__ = ["LangGraphSqliteStore", "open_url", "recognise"]


def open_url(url: StoreUrl) -> LangGraphSqliteStore:
    """Open the file that a URL names. Raises PermanentStoreError, TransientStoreError."""
    return LangGraphSqliteStore(url.path, url=url.text)
