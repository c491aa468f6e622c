"""A rehearsal proves a restore on a copy, and names what stands in its way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.drills import How, Limits, Outcome, Rehearsal, Sampled, drill, rehearse
from checkpoints.errors import CheckpointNotFound
from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.urls import open_native_store, open_store
from checkpoints.testing import NOON, save_chain

NOW = datetime(2027, 1, 1, tzinfo=UTC)
NATIVE = ("sqlite", "file")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where rehearsals make their folders; nothing may be left in it."""
    folder = tmp_path / "scratch of 100% # drills"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture(params=NATIVE)
def native(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(open_native_store(f"{request.param}:///{tmp_path}/store")) as store:
        yield store


@pytest.fixture
def langgraph(samples: Path, tmp_path: Path) -> Iterator[ReadableStore]:
    for path in samples.glob("langgraph.sqlite*"):
        shutil.copyfile(path, tmp_path / path.name)
    url = f"langgraph+sqlite:///{tmp_path}/langgraph.sqlite"
    with closing(open_store(url, must_exist=True)) as store:
        yield store


@pytest.fixture
def kaizen(samples: Path, tmp_path: Path) -> KaizenStore:
    folder = tmp_path / "kaizen"
    shutil.copytree(samples / "kaizen" / "flat", folder, copy_function=shutil.copyfile)
    return KaizenStore(folder)


def content(folder: Path) -> dict[str, bytes]:
    """Return what lies in a folder, without SQLite's notes of who reads at the moment."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if not path.name.endswith("-shm")}


def rehearsed(store: ReadableStore, record: Checkpoint, scratch: Path) -> Rehearsal:
    return rehearse(store, record, folder=scratch, now=NOW)


def test_a_native_stores_checkpoints_are_proven_on_a_copy(native: Store, scratch: Path) -> None:
    for record in save_chain(native, 3):
        done = rehearsed(native, record, scratch)
        assert done.outcome is Outcome.PROVEN, done.reason
        assert done.decoded
        assert done.digest_verified
        assert done.restored
        assert done.read_back
        assert done.how is How.SAME_KIND
        assert done.checkpoint_id == record.id
        assert done.bytes_read > 0


def test_the_store_is_not_written_to(native: Store, scratch: Path, tmp_path: Path) -> None:
    chain = save_chain(native, 3)
    before = content(tmp_path)
    rehearsed(native, chain[0], scratch)
    assert content(tmp_path) == before


def test_what_has_no_copy_of_its_kind_goes_into_a_scratch_store(scratch: Path) -> None:
    store = MemoryStore()
    (record,) = save_chain(store, 1)
    done = rehearsed(store, record, scratch)
    assert (done.outcome, done.how) == (Outcome.PROVEN, How.SCRATCH)


def test_every_head_of_a_langgraph_file_is_proven_and_the_file_stays_as_it_is(
    langgraph: ReadableStore, scratch: Path, tmp_path: Path
) -> None:
    before = content(tmp_path)
    done = list(drill(langgraph, Sampled(checkpoints=1), folder=scratch, now=NOW))
    assert len(done) > 5
    assert {one.reason for one in done if one.outcome is Outcome.FAILED} == set()
    assert content(tmp_path) == before


def test_kaizens_checkpoints_are_proven_in_a_folder_like_theirs(
    kaizen: KaizenStore, scratch: Path, tmp_path: Path
) -> None:
    before = content(tmp_path)
    done = list(drill(kaizen, Sampled(checkpoints=3), folder=scratch, now=NOW))
    assert {(one.outcome, one.how) for one in done} == {(Outcome.PROVEN, How.SAME_KIND)}
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("crewai:///{}/crewai/checkpoints", id="crewai-folder"),
        pytest.param("crewai:///{}/crewai/checkpoints.db", id="crewai-sqlite"),
        pytest.param("agent-framework:///{}/agent_framework", id="agent-framework"),
        pytest.param(
            "dreamos:///{}/dreamos/default_retention/runtime/agent_comms/checkpoints", id="dreamos"
        ),
    ],
)
def test_other_frameworks_checkpoints_are_proven_too(
    samples: Path, scratch: Path, tmp_path: Path, place: str
) -> None:
    shutil.copytree(samples, tmp_path / "samples", copy_function=shutil.copyfile)
    with closing(open_store(place.format(tmp_path / "samples"), must_exist=True)) as store:
        done = list(drill(store, Sampled(), folder=scratch, now=datetime.now(UTC)))
    assert done
    assert {one.reason for one in done if one.outcome is not Outcome.PROVEN} == set()


def test_a_file_that_was_edited_since_it_was_listed_fails(
    kaizen: KaizenStore, scratch: Path
) -> None:
    record = kaizen.history(None, "main")[0]
    (path,) = kaizen.path.rglob(f"{record.id}.jsonl")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"budget_spent_usd": 0.01}))
    done = rehearsed(KaizenStore(kaizen.path), record, scratch)
    assert (done.outcome, done.finding) == (Outcome.FAILED, "digest_mismatch")
    assert record.id in done.reason


def test_a_damaged_checkpoint_fails_and_is_named(scratch: Path, tmp_path: Path) -> None:
    url = f"file:///{tmp_path}/store"
    with closing(open_native_store(url)) as store:
        chain = save_chain(store, 2)
    (path,) = (tmp_path / "store").rglob("c1.json")
    path.write_bytes(path.read_bytes().replace(b'"step":1', b'"step":9').replace(b": 1", b": 9"))
    with closing(open_native_store(url)) as store:
        done = [rehearsed(store, record, scratch) for record in chain]
    assert [(one.checkpoint_id, one.outcome) for one in done] == [
        ("c1", Outcome.FAILED),
        ("c2", Outcome.PROVEN),
    ]
    assert done[0].finding == "undecodable"


def test_what_is_gone_fails(native: Store, scratch: Path) -> None:
    (record,) = save_chain(native, 1)
    done = rehearsed(native, replace(record, id="gone"), scratch)
    assert (done.outcome, done.finding) == (Outcome.FAILED, "missing_checkpoint")


def test_what_is_encrypted_is_skipped_not_failed(samples: Path, scratch: Path) -> None:
    store = KaizenStore(samples / "kaizen" / "encrypted")
    (done, *_) = drill(store, Sampled(), folder=scratch, now=NOW)
    assert (done.outcome, done.finding) == (Outcome.SKIPPED, "")
    assert "key" in done.reason


def test_what_is_too_large_is_skipped(native: Store, scratch: Path) -> None:
    (record,) = save_chain(native, 1)
    done = rehearse(native, record, folder=scratch, now=NOW, limits=Limits(most_bytes=1))
    assert done.outcome is Outcome.SKIPPED
    assert not done.decoded


def test_what_takes_too_long_is_broken_off(native: Store, scratch: Path) -> None:
    (record,) = save_chain(native, 1)
    ticks = iter((0.0, 31.0))
    done = rehearse(native, record, folder=scratch, now=NOW, clock=lambda: next(ticks))
    assert done.outcome is Outcome.SKIPPED
    assert done.decoded
    assert not done.restored


def test_an_agent_that_is_not_there_is_named(native: Store, scratch: Path) -> None:
    save_chain(native, 1)
    with pytest.raises(CheckpointNotFound, match="nobody"):
        list(drill(native, Sampled(agent_id="nobody"), folder=scratch, now=NOON))
