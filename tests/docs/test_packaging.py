"""What is shipped: the wheel, the locks, the image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    environment = {**os.environ, "HATCH_BUILD_LOCATION": str(folder)}
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def _files(folder: str) -> set[str]:
    found = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT / folder)) for path in found if path.name[0] != "."}


@pytest.mark.parametrize("folder", ["templates", "static"])
def test_the_wheel_holds_every_template_and_static_file(
    wheel: zipfile.ZipFile, folder: str
) -> None:
    prefix = f"dashboard/_{folder}/"
    held = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}
    assert held == _files(folder)


def test_the_sdk_alone_brings_no_django(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    needs = Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist", [])
    always = {re.split(r"[^\w-]", need)[0] for need in needs if "extra ==" not in need}
    assert always == {
        "httpx",
        "orjson",
        "ormsgpack",
        "rich",
        "stamina",
        "typer",
        "xxhash",
        "zstandard",
    }


def test_the_wheel_holds_the_dictionary_of_the_frames(wheel: zipfile.ZipFile) -> None:
    held = wheel.read("checkpoints/bodies/dictionary-1.zdict")
    assert held == (ROOT / "checkpoints/bodies/dictionary-1.zdict").read_bytes()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_version_has_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_runtime_lock_has_every_dependency() -> None:
    locked = set(
        re.findall(r"^([a-z0-9-]+)", (ROOT / "requirements/runtime.txt").read_text(), re.M)
    )
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dashboard"]]
    assert {re.split(r"[^\w-]", need)[0] for need in needed} <= locked


def test_the_image_is_built_from_files_that_are_sent_to_the_engine() -> None:
    copies = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    for name in " ".join(copies).split():
        assert (ROOT / name).exists()
        assert f"!{name}" in sent


def test_compose_names_the_image_by_this_version() -> None:
    assert f"image: holdfast:{PROJECT['version']}\n" in (ROOT / "compose.yaml").read_text()


def test_a_python_that_is_too_old_is_refused_with_one_sentence(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    done = subprocess.run(
        [make, "install", "PYTHON=no-such-python"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Holdfast needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()
