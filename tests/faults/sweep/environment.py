"""Django for the sweep: the real models and services, over an index in memory."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django


def set_up(*, in_memory: bool = True) -> None:
    """Set Django up once for this process, with an empty index in memory or in a file."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    if in_memory:
        connection.settings_dict["NAME"] = ":memory:"
        connection.settings_dict["OPTIONS"]["init_command"] = "PRAGMA synchronous=OFF;"
    call_command("migrate", interactive=False, verbosity=0)
    if in_memory:
        _let_each_transaction_be_undone_alone()
    logging.disable(logging.CRITICAL)


def _let_each_transaction_be_undone_alone() -> None:
    """Within the transaction around a scenario, each one is to behave as if it were outermost."""
    from django.db.transaction import Atomic

    real = Atomic.__init__

    def saving(self: Atomic, using: str | None, savepoint: bool, durable: bool) -> None:
        real(self, using, True, durable)

    Atomic.__init__ = saving  # type: ignore[method-assign]
    _mark_quickly()


def _mark_quickly() -> None:
    """Set and leave savepoints without the detour over a cursor of Django's: there are many."""
    from django.db import connection

    wrapper: Any = connection

    def at(statement: str) -> Callable[[str], None]:
        return lambda sid: wrapper.connection.execute(f"{statement} {sid}")

    wrapper._savepoint = at("SAVEPOINT")
    wrapper._savepoint_commit = at("RELEASE SAVEPOINT")
    wrapper._savepoint_rollback = at("ROLLBACK TO SAVEPOINT")


def folder() -> Path:
    """Return a new folder, in memory where the system has such."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="holdfast-sweep-", dir=place))
