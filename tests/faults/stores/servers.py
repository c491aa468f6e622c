"""What a server goes on doing for a client that was killed."""

from __future__ import annotations

import time

OTHERS_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
PATIENCE_SECONDS = 30.0


def wait_for_server(url: str) -> None:
    """Wait until PostgreSQL has ended the sessions of killed clients.

    A session whose client died while it committed commits all the same, a moment later. The other
    kinds of store either end with their process or answer in the order of asking.
    """
    if url.startswith("postgresql"):
        import psycopg

        deadline = time.monotonic() + PATIENCE_SECONDS
        with psycopg.connect(url, autocommit=True) as connection:
            while sessions(connection.execute(OTHERS_AT_WORK).fetchone()):
                assert time.monotonic() < deadline, "sessions of killed clients do not end"
                time.sleep(0.01)


def sessions(row: tuple[int] | None) -> int:
    assert row is not None
    return row[0]
