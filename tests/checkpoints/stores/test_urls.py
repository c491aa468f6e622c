"""A store has one canonical URL, however its place is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints.stores.urls import absolute_url, parse_url


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("sqlite:////data/a.db", "sqlite:////data/a.db"),
        ("SQLite:////data/a.db", "sqlite:////data/a.db"),
        ("sqlite://///data//b/.././a.db", "sqlite:////data/a.db"),
        ("sqlite:////data/%61%2Edb", "sqlite:////data/a.db"),
        ("file:////data/my store/", "file:////data/my%20store"),
        ("file:////data/my%20store", "file:////data/my%20store"),
        ("file:////data/m\u00fcsli%23", "file:////data/m%C3%BCsli%23"),
        ("kaizen:////data/k?agent=a/b c", "kaizen:////data/k?agent=a%2Fb%20c"),
        ("memory://", "memory://"),
        (
            "PostgreSQL://me:secret@db/agents?sslmode=require&schema=h",
            "postgresql://me@db/agents?schema=h&sslmode=require",
        ),
        ("s3://bucket//agents/", "s3://bucket/agents"),
        ("redis://:secret@localhost:6379/2", "redis://localhost:6379/2"),
    ],
)
def test_a_store_has_one_url_however_it_is_written(written: str, canonical: str) -> None:
    assert absolute_url(written) == canonical
    assert absolute_url(canonical) == canonical


def test_a_relative_path_is_that_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert parse_url(absolute_url("sqlite:///x/../a b.db")).path == tmp_path / "a b.db"


def test_a_symbolic_link_stays_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert parse_url(absolute_url(f"file:///{tmp_path}/link")).path == tmp_path / "link"
