"""What the tables of a PostgreSQL store take up."""

from __future__ import annotations

from checkpoints.stores.postgresql.schema import TABLES
from checkpoints.stores.sql.rows import Db

_NAMES = ", ".join(f"'{name}'" for name in TABLES)
_TAKEN = (
    "SELECT sum(pg_total_relation_size(to_regclass(name))) "
    f"FROM unnest(ARRAY[{_NAMES}]) AS tables (name)"
)


def taken(db: Db) -> int:
    """Return the bytes of the store's tables and of all that belongs to them."""
    (found,) = db.execute(_TAKEN).fetchone()
    return int(found or 0)
