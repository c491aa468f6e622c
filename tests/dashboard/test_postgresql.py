"""What must hold on PostgreSQL too: the same tests, run against it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "tests",
    [
        "tests/dashboard/services/ingest",
        "tests/dashboard/api/test_reports.py",
        "tests/dashboard/api/test_hostile_reports.py",
        "tests/dashboard/services/test_scans.py",
        "tests/dashboard/services/operations",
        "tests/dashboard/services/retention",
        "tests/dashboard/services/storage",
        "tests/dashboard/selectors/test_storage_growth.py",
        "tests/dashboard/selectors/test_queries.py",
        "tests/dashboard/selectors/test_retention_counts.py",
        "tests/dashboard/services/audit",
        "tests/dashboard/services/drift",
        "tests/dashboard/services/test_projects_apart.py",
        "tests/dashboard/migrations",
    ],
)
def test_the_same_tests_pass_on_postgresql(postgresql_url: str, tests: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "HOLDFAST_DATABASE_URL": postgresql_url}

    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout[-3000:]
