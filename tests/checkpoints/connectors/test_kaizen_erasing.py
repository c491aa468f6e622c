"""Erasures in a Kaizen folder: what is erased is nowhere any more, and what is not is named."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kaizen.core.autonomy.state import AgentState

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import Doomed, ThreadErased, ThreadErasure, ThreadPrune
from checkpoints.records import RestoreTarget
from checkpoints.stores.urls import open_store
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.kaizen_folders import (
    copied,
    files,
    now,
    resumed,
    run_script,
    saved,
)

AGENT = "research_agent"


@pytest.fixture
def flat(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "kaizen" / "flat", tmp_path / "flat")


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[StoreTrash]:
    store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
    assert isinstance(store, checkpoints.Store)
    yield StoreTrash(store)
    store.close()


def ids_of(folder: Path, agent: str = AGENT) -> list[str]:
    return [record.id for record in KaizenStore(folder).history(agent, "main")]


def erasure_of(
    folder: Path, ids: Collection[str], agent: str = AGENT, *, whole: bool = False
) -> ThreadErasure:
    records = [KaizenStore(folder).get(name) for name in ids]
    targets = (
        RestoreTarget(checkpoint_id=record.id, namespace="", sha256=record.sha256)
        for record in records
    )
    return ThreadErasure(agent_id=agent, thread_id="main", targets=tuple(targets), whole=whole)


def erase(folder: Path, erasure: ThreadErasure, trash: StoreTrash | None = None) -> ThreadErased:
    return KaizenStore(folder).erase_thread(erasure, operation_id="op-2", now=now(), trash=trash)


def prune(folder: Path, ids: Collection[str], trash: StoreTrash) -> None:
    doomed = (
        Doomed(checkpoint_id=name, reason="old", sha256=KaizenStore(folder).get(name).sha256)
        for name in ids
    )
    plan = ThreadPrune(
        agent_id=AGENT, thread_id="main", expected_head=None, keep=(), remove=tuple(doomed)
    )
    KaizenStore(folder).remove(plan, operation_id="op-1", now=now(), trash=trash)


def names_in(folder: Path) -> set[str]:
    """Return the ids that the files of a folder hold."""
    texts = (
        gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        for content in files(folder).values()
    )
    return {json.loads(text)["checkpoint_id"] for text in texts}


def test_what_is_erased_is_in_no_file_any_more(flat: Path) -> None:
    before = files(flat)
    ids = ids_of(flat)[3:6]
    done = erase(flat, erasure_of(flat, ids))
    assert {target.checkpoint_id for target in done.erased} == set(ids)
    assert done.remaining == {}
    assert not names_in(flat) & set(ids)
    left = {n: b for n, b in before.items() if n.split(".")[0] not in ids}
    assert files(flat) == left


def test_an_agent_is_erased_as_a_whole_and_the_others_are_not(flat: Path) -> None:
    other = resumed(flat, "etl_agent").to_dict()
    done = erase(flat, erasure_of(flat, ids_of(flat), whole=True))
    assert done.remaining == {}
    assert KaizenStore(flat).head(AGENT, "main") is None
    assert resumed(flat, "etl_agent").to_dict() == other


def test_both_files_of_one_id_are_erased(flat: Path) -> None:
    path = next(p for p in sorted(flat.glob("*.jsonl")) if p.stem in ids_of(flat))
    twin = flat / f"{path.name}.gz"
    twin.write_bytes(gzip.compress(path.read_bytes() + b"\n"))
    erase(flat, erasure_of(flat, [path.stem]))
    assert not path.exists()
    assert not twin.exists()


@pytest.mark.parametrize("form", ["plain", "gzipped", "cut short"])
def test_what_an_interrupted_save_left_is_erased_too(flat: Path, form: str) -> None:
    [name, other, *_] = ids_of(flat)
    state = json.dumps(KaizenStore(flat).load(KaizenStore(flat).get(name))).encode()
    forms = {"plain": state, "gzipped": gzip.compress(state), "cut short": state[:60]}
    (flat / "tmpx1y2z3.tmp").write_bytes(forms[form])
    (flat / f".{name}.jsonl.holdfast-tmp").write_bytes(forms[form])
    unrelated = flat / "tmpother1.tmp"
    unrelated.write_bytes(json.dumps({"checkpoint_id": other, "agent_id": AGENT}).encode())
    (flat / "tmpempty1.tmp").write_bytes(b"")
    done = erase(flat, erasure_of(flat, [name]))
    assert done.remaining == {}
    left = {path.name for path in flat.iterdir() if "tmp" in path.name}
    assert left == {"tmpother1.tmp", "tmpempty1.tmp"}


def test_a_leftover_of_the_agent_goes_with_its_whole_thread(flat: Path) -> None:
    ids = ids_of(flat, "flat")
    leftover = {"checkpoint_id": "ckpt_never_saved", "agent_id": "autonomous_agent"}
    (flat / "tmpx1y2z3.tmp").write_text(json.dumps(leftover))
    erase(flat, erasure_of(flat, ids[:1], "flat"))
    assert (flat / "tmpx1y2z3.tmp").exists()
    erase(flat, erasure_of(flat, ids[1:], "flat", whole=True))
    assert not (flat / "tmpx1y2z3.tmp").exists()


def test_a_leftover_that_cannot_be_read_is_named(flat: Path) -> None:
    (flat / "tmplocked.tmp").write_bytes(b"\x01\x02\x03 sealed")
    done = erase(flat, erasure_of(flat, ids_of(flat)[:1]))
    assert "interrupted save" in done.remaining["tmplocked.tmp"]


def test_what_lies_in_the_trash_of_any_operation_is_erased_too(
    flat: Path, trash: StoreTrash
) -> None:
    gone, back, *_ = ids_of(flat)[5:8]
    erasure = erasure_of(flat, [gone, back])
    prune(flat, [gone, back], trash)
    KaizenStore(flat).put_back(AGENT, "main", [back], operation_id="op-1", trash=trash)
    done = erase(flat, erasure, trash)
    assert len(done.erased) == 2
    assert done.remaining == {}
    assert trash.items("op-1", "main") == []


def test_the_trash_of_others_stays(flat: Path, trash: StoreTrash) -> None:
    first, second, third = ids_of(flat)[5:8]
    erasure = erasure_of(flat, [first])
    prune(flat, [first, second], trash)
    erase(flat, erasure, trash)
    assert [item.checkpoint_id for item in trash.items("op-1", "main")] == [second]
    erase(flat, erasure_of(flat, [third]), trash)
    assert [item.checkpoint_id for item in trash.items("op-1", "main")] == [second]


def test_what_shares_its_file_with_others_stays_and_is_named(tmp_path: Path) -> None:
    lines = [
        json.dumps(AgentState(checkpoint_id=f"ckpt_{n}", agent_id="worker").to_dict()) + "\n"
        for n in range(3)
    ]
    (tmp_path / "worker").mkdir()
    path = tmp_path / "worker" / "20261112T120000.jsonl"
    path.write_text("".join(lines))
    done = erase(tmp_path, erasure_of(tmp_path, ["ckpt_1"], "worker"))
    assert path.name in done.remaining["ckpt_1"]
    assert path.read_text() == "".join(lines)
    whole = erasure_of(tmp_path, ["ckpt_0", "ckpt_1", "ckpt_2"], "worker", whole=True)
    assert erase(tmp_path, whole).remaining == {}
    assert not path.exists()


def test_encrypted_states_can_be_erased(samples: Path, tmp_path: Path) -> None:
    folder = copied(samples / "kaizen" / "encrypted", tmp_path / "locked")
    store = KaizenStore(folder)
    [agent] = {thread.agent_id for thread in store.threads()}
    assert store.capabilities.erase
    done = erase(folder, erasure_of(folder, ids_of(folder, agent), agent, whole=True))
    assert done.remaining == {}
    assert files(folder) == {}


def test_what_changed_or_came_since_the_plan_stays_and_is_named(flat: Path) -> None:
    ids = ids_of(flat)
    erasure = erasure_of(flat, ids, whole=True)
    wrong = (replace(erasure.targets[0], sha256="0" * 64), *erasure.targets[1:])
    newer = saved(flat, AgentState(agent_id=AGENT))
    done = erase(flat, replace(erasure, targets=wrong))
    assert done.remaining.keys() == {ids[0], newer}
    assert set(ids_of(flat)) == {ids[0], newer}


def test_links_and_pipes_are_left_alone(flat: Path, tmp_path: Path) -> None:
    [name, *_] = ids_of(flat)
    outside = tmp_path / "outside.tmp"
    outside.write_text(json.dumps({"checkpoint_id": name}))
    (flat / "tmplinked.tmp").symlink_to(outside)
    os.mkfifo(flat / "tmppipe.tmp")
    erase(flat, erasure_of(flat, [name]))
    assert outside.exists()
    assert (flat / "tmplinked.tmp").is_symlink()


KILLED = """
import json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import ThreadErasure

unlink, left = os.unlink, [2]

def counted(*args, **kwargs):
    unlink(*args, **kwargs)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

os.unlink = counted
erasure = ThreadErasure.from_dict(json.loads(sys.argv[2]))
KaizenStore(Path(sys.argv[1])).erase_thread(erasure, operation_id="op-2", now=datetime.now(UTC))
"""


def test_an_erasure_that_is_killed_is_finished_by_the_next(flat: Path) -> None:
    erasure = erasure_of(flat, ids_of(flat)[:5])
    status = run_script(KILLED, str(flat), json.dumps(erasure.to_dict()))
    assert status == -signal.SIGKILL
    done = erase(flat, erasure)
    assert (set(done.erased), done.remaining) == (set(erasure.targets), {})


def test_it_keeps_the_protocol(flat: Path) -> None:
    assert isinstance(KaizenStore(flat), checkpoints.ErasableStore)
