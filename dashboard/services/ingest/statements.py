"""Writing many rows with one prepared statement.

Django's ``bulk_create`` and ``bulk_update`` resolve an expression for each value of each row, which
took most of the time of a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.db import connection, models

from dashboard.models import Checkpoint


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
    found = Checkpoint.objects.filter(
        thread__in={row.thread_id for row in rows},
        checkpoint_id__in={row.checkpoint_id for row in rows},
    )
    keys = found.order_by().values_list("thread_id", "namespace", "checkpoint_id", "pk")
    pks = {(thread, namespace, name): pk for thread, namespace, name, pk in keys}
    for row in rows:
        row.pk = pks[row.thread_id, row.namespace, row.checkpoint_id]
        row._state.adding = False
