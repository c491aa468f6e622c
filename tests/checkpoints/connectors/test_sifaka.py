"""Reading the files that Sifaka's FileStorage wrote, whole and damaged."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.sifaka import SifakaStore, recognise
from checkpoints.records import Checkpoint, Finding, Status
from checkpoints.stores.urls import open_store

NATIVE = "61d8e98_filestorage/checkpoints.json"


@pytest.fixture
def sifaka(samples: Path) -> Path:
    return samples / "sifaka"


def kinds(store: SifakaStore) -> Counter[str]:
    return Counter(found.kind for found in store.verify())


def records(store: SifakaStore) -> list[Checkpoint]:
    return [
        record for thread in store.threads() for record in store.history(None, thread.thread_id)
    ]


def chain(*steps: str, name: str = "chain-1") -> dict[str, Any]:
    """Return what Sifaka's file holds of a chain that has taken these steps."""
    found: dict[str, Any] = {}
    for number, step in enumerate(steps):
        value = {
            "checkpoint_id": f"{name}-{number}",
            "chain_id": name,
            "timestamp": f"2026-11-21 06:14:{number:02}.000001",
            "current_step": step,
            "iteration": 1,
            "thought": {"text": step},
            "performance_data": {"total_time": 0.5, "slowest": [["a", 1]], "odd": float("inf")},
            "recovery_point": step,
            "completed_validators": ["Length"],
            "completed_critics": [],
            "metadata": {"model_name": "mock"},
        }
        found[f"checkpoint:{name}:{name}-{number}"] = value
        found[f"checkpoint:latest:{name}"] = value
    return found


def written(folder: Path, content: Any, *, name: str = "checkpoints.json") -> SifakaStore:
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    (folder / name).write_text(text)
    return SifakaStore(folder / name)


@pytest.mark.parametrize(
    ("place", "chains", "count"),
    [
        (NATIVE, 8, 40),
        ("61d8e98_filestorage", 8, 40),
        ("b370b34_filestorage", 8, 40),
        ("cdc1946_inmemory", 12, 72),
    ],
)
def test_every_chain_is_listed_once_and_whole(
    sifaka: Path, place: str, chains: int, count: int
) -> None:
    store = SifakaStore(sifaka / place)
    assert len(list(store.threads())) == chains
    found = records(store)
    assert len(found) == len({record.id for record in found}) == count
    assert all(store.load(record)["checkpoint_id"] == record.id for record in found)
    assert list(store.verify()) == []


def test_a_chain_is_a_lineage_by_its_times(sifaka: Path) -> None:
    store = SifakaStore(sifaka / "cdc1946_inmemory")
    newest, *_ = history = store.history(None, "0d299163-b533-4df1-9026-7edd20f4819a")
    assert [record.step_name for record in reversed(history)] == [
        "initialization",
        "initialization",
        "generation",
        "pre_validation",
        "validation",
        "pre_criticism",
        "criticism",
        "complete",
    ]
    assert [record.step for record in history] == list(range(8, 0, -1))
    assert [record.parent_id for record in history] == [*(r.id for r in history[1:]), None]
    assert newest.status is Status.COMPLETED
    assert newest.metrics["total_operations"] > 0
    assert newest.metadata["recovery_point"] == "complete"
    head = store.head(None, newest.thread_id)
    assert head is not None
    assert head.checkpoint_id == newest.id


def test_what_is_stored_is_given_as_it_stands(sifaka: Path) -> None:
    store = SifakaStore(sifaka / NATIVE)
    content = (sifaka / NATIVE).read_bytes()
    for record in records(store):
        assert store.raw(record) in content
        assert json.loads(store.raw(record)) == store.load(record)


def test_times_are_read_as_utc_unless_a_zone_is_named(tmp_path: Path) -> None:
    written(tmp_path, chain("generation"))
    url = f"sifaka:///{tmp_path}/checkpoints.json"
    [plain] = open_store(url).history(None, "chain-1")
    [told] = open_store(f"{url}?tz=Europe/Berlin").history(None, "chain-1")
    assert plain.created_at == datetime(2026, 11, 21, 6, 14, 0, 1, tzinfo=UTC)
    assert told.created_at == datetime(2026, 11, 21, 5, 14, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\x01"])
def test_a_zone_that_is_none_is_refused(tmp_path: Path, zone: str) -> None:
    written(tmp_path, chain("generation"))
    with pytest.raises(checkpoints.PermanentStoreError, match="no time zone"):
        SifakaStore(tmp_path, zone=zone)


def test_the_agent_is_named_by_the_url_the_folder_or_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "writers"
    folder.mkdir()
    written(folder, chain("generation"))
    url = f"sifaka:///{folder}/checkpoints.json"
    named = {
        open_store(f"{url}{option}").history(None, "chain-1")[0].agent_id
        for option in ("", "?agent=essays")
    }
    assert named == {"writers", "essays"}


def test_of_a_truncated_file_what_is_left_is_shown_and_the_loss_is_named(sifaka: Path) -> None:
    store = SifakaStore(sifaka / "corrupt" / "checkpoints_truncated.json")
    whole = SifakaStore(sifaka / NATIVE)
    assert {r.id for r in records(store)} == {r.id for r in records(whole)}
    assert all(store.load(record) == whole.load(record) for record in records(store))
    assert kinds(store) == {"truncated": 1, "lost_history": 2}
    [told] = [f.message for f in store.verify() if "can still be read" in f.message]
    assert "40 checkpoints of 8 chains" in told


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.77, 0.999])
def test_a_file_cut_anywhere_gives_what_lies_before_the_cut(
    sifaka: Path, tmp_path: Path, share: float
) -> None:
    content = (sifaka / NATIVE).read_bytes()
    part = content[: int(len(content) * share)]
    (tmp_path / "checkpoints.json").write_bytes(part)
    store = SifakaStore(tmp_path / "checkpoints.json")
    found = records(store)
    assert all(store.raw(record) in part for record in found)
    assert len(found) >= part.count(b'    "recovery_point"') // 2 - 1
    assert kinds(store).keys() & {"truncated", "zero_length"}


def test_a_checkpoint_that_lacks_a_field_is_shown_and_named(sifaka: Path) -> None:
    store = SifakaStore(sifaka / "corrupt" / "checkpoints_missing_thought.json")
    [found] = list(store.verify())
    assert (found.kind, len(records(store))) == ("undecodable", 40)
    assert "lacks thought" in found.message


def test_an_empty_file_is_named(sifaka: Path) -> None:
    store = SifakaStore(sifaka / "corrupt" / "checkpoints_empty.json")
    assert (kinds(store), list(store.threads())) == ({"zero_length": 1}, [])


def test_a_chain_that_another_writer_ran_over_is_named(tmp_path: Path) -> None:
    content = chain("initialization", "generation", "complete")
    del content["checkpoint:chain-1:chain-1-2"]
    store = written(tmp_path, content)
    assert [record.id for record in records(store)] == ["chain-1-2", "chain-1-1", "chain-1-0"]
    [found] = list(store.verify())
    assert (found.kind, found.checkpoint_id) == ("lost_history", "chain-1-2")


def test_a_checkpoint_under_another_name_is_named(tmp_path: Path) -> None:
    content = chain("generation")
    content["checkpoint:chain-1:other"] = content["checkpoint:chain-1:chain-1-0"]
    assert kinds(written(tmp_path, content)) == {"wrong_id": 1, "duplicate_id": 1}


def test_a_time_that_lies_ahead_is_named(tmp_path: Path) -> None:
    content = chain("generation")
    for value in content.values():
        value["timestamp"] = "2999-01-01 00:00:00"
    assert kinds(written(tmp_path, content)) == {"future_id": 1}


def test_the_reason_against_each_act_names_the_command_that_imports(sifaka: Path) -> None:
    capabilities = SifakaStore(sifaka / NATIVE).capabilities
    for act in ("restore", "fork", "edit", "prune", "erase"):
        assert getattr(capabilities, act) is False
        assert "holdfast migrate sifaka:///" in capabilities.reasons[act]


def test_other_files_of_a_folder_are_left_alone(tmp_path: Path) -> None:
    written(tmp_path, chain("generation"))
    (tmp_path / "package.json").write_text('{"name": "app"}')
    (tmp_path / "notes.txt").write_text("checkpoint:")
    store = SifakaStore(tmp_path)
    assert (len(records(store)), list(store.verify())) == (1, [])


DEEP = '{"checkpoint:a:b": ' + "[" * 10_000 + "]" * 10_000 + "}"
MANY = '{"checkpoint:a:b": [' + "[]," * 1_966_000 + "[]]}"
ODD = [
    DEEP,
    MANY,
    "[]," * 1_966_000,
    '{"checkpoint:a:b": NaN}',
    '{"checkpoint:a:b": {"checkpoint_id": "b", "chain_id": "a", "iteration": ' + "9" * 5000 + "}}",
    '{"checkpoint:a:b": {"checkpoint_id": 7, "chain_id": ["x"]}}',
    '{"checkpoint:a:b": {"checkpoint_id": "\\ud800", "chain_id": "\\u0000"}}',
    '{"checkpoint:a:b": {}, "checkpoint:a:b": {}}} trailing',
    '{"checkpoint:a:b": ]]]}',
    '{"checkpoint:a:b" "c" : , }',
    "{" * 100,
    "\0" * 100,
    '{"checkpoint:' + "\\" * 100_000,
]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_no_content_does_harm(tmp_path: Path, text: str) -> None:
    for name in ("checkpoints.json", "checkpoints.jsonl"):
        store = written(tmp_path, text, name=name)
        for record in records(store):
            store.raw(record)
            with_state = record.damage is None
            assert not with_state or isinstance(store.load(record), dict)
        assert all(isinstance(found, Finding) for found in store.verify())
        store.changes(None)
        recognise(tmp_path / name)


def test_nan_is_shown_and_does_no_harm(tmp_path: Path) -> None:
    store = written(tmp_path, json.dumps(chain("generation")))
    [record] = records(store)
    assert record.metrics == {"total_time": 0.5}


def test_links_and_pipes_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    written(secret, chain("generation", name="secret"))
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder, chain("generation"))
    (folder / "linked.json").symlink_to(secret / "checkpoints.json")
    os.mkfifo(folder / "pipe.json")
    assert {thread.thread_id for thread in SifakaStore(folder).threads()} == {"chain-1"}
    for name in ("linked.json", "pipe.json"):
        assert recognise(folder / name) is None
        with pytest.raises(checkpoints.PermanentStoreError):
            SifakaStore(folder / name)


def test_reading_changes_nothing_and_imports_nothing(sifaka: Path) -> None:
    paths = [path for path in sifaka.rglob("*") if path.is_file()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
    list(SifakaStore(sifaka / NATIVE).verify())
    modules = set(sys.modules)
    for place in (NATIVE, "b370b34_filestorage", "cdc1946_inmemory", "corrupt"):
        store = SifakaStore(sifaka / place)
        for record in records(store):
            store.load(record)
        list(store.verify())
        store.changes(None)
    assert set(sys.modules) == modules
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths} == before


def test_new_checkpoints_of_a_file_are_listed_once(tmp_path: Path) -> None:
    store = written(tmp_path, chain("initialization"))
    page = store.changes(None)
    assert [record.id for record in page.checkpoints] == ["chain-1-0"]
    assert store.changes(page.cursor).checkpoints == ()
    written(tmp_path, chain("initialization", "generation"))
    again = store.changes(page.cursor)
    assert "chain-1-1" in {record.id for record in again.checkpoints}
    assert again.threads[0].head_id == "chain-1-1"
