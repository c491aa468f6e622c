"""Production starts with safe values only, and says in one sentence which one is not."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SAFE = {
    "HOLDFAST_ENV": "production",
    "HOLDFAST_SECRET_KEY": secrets.token_hex(32),
    "HOLDFAST_ALLOWED_HOSTS": "holdfast.example",
}


def manage(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in an empty folder with these variables and no other of Holdfast's."""
    inherited = {name: value for name, value in os.environ.items() if "HOLDFAST" not in name}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=folder,
        env={**inherited, "DJANGO_SETTINGS_MODULE": "dashboard.settings", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_production_sources_may_lie_on_public_servers_only(tmp_path: Path) -> None:
    show = "from django.conf import settings as s; print(*s.HOLDFAST_SOURCE_HOSTS)"

    assert manage(tmp_path, "shell", "-v0", "-c", show, **SAFE).stdout.split() == ["public"]


def test_three_variables_are_enough_for_production(tmp_path: Path) -> None:
    run = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **SAFE)

    assert run.returncode == 0, run.stderr
    assert "no issues (0 silenced)" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"HOLDFAST_SECRET_KEY": ""}, "HOLDFAST_SECRET_KEY"),
        ({"HOLDFAST_SECRET_KEY": "short"}, "HOLDFAST_SECRET_KEY"),
        ({"HOLDFAST_SECRET_KEY": "a" * 60}, "HOLDFAST_SECRET_KEY"),
        ({"HOLDFAST_ALLOWED_HOSTS": ""}, "HOLDFAST_ALLOWED_HOSTS"),
        ({"HOLDFAST_ALLOWED_HOSTS": "*"}, "HOLDFAST_ALLOWED_HOSTS"),
        ({"HOLDFAST_DEBUG": "1"}, "HOLDFAST_DEBUG"),
        ({"HOLDFAST_ENV": "prod"}, "HOLDFAST_ENV"),
        ({"HOLDFAST_PORT": "eighty"}, "HOLDFAST_PORT"),
        ({"HOLDFAST_DATABASE_URL": "mysql://u:s3cr3t@h/n"}, "HOLDFAST_DATABASE_URL"),
        ({"HOLDFAST_DATABASE_URL": "postgresql://u:s3cr3t@h:x/n"}, "HOLDFAST_DATABASE_URL"),
        ({"HOLDFAST_BROKER_URL": "carrier-pigeon://s3cr3t"}, "HOLDFAST_BROKER_URL"),
        ({"HOLDFAST_DATA_DIR": "/proc/nowhere"}, "HOLDFAST_DATA_DIR"),
        ({"HOLDFAST_CONFIG": "/nowhere.toml"}, "HOLDFAST_CONFIG"),
        ({"HOLDFAST_SOURCE_HOSTS": "10.0.0.0/99"}, "HOLDFAST_SOURCE_HOSTS"),
        ({"HOLDFAST_SOURCE_HOSTS": "*.example.com"}, "HOLDFAST_SOURCE_HOSTS"),
        ({"HOLDFAST_SOURCE_HOSTS": "db.example.com:5432"}, "HOLDFAST_SOURCE_HOSTS"),
        ({"HOLDFAST_CREDENTIALS_KEY": "a:s3cr3t"}, "HOLDFAST_CREDENTIALS_KEY"),
    ],
)
def test_a_wrong_value_stops_the_start_in_one_sentence(
    tmp_path: Path, changes: dict[str, str], named: str
) -> None:
    run = manage(tmp_path, "check", **{**SAFE, **changes})

    assert run.returncode != 0
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"holdfast: {named} ")
    assert "s3cr3t" not in line


def test_a_file_may_hold_the_values_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('port = 1234\nlog_level = "ERROR"\n')
    show = "from django.conf import settings as s; print(s.PORT, s.CONFIGURATION.log_level)"

    run = manage(
        tmp_path,
        "shell",
        "--no-imports",
        "-c",
        show,
        HOLDFAST_CONFIG="holdfast.toml",
        HOLDFAST_PORT="4321",
    )

    assert run.stdout.split() == ["4321", "ERROR"]


def test_a_setting_that_nobody_knows_is_named(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text("prot = 1234\n")

    run = manage(tmp_path, "check", HOLDFAST_CONFIG="holdfast.toml")

    assert "'prot'" in run.stderr


def test_development_makes_a_key_that_its_owner_alone_reads(tmp_path: Path) -> None:
    for _ in range(2):
        assert manage(tmp_path, "check").returncode == 0

    key = tmp_path / ".holdfast" / "secret_key"
    assert len(key.read_text()) >= 50
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_production_never_makes_its_own_key(tmp_path: Path) -> None:
    manage(tmp_path, "check", **SAFE)

    assert not (tmp_path / ".holdfast" / "secret_key").exists()


def test_sources_lie_in_the_data_folder_in_production(tmp_path: Path) -> None:
    show = "from django.conf import settings as s; print(*s.HOLDFAST_SOURCE_ROOTS)"

    run = manage(tmp_path, "shell", "--no-imports", "-c", show, **SAFE)

    assert run.stdout.strip() == str(tmp_path / ".holdfast")
