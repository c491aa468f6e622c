"""What Kaizen's folders take up, by field and as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore


def test_fields_add_up_to_the_states_as_json(samples: Path) -> None:
    store = KaizenStore(samples / "kaizen" / "flat")
    records = store.history("research_agent", "main")
    states = [store.load(record) for record in records]
    whole = sum(
        len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        for state in states
        for value in state.values()
    )
    sizes = list(store.field_sizes("research_agent", "main"))
    assert sum(one.size for one in sizes) == whole
    assert [one.size for one in sizes] == sorted((one.size for one in sizes), reverse=True)


def test_the_folder_takes_what_its_files_take(samples: Path) -> None:
    folder = samples / "kaizen" / "flat"
    files = [path for path in folder.rglob("*") if path.is_file() and "jsonl" in path.name]
    assert KaizenStore(folder).space().stored == sum(path.stat().st_size for path in files)


def test_what_an_interrupted_save_left_is_orphaned(tmp_path: Path) -> None:
    (tmp_path / "ckpt_1.jsonl.tmp").write_bytes(b"x" * 100)
    space = KaizenStore(tmp_path).space()
    assert (space.stored, space.orphaned) == (100, 100)


def test_fields_of_an_unknown_agent_are_refused(samples: Path) -> None:
    with pytest.raises(checkpoints.CheckpointNotFound):
        list(KaizenStore(samples / "kaizen" / "flat").field_sizes("nobody", "main"))
