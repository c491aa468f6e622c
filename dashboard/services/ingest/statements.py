"""Writing many rows with one prepared statement, and finding many by their names.

Django's ``bulk_create`` and ``bulk_update`` resolve an expression for each value of each row, which
took most of the time of a scan. Its ``a__in=…, b__in=…`` lets SQLite read all rows with one of the
``a``, however many those are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any, Final, TypeVar

from django.db import connection, models

from dashboard.models import Checkpoint

KEY: Final = ("thread", "namespace", "checkpoint_id")
"""What names a row of a checkpoint."""
_AT_ONCE: Final = 500
_Row = TypeVar("_Row", bound=models.Model)


def find(
    model: type[_Row], names: Sequence[str], keys: Iterable[tuple[Any, ...]]
) -> Iterator[_Row]:
    """Yield the rows whose fields, on which there must be an index, have these values together."""
    fields = [model._meta.get_field(name) for name in names]
    for some in _batches(keys):
        sql = _finding(model, fields, len(some), "r.*")
        yield from model._default_manager.raw(sql, [*chain(*some)])


def key_of(row: Checkpoint) -> tuple[int, str, str]:
    """Return what names a row."""
    return row.thread_id, row.namespace, row.checkpoint_id


def _batches(keys: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    left = iter(keys)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _finding(model: type[models.Model], fields: Sequence[Any], count: int, columns: str) -> str:
    wanted = ", ".join(f"w{number}" for number, _ in enumerate(fields))
    values = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * count)
    same = " AND ".join(f"r.{_column(f)} = wanted.w{n}" for n, f in enumerate(fields))
    return (
        f"WITH wanted({wanted}) AS (VALUES {values})"
        f" SELECT {columns} FROM wanted JOIN {_table(model)} r ON {same}"
    )


def insert_checkpoints(rows: Sequence[Checkpoint]) -> None:
    """Insert rows whose threads are locked, and give them their primary keys."""
    if not rows:
        return
    fields = [field for field in _fields(Checkpoint) if not field.primary_key]
    columns, marks = ", ".join(map(_column, fields)), ", ".join(["%s"] * len(fields))
    _run(f"INSERT INTO {_table(Checkpoint)} ({columns}) VALUES ({marks})", fields, rows)
    _name(rows)


def update(model: type[models.Model], rows: Iterable[Any], names: Iterable[str]) -> None:
    """Save fields of rows that are there; each row is written by its primary key."""
    given = list(rows)
    if not given:
        return
    changed = [model._meta.get_field(name) for name in names]
    assignments = ", ".join(f"{_column(field)} = %s" for field in changed)
    key = model._meta.pk
    sql = f"UPDATE {_table(model)} SET {assignments} WHERE {_column(key)} = %s"
    _run(sql, [*changed, key], given)


def _run(sql: str, fields: Sequence[Any], rows: Iterable[Any]) -> None:
    takers = [(field.attname, _taker(field)) for field in fields]
    values = [[take(getattr(row, name)) for name, take in takers] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


def _fields(model: type[models.Model]) -> Sequence[Any]:
    return model._meta.concrete_fields


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Any) -> str:
    return connection.ops.quote_name(field.column)


def _taker(field: Any) -> Callable[[Any], Any]:
    """Return what makes a field's value one that the database's driver takes."""
    if isinstance(field, models.JSONField | models.DateTimeField):
        return partial(field.get_db_prep_save, connection=connection)
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _name(rows: Sequence[Checkpoint]) -> None:
    fields = [Checkpoint._meta.get_field(name) for name in (*KEY, "id")]
    columns = ", ".join(f"r.{_column(field)}" for field in fields)
    pks: dict[tuple[Any, ...], int] = {}
    with connection.cursor() as cursor:
        for some in _batches(map(key_of, rows)):
            sql = _finding(Checkpoint, fields[:-1], len(some), columns)
            cursor.execute(sql, [*chain(*some)])
            pks |= {(thread, space, name): pk for thread, space, name, pk in cursor.fetchall()}
    for row in rows:
        row.pk = pks[key_of(row)]
        row._state.adding = False
