"""Folders that others write into: nothing outside is opened, and little is kept in memory."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.agent_framework import AgentFrameworkStore
from checkpoints.connectors.documents.folder import Folder, read_in
from checkpoints.connectors.dreamos import DreamosStore
from checkpoints.connectors.kaizen import KaizenStore
from tests.checkpoints.connectors.folders import copied, files

_OPENED: list[str] = []
_HOOKS: list[bool] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _HOOKS and _HOOKS[-1] and event == "open":
        _OPENED.append(os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else "")


@contextmanager
def opens() -> Iterator[list[str]]:
    """Give the paths of everything that is opened meanwhile."""
    if not _HOOKS:
        sys.addaudithook(_note)
    _OPENED.clear()
    _HOOKS.append(True)
    try:
        yield _OPENED
    finally:
        _HOOKS.append(False)


@pytest.fixture(scope="session")
def payloads(data_dir: Path) -> list[str]:
    """Lines by which others were led out of their folders, and names that make trouble."""
    lines: list[str] = []
    with tarfile.open(data_dir / "security" / "payloads.tar.gz") as members:
        for member in members:
            file = members.extractfile(member) if "travers" in member.name.lower() else None
            if file:
                lines += file.read().decode("utf-8", "surrogateescape").splitlines()
    assert len(lines) > 100
    return lines[:: max(1, len(lines) // 400)]


@pytest.mark.parametrize("kind", [AgentFrameworkStore, DreamosStore])
def test_no_name_opens_anything_outside_the_folder(
    samples: Path, tmp_path: Path, payloads: list[str], kind: Any
) -> None:
    source = "agent_framework" if kind is AgentFrameworkStore else "dreamos/default_retention"
    root = copied(samples / source, tmp_path / "root")
    store = kind(root)
    record = store.history(None, next(iter(store.threads())).thread_id)[0]
    plan = store.plan_restore(record)
    before = files(tmp_path)
    with opens() as opened:
        for name in payloads:
            _try_everything(store, record, plan, name)
    inside = {str(store.path), str(root)}
    assert {path for path in opened if path not in inside and "/" in path} == set()
    assert ".." not in opened
    assert files(tmp_path) == before


def _try_everything(store: Any, record: checkpoints.Checkpoint, plan: Any, name: str) -> None:
    forged = replace(record, id=name)
    now = datetime.now(UTC)
    refused = (checkpoints.CheckpointNotFound, checkpoints.PlanRefused)
    acts: tuple[Callable[[], Any], ...] = (
        lambda: store.get(name),
        lambda: store.load(forged),
        lambda: store.raw(forged),
        lambda: store.history(None, name),
        lambda: store.restore(
            plan, written_ids=(f"../{name}",), operation_id="op", reason="r", now=now
        ),
    )
    for act in acts:
        with pytest.raises(refused):
            act()
    with suppress(*refused):
        store.plan_fork(record, thread_id=name)


@pytest.mark.parametrize("place", ["..", "a/..", "../x", "/etc", "a/../../x"])
def test_no_subfolder_leads_out(tmp_path: Path, place: str) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    folder = Folder(tmp_path / "root")
    with pytest.raises(checkpoints.PermanentStoreError, match="leads out"), folder.opened(place):
        raise AssertionError("it was opened")


def test_a_link_in_the_middle_of_a_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside" / "b").mkdir(parents=True)
    (tmp_path / "root" / "a").symlink_to(tmp_path / "outside")
    with (
        pytest.raises(OSError, match="Not a directory|Too many"),
        Folder(tmp_path / "root").opened("a/b"),
    ):
        raise AssertionError("it was opened")


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 2), (2, 3)])
def test_so_many_levels_are_read_as_are_asked_for(tmp_path: Path, depth: int, count: int) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for folder in (tmp_path, deep.parent, deep):
        (folder / "file").touch()
    places = [entry.place for entry in Folder(tmp_path, depth=depth).entries()]
    assert places == ["file", "a/file", "a/b/file"][:count]


def test_a_folder_that_goes_while_it_is_walked_hides_no_other(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    walked = Folder(tmp_path).entries()
    first = next(walked).place
    shutil.rmtree(tmp_path / "b")
    assert [first, *(entry.place for entry in walked)] == ["a/file", "c/file"]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (AgentFrameworkStore, "agent_framework"),
        (DreamosStore, "dreamos/default_retention"),
        (KaizenStore, "kaizen/flat"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding_and_hides_no_other(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, source: str
) -> None:
    root = copied(samples / source, tmp_path / "root")
    whole = kind(root).changes(None).checkpoints
    bad = whole[3].metadata["file"]

    def failing(directory: int, name: str, limit: int) -> Any:
        if name == bad:
            raise OSError(5, "Input/output error")
        return read_in(directory, name, limit)

    monkeypatch.setattr("checkpoints.connectors.documents.folder.read_in", failing)
    changes = kind(root).changes(None)
    assert len(changes.checkpoints) == len(whole) - 1
    kinds = {finding.kind: finding.message for finding in changes.findings}
    assert "Input/output error" in kinds["unreadable_file"]


def test_states_are_not_kept(tmp_path: Path) -> None:
    for number in range(60):
        document = {
            "workflow_name": "w",
            "graph_signature_hash": "g",
            "checkpoint_id": f"c{number}",
            "timestamp": f"2026-01-01T00:00:{number:02}+00:00",
            "state": {"text": "x" * 400_000},
        }
        (tmp_path / f"c{number}.json").write_text(json.dumps(document))
    store = AgentFrameworkStore(tmp_path)
    tracemalloc.start()
    list(store.threads())
    list(store.verify())
    store.changes(None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
