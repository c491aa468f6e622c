"""Database URLs as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.configuration import ConfigurationError
from dashboard.databases import database_settings

DEFAULT = Path("/data/dashboard.db")


def test_without_a_url_it_is_a_file_in_the_data_folder() -> None:
    assert database_settings("", default=DEFAULT)["NAME"] == "/data/dashboard.db"


def test_sqlite_writes_ahead_and_takes_its_lock_at_once() -> None:
    options = database_settings("sqlite:////srv/x.db", default=DEFAULT)["OPTIONS"]

    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_postgresql_uses_a_pool_and_its_password_may_hold_any_character() -> None:
    url = "postgresql://ada:p%40ss%2Fword@db.example:5433/holdfast?sslmode=require"

    found = database_settings(url, default=DEFAULT)

    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "ada",
        "p@ss/word",
        "db.example",
        "5433",
        "holdfast",
    )
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["OPTIONS"]["pool"]["max_size"] == 10


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "sqlite://", "sqlite:///", "postgresql://host", "postgresql://h:x/n"]
)
def test_anything_else_is_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HOLDFAST_DATABASE_URL"):
        database_settings(url, default=DEFAULT)
