"""Fixtures that every test may use."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytest_plugins = ["tests.s3"]
if importlib.util.find_spec("psycopg"):
    pytest_plugins += ["tests.services"]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of stores written by other frameworks, labelled data and attack corpora."""
    folder = Path(os.environ.get("HOLDFAST_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"test data not found at {folder}; set HOLDFAST_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def samples(data_dir: Path) -> Path:
    """Real stores written by other frameworks. Read only: copy before writing."""
    return data_dir / "samples"


@pytest.fixture(scope="session", autouse=True)
def _audit_log_can_be_emptied() -> None:
    """Between two tests the database is emptied, the audit log too."""
    if importlib.util.find_spec("django"):
        from tests.flushing import allow_flush

        allow_flush()
