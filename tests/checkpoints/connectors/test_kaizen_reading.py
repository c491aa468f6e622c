"""Reading the folders that Kaizen's FilesystemStorage wrote."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.connectors.kaizen.bodies import MAX_BYTES
from checkpoints.records import Status
from checkpoints.stores.urls import open_store


@pytest.fixture
def kaizen(samples: Path) -> Callable[[str], KaizenStore]:
    return lambda name: KaizenStore(samples / "kaizen" / name)


@pytest.fixture
def copy(samples: Path, tmp_path: Path) -> Path:
    target = tmp_path / "folder"
    shutil.copytree(samples / "kaizen" / "flat", target, copy_function=shutil.copyfile)
    target.chmod(0o755)
    return target


def test_lists_the_flat_layout(kaizen: Callable[[str], KaizenStore]) -> None:
    store = kaizen("flat")
    assert len(store.changes(None).checkpoints) == 69
    assert {t.agent_id: t.checkpoints for t in store.threads()} == {
        "research_agent": 25,
        "etl_agent": 31,
        "flat": 13,
    }
    assert list(store.verify()) == []


def test_every_listed_state_loads_with_all_its_fields(
    kaizen: Callable[[str], KaizenStore],
) -> None:
    store = kaizen("flat")
    for record in store.history(None, "main"):
        state = store.load(record)
        assert len(state) == 24
        assert state["checkpoint_id"] == record.id
        assert state["step_number"] == record.step


def test_each_line_of_the_documented_layout_is_a_checkpoint(
    kaizen: Callable[[str], KaizenStore],
) -> None:
    store = kaizen("documented_layout")
    records = store.history(None, "main")
    assert len(records) == 20
    assert all(store.load(record)["checkpoint_id"] == record.id for record in records)


def test_states_of_older_versions_have_fewer_fields(
    kaizen: Callable[[str], KaizenStore],
) -> None:
    store = kaizen("v1.0.0_22fields")
    records = store.history(None, "main")
    assert len(records) == 30
    assert {len(store.load(record)) for record in records} == {22}
    assert list(store.verify()) == []


@pytest.mark.parametrize(
    ("stem", "kind"),
    [
        ("ckpt_bitflip0000", "unloadable"),
        ("ckpt_bitflipgz00", "undecodable"),
        ("ckpt_futurefield", "unknown_field"),
        ("ckpt_naivetime00", "naive_time"),
        ("ckpt_nulbytes000", "undecodable"),
        ("ckpt_truncated00", "truncated"),
        ("ckpt_truncgz0000", "truncated"),
        ("ckpt_twolines000", "second_line"),
        ("ckpt_zerolength0", "zero_length"),
    ],
)
def test_each_kind_of_damage_is_named(
    kaizen: Callable[[str], KaizenStore], stem: str, kind: str
) -> None:
    found = {(f.checkpoint_id, f.kind) for f in kaizen("corrupt").verify()}
    assert (stem, kind) in found


def test_a_temporary_file_that_was_left_is_reported(
    kaizen: Callable[[str], KaizenStore],
) -> None:
    messages = [f.message for f in kaizen("corrupt").verify() if f.kind == "leftover_file"]
    assert messages == ["tmpa1b2c3d4.tmp was left by a save that was interrupted"]


def test_damaged_files_do_not_hide_the_others(copy: Path, samples: Path) -> None:
    for path in (samples / "kaizen" / "corrupt").iterdir():
        shutil.copyfile(path, copy / path.name)
    store = KaizenStore(copy)
    changes = store.changes(None)
    assert sum(record.damage is None for record in changes.checkpoints) == 69
    assert len(changes.findings) >= 9


def written(folder: Path, **parents: str | None) -> KaizenStore:
    """Write states of one agent in the order given, each with its parent."""
    for number, (name, parent) in enumerate(parents.items()):
        state = {
            "checkpoint_id": name,
            "agent_id": "worker",
            "timestamp": f"2026-01-01T12:{number:02}:00+00:00",
            "step_number": number,
            "status": "running",
            "parent_checkpoint_id": parent,
        }
        (folder / f"{name}.jsonl").write_text(json.dumps(state))
    return KaizenStore(folder)


def missing_parents(store: KaizenStore) -> list[str]:
    return [found.message for found in store.verify() if found.kind == "missing_parent"]


def test_the_end_that_retention_leaves_is_no_finding(tmp_path: Path) -> None:
    assert missing_parents(written(tmp_path, b="a", c="b", d="c")) == []


def test_the_holes_of_an_agents_lineage_are_one_finding(tmp_path: Path) -> None:
    [message] = missing_parents(written(tmp_path, a=None, c="b", d="c", f="e", h="g"))
    assert message == (
        "c.jsonl: its parent b is gone, and so are those of 2 later ones: pruned, or lost"
    )


def test_a_branch_point_that_is_gone_is_found_at_each_branch(tmp_path: Path) -> None:
    messages = missing_parents(written(tmp_path, b="a", c="a"))
    assert messages == [f"{name}.jsonl: a, at which it branched off, is gone" for name in "bc"]


@pytest.mark.parametrize("name", ["encrypted", "encrypted_compressed_UNLOADABLE_BY_KAIZEN"])
def test_encrypted_states_are_shown_as_such(
    kaizen: Callable[[str], KaizenStore], name: str
) -> None:
    store = kaizen(name)
    records = store.history(None, "main")
    assert len(records) == 5
    assert all("encrypted" in (record.damage or "") for record in records)
    with pytest.raises(checkpoints.PermanentStoreError, match="encrypted"):
        store.load(records[0])


def test_the_last_line_of_a_cycle_file_counts(tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"cycle": n, "state": {"n": n}, "plan": []} for n in (1, 2, 3)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "checkpoint_cycle_003.jsonl").write_text(text)
    store = KaizenStore(tmp_path)
    [record] = store.history(None, "main")
    assert (record.id, record.step) == ("checkpoint_cycle_003", 3)
    assert store.load(record)["state"] == {"n": 3}


def test_of_one_id_plain_and_gzipped_the_one_that_kaizen_loads_is_listed(
    copy: Path,
) -> None:
    plain = next(copy.glob("*.jsonl"))
    (copy / f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    store = KaizenStore(copy)
    assert store.get(plain.stem).metadata["file"] == f"{plain.name}.gz"
    records = {record.id: record for record in store.changes(None).checkpoints}
    assert records[plain.stem].metadata["file"] == f"{plain.name}.gz"
    assert len(records) == 69
    assert [f.checkpoint_id for f in store.verify() if f.kind == "duplicate_id"] == [plain.stem]


def test_a_new_file_is_listed_once(copy: Path) -> None:
    store = KaizenStore(copy)
    cursor = store.changes(None).cursor
    assert store.changes(cursor).checkpoints == ()
    state = store.load(store.get("ckpt_738ed5f860c3")) | {"checkpoint_id": "ckpt_new000000000"}
    (copy / "ckpt_new000000000.jsonl").write_text(json.dumps(state))
    page = store.changes(cursor)
    assert [record.id for record in page.checkpoints] == ["ckpt_new000000000"]
    assert store.changes(page.cursor).checkpoints == ()


def test_another_folder_in_its_place_resets_the_cursor(copy: Path, tmp_path: Path) -> None:
    cursor = KaizenStore(copy).changes(None).cursor
    copy.rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old", copy)
    again = KaizenStore(copy).changes(cursor)
    assert again.reset
    assert len(again.checkpoints) == 69


def test_links_and_pipes_are_never_opened(copy: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "ckpt_outside.jsonl").write_text((copy / "ckpt_738ed5f860c3.jsonl").read_text())
    (copy / "ckpt_outside.jsonl").symlink_to(secret / "ckpt_outside.jsonl")
    (copy / "linked").symlink_to(secret)
    os.mkfifo(copy / "ckpt_pipe.jsonl")
    ids = {record.id for record in KaizenStore(copy).changes(None).checkpoints}
    assert len(ids) == 69
    assert not ids & {"ckpt_outside", "ckpt_pipe"}


def test_a_gzip_bomb_is_reported_and_not_unpacked(copy: Path) -> None:
    bomb = gzip.compress(b'"' + b" " * (8 * MAX_BYTES) + b'"')
    (copy / "ckpt_bomb.jsonl.gz").write_bytes(bomb)
    kinds = {f.checkpoint_id: f.kind for f in KaizenStore(copy).verify()}
    assert kinds["ckpt_bomb"] == "too_large"


def test_a_state_that_changed_since_it_was_listed_is_not_returned(copy: Path) -> None:
    store = KaizenStore(copy)
    record = store.get("ckpt_738ed5f860c3")
    path = copy / "ckpt_738ed5f860c3.jsonl"
    path.write_text(path.read_text().replace('"step_number": ', '"step_number": 1'))
    with pytest.raises(checkpoints.CorruptCheckpoint, match="changed"):
        store.load(record)


def test_says_why_a_path_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(checkpoints.PermanentStoreError, match="does not exist"):
        KaizenStore(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(checkpoints.PermanentStoreError, match="is not a folder"):
        KaizenStore(tmp_path / "file")


def test_an_agent_that_shares_the_generic_id_gets_the_name_that_was_given(
    samples: Path,
) -> None:
    store = KaizenStore(samples / "kaizen" / "v1.0.0_22fields", agent="nightly")
    [thread] = store.threads()
    assert thread.agent_id == "nightly"
    assert thread.status == Status.STALLED


def test_a_gzip_bomb_takes_little_memory(copy: Path) -> None:
    (copy / "ckpt_bomb.jsonl.gz").write_bytes(gzip.compress(b" " * (8 * MAX_BYTES)))
    store = KaizenStore(copy)
    tracemalloc.start()
    list(store.verify())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_flipped_bytes_and_truncations_raise_nothing_but_our_own_errors(copy: Path) -> None:
    chance = random.Random(7)
    paths = sorted(copy.iterdir())
    for _ in range(100):
        path = chance.choice(paths)
        content = bytearray(path.read_bytes())
        damaged = content[: chance.randrange(len(content))] if chance.random() < 0.3 else content
        for _ in range(chance.choice((0, 1, 8))):
            if damaged:
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        store = KaizenStore(copy)
        for record in store.changes(None).checkpoints:
            if not record.damage:
                store.load(record)
        list(store.verify())
        path.write_bytes(content)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "3",
        "null",
        "{}",
        '{"checkpoint_id": 3, "agent_id": [], "timestamp": {}, "step_number": "x", "status": 1}',
        (
            '{"checkpoint_id": "ckpt_x", "agent_id": "a", "timestamp": "0001-01-01T00:00:00+14:00",'
            ' "step_number": 1e999, "status": "running"}'
        ),
        (
            '{"checkpoint_id": "ckpt_x", "agent_id": "a", "timestamp": "2026-01-01T00:00:00+00:00",'
            ' "step_number": 99999999999999999999, "status": "running", "metadata": [1],'
            ' "budget_spent_usd": NaN}'
        ),
        "[" * 5000,
        '{"a": ' * 100 + "1" + "}" * 100,
    ],
)
def test_odd_states_are_listed_or_reported(copy: Path, text: str) -> None:
    (copy / "ckpt_x.jsonl").write_text(text)
    store = KaizenStore(copy)
    changes = store.changes(None)
    known = [record for record in changes.checkpoints if record.id == "ckpt_x"]
    assert known or "ckpt_x" in {finding.checkpoint_id for finding in changes.findings}
    assert len(changes.checkpoints) - len(known) == 69
    assert json.dumps([record.to_dict() for record in known], allow_nan=False)
    list(store.threads())


def test_names_that_are_no_text_are_left_alone(copy: Path) -> None:
    odd = os.fsencode(str(copy)) + b"/ckpt_\xff\xfe.jsonl"
    with open(odd, "wb") as file:
        file.write((copy / "ckpt_738ed5f860c3.jsonl").read_bytes())
    (copy / "ckpt_a\nb.jsonl").write_text("{}")
    assert len(KaizenStore(copy).changes(None).checkpoints) == 69


def test_it_keeps_the_protocol(copy: Path) -> None:
    assert isinstance(KaizenStore(copy), checkpoints.RestorableStore)


def test_a_url_opens_it(copy: Path) -> None:
    store = open_store(f"kaizen:///{copy}?agent=nightly")
    assert {thread.agent_id for thread in store.threads()} >= {"nightly", "etl_agent"}
