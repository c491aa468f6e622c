"""Prunes of a Kaizen folder: what goes lies in the trash, and Kaizen resumes what it did."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import json
import os
import signal
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest
from kaizen.core.autonomy.state import AgentState, FilesystemStorage

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import Doomed, ThreadPrune, ThreadPruned
from checkpoints.stores.operable import TrashItem
from checkpoints.stores.urls import open_store
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.kaizen_folders import (
    copied,
    files,
    manager,
    now,
    resumed,
    run_script,
    saved,
)

AGENT = "research_agent"
OPERATION = "op-1"


@pytest.fixture
def flat(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "kaizen" / "flat", tmp_path / "flat")


@pytest.fixture
def documented(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "kaizen" / "documented_layout", tmp_path / "documented")


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[StoreTrash]:
    store = open_store(trash_url(tmp_path))
    assert isinstance(store, checkpoints.Store)
    yield StoreTrash(store)
    store.close()


def trash_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'trash.db'}"


def plan_of(folder: Path, ids: Collection[str], agent: str = AGENT) -> ThreadPrune:
    store = KaizenStore(folder)
    head = store.head(agent, "main")
    return ThreadPrune(
        agent_id=agent,
        thread_id="main",
        expected_head=head.checkpoint_id if head else None,
        keep=(),
        remove=tuple(
            Doomed(checkpoint_id=name, reason="old", sha256=store.get(name).sha256) for name in ids
        ),
    )


def remove(
    folder: Path, prune: ThreadPrune, trash: StoreTrash, operation_id: str = OPERATION
) -> ThreadPruned:
    return KaizenStore(folder).remove(prune, operation_id=operation_id, now=now(), trash=trash)


def put_back(
    folder: Path, ids: Sequence[str], trash: StoreTrash, agent: str = AGENT
) -> dict[str, str]:
    return KaizenStore(folder).put_back(agent, "main", ids, operation_id=OPERATION, trash=trash)


def lying(folder: Path, trash: StoreTrash, agent: str = AGENT) -> dict[str, str | None]:
    return KaizenStore(folder).trashed(agent, "main", operation_id=OPERATION, trash=trash)


def old_ids(folder: Path, agent: str = AGENT) -> list[str]:
    """Return what of an agent may go."""
    store = KaizenStore(folder)
    kept = store.exempt(agent, "main")
    return [r.id for r in store.history(agent, "main") if r.id not in kept]


def looks(folder: Path) -> dict[str, tuple[int, int]]:
    return {p.name: (p.stat().st_mode, p.stat().st_mtime_ns) for p in folder.rglob("*")}


def test_what_goes_is_gone_for_kaizen_and_what_stays_resumes(flat: Path, trash: StoreTrash) -> None:
    before = {name: resumed(flat, name).to_dict() for name in (AGENT, "etl_agent")}
    going = old_ids(flat)
    done = remove(flat, plan_of(flat, going), trash)
    assert set(done.removed) == set(going)
    listed = asyncio.run(manager(flat).list_checkpoints(AGENT))
    assert not {item.checkpoint_id for item in listed} & set(going)
    assert {name: resumed(flat, name).to_dict() for name in before} == before


def test_the_bytes_that_are_freed_are_those_of_the_files(flat: Path, trash: StoreTrash) -> None:
    before = files(flat)
    done = remove(flat, plan_of(flat, old_ids(flat)), trash)
    left = files(flat)
    assert done.freed_bytes == sum(len(b) for n, b in before.items() if n not in left)


def test_all_comes_back_exactly_as_it_was(flat: Path, trash: StoreTrash) -> None:
    for number, path in enumerate(sorted(flat.iterdir())):
        path.chmod((0o600, 0o640, 0o644)[number % 3])
        os.utime(path, ns=(number * 10**9, number * 10**9 + 123_456_789))
    before, looked, going = files(flat), looks(flat), old_ids(flat)
    remove(flat, plan_of(flat, going), trash)
    assert put_back(flat, going, trash) == {}
    assert files(flat) == before
    assert looks(flat) == looked


def test_kaizen_loads_what_came_back(flat: Path, trash: StoreTrash) -> None:
    going = old_ids(flat)
    storage = FilesystemStorage(flat)
    before = [asyncio.run(storage.load(name)).to_dict() for name in going]
    remove(flat, plan_of(flat, going), trash)
    put_back(flat, going, trash)
    assert [asyncio.run(storage.load(name)).to_dict() for name in going] == before


def test_what_an_agent_resumes_from_stays(flat: Path, trash: StoreTrash) -> None:
    head = resumed(flat, AGENT).checkpoint_id
    done = remove(flat, plan_of(flat, [head]), trash)
    assert done.removed == ()
    assert "resumes from" in done.stayed[head]
    assert lying(flat, trash) == {}


def test_of_two_newest_of_one_moment_both_stay(flat: Path) -> None:
    newest = asyncio.run(manager(flat).list_checkpoints(AGENT))
    ties = {item.checkpoint_id for item in newest if item.timestamp == newest[0].timestamp}
    assert len(ties) == 2
    assert ties <= KaizenStore(flat).exempt(AGENT, "main").keys()


def test_the_newest_of_each_of_kaizens_agents_stays(tmp_path: Path) -> None:
    for agent in ("autonomous_agent", "ours"):
        for step in range(3):
            saved(tmp_path / "ours", AgentState(agent_id=agent, step_number=step))
    store = KaizenStore(tmp_path / "ours", agent="ours")
    newest = {resumed(store.path, agent).checkpoint_id for agent in ("autonomous_agent", "ours")}
    assert store.exempt("ours", "main").keys() == newest


def test_what_a_fork_of_kaizens_began_at_stays(tmp_path: Path) -> None:
    first = saved(tmp_path, AgentState(agent_id=AGENT, step_number=1))
    forked = asyncio.run(manager(tmp_path).fork_from_checkpoint(first))
    following = AgentState(agent_id=AGENT, parent_checkpoint_id=forked.checkpoint_id)
    saved(tmp_path, following)
    assert "fork" in KaizenStore(tmp_path).exempt(AGENT, "main")[first]


def test_what_a_restore_or_a_fork_of_ours_began_at_stays(flat: Path) -> None:
    store = KaizenStore(flat)
    restored, forked = (store.history(AGENT, "main")[place] for place in (7, 9))
    plan = store.plan_restore(restored)
    store.restore(plan, written_ids=("ckpt_restored",), operation_id="op-0", reason="r", now=now())
    fork = store.plan_fork(forked, thread_id="what-if")
    store.fork(fork, written_ids=("ckpt_forked",), operation_id="op-0", reason="r", now=now())
    kept = store.exempt(AGENT, "main")
    assert "branch" in kept[restored.id]
    assert "what-if" in kept[forked.id]


def test_what_is_encrypted_stays(samples: Path) -> None:
    store = KaizenStore(samples / "kaizen" / "encrypted")
    records = store.history(None, "main")
    assert store.exempt(None, "main").keys() == {record.id for record in records}


def test_what_has_become_the_head_since_stays(flat: Path, trash: StoreTrash) -> None:
    prune = plan_of(flat, old_ids(flat))
    wanted = prune.remove[0].checkpoint_id
    for record in KaizenStore(flat).history(AGENT, "main"):
        if record.created_at > KaizenStore(flat).get(wanted).created_at:
            next(flat.glob(f"{record.id}*")).unlink()
    done = remove(flat, prune, trash)
    assert "resumes from" in done.stayed[wanted]
    assert resumed(flat, AGENT).checkpoint_id == wanted


def test_what_was_written_again_since_the_plan_stays(flat: Path, trash: StoreTrash) -> None:
    going = old_ids(flat)
    prune = plan_of(flat, going)
    path = next(flat.glob(f"{going[0]}*"))
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    changed = json.dumps(json.loads(text) | {"model": "another"}).encode()
    path.write_bytes(gzip.compress(changed) if path.suffix == ".gz" else changed)
    done = remove(flat, prune, trash)
    assert set(done.removed) == set(going[1:])
    assert "changed" in done.stayed[going[0]]


class Meddling(StoreTrash):
    """Stands for a Kaizen that saves while the trash is being written."""

    path: Path
    content: bytes

    def keep(self, operation_id: str, thread_id: str, items: object) -> None:
        super().keep(operation_id, thread_id, items)  # type: ignore[arg-type]
        self.path.write_bytes(self.content)


def test_what_kaizen_writes_over_meanwhile_is_not_lost(flat: Path, trash: StoreTrash) -> None:
    going = old_ids(flat)
    path = next(flat.glob(f"{going[0]}*"))
    meddling = Meddling(trash.store)
    meddling.path, meddling.content = path, path.read_bytes() + b"\n\n"
    done = remove(flat, plan_of(flat, going), meddling)
    assert path.read_bytes() == meddling.content
    assert done.stayed.keys() == {going[0]}
    assert not list(flat.glob(".*"))


class Failing(StoreTrash):
    """Stands for a trash whose disk is full."""

    def keep(self, operation_id: str, thread_id: str, items: object) -> None:
        raise checkpoints.PermanentStoreError("full")


def test_without_a_trash_that_keeps_nothing_goes(flat: Path, trash: StoreTrash) -> None:
    before = files(flat)
    prune = plan_of(flat, old_ids(flat))
    with pytest.raises(checkpoints.PermanentStoreError, match="full"):
        remove(flat, prune, Failing(trash.store))
    with pytest.raises(checkpoints.PlanRefused, match="trash"):
        KaizenStore(flat).remove(prune, operation_id=OPERATION, now=now())
    assert files(flat) == before


def test_both_files_of_one_id_go_and_come_back(flat: Path, trash: StoreTrash) -> None:
    path = next(p for p in sorted(flat.glob("*.jsonl")) if p.stem in old_ids(flat))
    twin = flat / f"{path.name}.gz"
    twin.write_bytes(gzip.compress(path.read_bytes() + b"\n"))
    before = files(flat)
    remove(flat, plan_of(flat, [path.stem]), trash)
    assert not path.exists()
    assert not twin.exists()
    put_back(flat, [path.stem], trash)
    assert files(flat) == before


OLDER = "worker/20261112T090000.jsonl.gz"


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A folder of files that hold three states each."""
    lines = [
        json.dumps(AgentState(checkpoint_id=f"ckpt_{step}", agent_id="worker").to_dict()) + "\n"
        for step in range(6)
    ]
    folder = tmp_path / "several"
    (folder / "worker").mkdir(parents=True)
    (folder / OLDER).write_bytes(gzip.compress("".join(lines[:3]).encode()))
    (folder / "worker" / "20261112T120000.jsonl").write_text("".join(lines[3:]))
    return folder


def test_a_file_of_several_states_goes_only_as_a_whole(several: Path, trash: StoreTrash) -> None:
    store, before = KaizenStore(several), files(several)
    needed = store.needed_by("worker", "main", {"ckpt_1", "ckpt_5"})
    assert needed.keys() == {"ckpt_0", "ckpt_2", "ckpt_3", "ckpt_4"}
    some = remove(several, plan_of(several, ["ckpt_1"], "worker"), trash)
    assert OLDER in some.stayed["ckpt_1"]
    inside = ["ckpt_0", "ckpt_1", "ckpt_2"]
    done = remove(several, plan_of(several, inside, "worker"), trash)
    assert done.removed == ("ckpt_0", "ckpt_1", "ckpt_2")
    assert files(several).keys() == before.keys() - {OLDER}
    assert put_back(several, ["ckpt_1"], trash, "worker") == {}
    assert files(several) == before


def test_a_file_of_two_agents_stays(documented: Path, trash: StoreTrash) -> None:
    older = "etl_agent/20261112T090000.jsonl.gz"
    records = KaizenStore(documented).history("etl_agent", "main")
    inside = [r.id for r in records if r.metadata["file"] == older]
    done = remove(documented, plan_of(documented, inside, "etl_agent"), trash)
    assert done.removed == ()
    assert any("another agent" in why for why in done.stayed.values())


def test_a_file_with_unreadable_lines_stays(several: Path, trash: StoreTrash) -> None:
    path = several / OLDER
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b'{"half": \n'))
    prune = plan_of(several, ["ckpt_0", "ckpt_1", "ckpt_2"], "worker")
    done = remove(several, prune, trash)
    assert done.removed == ()
    assert all("cannot be read" in why for why in done.stayed.values())


def test_another_file_in_its_place_is_not_replaced(flat: Path, trash: StoreTrash) -> None:
    [name, *_] = old_ids(flat)
    path = next(flat.glob(f"{name}*"))
    remove(flat, plan_of(flat, [name]), trash)
    path.write_bytes(b"broken")
    left = put_back(flat, [name], trash)
    assert "not replaced" in left[name]
    assert path.read_bytes() == b"broken"
    assert lying(flat, trash).keys() == {name}


def test_what_was_saved_again_is_left_alone(flat: Path, trash: StoreTrash) -> None:
    agent = "etl_agent"
    [name, *_] = old_ids(flat, agent)
    gzipped, plain = flat / f"{name}.jsonl.gz", flat / f"{name}.jsonl"
    again = json.loads(gzip.decompress(gzipped.read_bytes())) | {"model": "another"}
    remove(flat, plan_of(flat, [name], agent), trash)
    plain.write_text(json.dumps(again))
    assert put_back(flat, [name], trash, agent) == {}
    assert not gzipped.exists()
    assert asyncio.run(FilesystemStorage(flat).load(name)).model == "another"


def test_what_another_store_left_in_the_trash_is_left_alone(flat: Path, trash: StoreTrash) -> None:
    name, *_ = old_ids(flat)
    other = TrashItem(key="row 1", checkpoint_id=name, data={"row": b"x"})
    trash.keep(OPERATION, "main", [other])
    remove(flat, plan_of(flat, [name]), trash)
    assert lying(flat, trash).keys() == {name}
    put_back(flat, [name], trash)
    assert other in trash.items(OPERATION, "main")


def test_a_fork_and_a_prune_exclude_each_other(several: Path, trash: StoreTrash) -> None:
    prune = plan_of(several, ["ckpt_0", "ckpt_1", "ckpt_2"], "worker")
    descriptor = os.open(several, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(checkpoints.TransientStoreError, match="another process"):
            remove(several, prune, trash)
    finally:
        os.close(descriptor)
    assert len(remove(several, prune, trash).removed) == 3


def test_a_folder_that_is_gone_is_made_again(documented: Path, trash: StoreTrash) -> None:
    store = KaizenStore(documented)
    other = documented / "what-if"
    plan = store.plan_fork(store.history("etl_agent", "main")[3], thread_id="what-if")
    store.fork(plan, written_ids=("ckpt_0123456789ab",), operation_id="op-0", reason="r", now=now())
    [first] = other.iterdir()
    state = json.loads(
        gzip.decompress(first.read_bytes()) if ".gz" in first.name else first.read_bytes()
    )
    later = state | {"checkpoint_id": "ckpt_later", "timestamp": "2099-01-01T00:00:00+00:00"}
    (other / "20990101T000000.jsonl").write_text(json.dumps(later) + "\n")
    before = files(documented)
    remove(documented, plan_of(documented, ["ckpt_0123456789ab"], "what-if"), trash)
    for path in other.iterdir():
        path.unlink()
    other.rmdir()
    assert put_back(documented, ["ckpt_0123456789ab"], trash, "what-if") == {}
    name = f"what-if/{first.name}"
    assert files(documented)[name] == before[name]


def test_agents_pruned_by_one_operation_keep_their_trash_apart(
    flat: Path, trash: StoreTrash
) -> None:
    ours, theirs = old_ids(flat)[:3], old_ids(flat, "etl_agent")[:3]
    remove(flat, plan_of(flat, ours), trash)
    remove(flat, plan_of(flat, theirs, "etl_agent"), trash)
    assert lying(flat, trash).keys() == set(ours)
    assert lying(flat, trash, "etl_agent").keys() == set(theirs)


def test_a_purge_gives_back_what_the_files_took(flat: Path, trash: StoreTrash) -> None:
    first, second, *_ = old_ids(flat)
    size = next(flat.glob(f"{first}*")).stat().st_size
    remove(flat, plan_of(flat, [first, second]), trash)
    store = KaizenStore(flat)
    assert store.purge(AGENT, "main", [first], operation_id=OPERATION, trash=trash) == size
    assert lying(flat, trash).keys() == {second}


def test_links_pipes_and_odd_names_are_left_alone(
    flat: Path, tmp_path: Path, trash: StoreTrash
) -> None:
    name, other, *_ = old_ids(flat)
    prune = plan_of(flat, [name, other])
    path = next(flat.glob(f"{name}*"))
    outside = tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    os.mkfifo(flat / "ckpt_pipe.jsonl")
    (flat / "ckpt_folder.jsonl").mkdir()
    (flat / "a\nb.jsonl").write_text("{}")
    done = remove(flat, prune, trash)
    assert done.removed == (other,)
    assert path.is_symlink()
    assert outside.exists()


def test_it_keeps_the_protocol(flat: Path) -> None:
    store = KaizenStore(flat)
    assert isinstance(store, checkpoints.PrunableStore)
    assert store.capabilities.prune


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.plans import ThreadPrune
from checkpoints.stores.operable import TrashItem
from checkpoints.stores.urls import open_store
from checkpoints.trash import StoreTrash
import json

folder, url, prune, act, moment = sys.argv[1:]
prune = ThreadPrune.from_dict(json.loads(prune))
name, when, count = moment.split(":")
left = int(count)

def counted(call):
    def run(*args, **kwargs):
        global left
        if left == 1 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        call(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return run

trash = StoreTrash(open_store(url))
store = KaizenStore(Path(folder))
owner = StoreTrash if hasattr(StoreTrash, name) else os
setattr(owner, name, counted(getattr(owner, name)))
if act == "remove":
    store.remove(prune, operation_id="op-1", now=datetime.now(UTC), trash=trash)
else:
    ids = [one.checkpoint_id for one in prune.remove]
    store.put_back(prune.agent_id, "main", ids, operation_id="op-1", trash=trash)
"""


def killed(folder: Path, tmp_path: Path, prune: ThreadPrune, act: str, moment: str) -> None:
    arguments = (str(folder), trash_url(tmp_path), json.dumps(prune.to_dict()), act, moment)
    assert run_script(KILLED, *arguments) == -signal.SIGKILL


def everything(folder: Path, trash: StoreTrash) -> set[str]:
    """Return the ids that are in the folder or in the trash."""
    listed = {record.id for record in KaizenStore(folder).history(AGENT, "main")}
    return listed | lying(folder, trash).keys()


@pytest.mark.parametrize(
    "moment",
    [
        *("keep:before:1", "keep:after:1", "rename:before:1", "rename:after:1", "rename:after:2"),
        *("unlink:before:2", "unlink:after:2", "unlink:after:3"),
    ],
)
def test_a_removal_that_is_killed_loses_nothing_and_is_finished(
    flat: Path, tmp_path: Path, trash: StoreTrash, moment: str
) -> None:
    before, going = files(flat), old_ids(flat)[:3]
    prune = plan_of(flat, going)
    all_ids = everything(flat, trash)
    killed(flat, tmp_path, prune, "remove", moment)
    assert everything(flat, trash) == all_ids
    assert set(remove(flat, prune, trash).removed) == set(going)
    assert not list(flat.glob(".*"))
    assert put_back(flat, going, trash) == {}
    assert files(flat) == before


@pytest.mark.parametrize(
    "moment", ["keep:after:1", "link:before:2", "link:after:2", "drop:before:1"]
)
def test_an_undo_that_is_killed_loses_nothing_and_is_finished(
    flat: Path, tmp_path: Path, trash: StoreTrash, moment: str
) -> None:
    before, going = files(flat), old_ids(flat)[:3]
    prune, all_ids = plan_of(flat, going), everything(flat, trash)
    remove(flat, prune, trash)
    killed(flat, tmp_path, prune, "put_back", moment)
    assert everything(flat, trash) == all_ids
    assert put_back(flat, going, trash) == {}
    assert files(flat) == before
    assert lying(flat, trash) == {}


def test_an_undo_of_a_removal_that_was_killed_brings_all_back(
    flat: Path, tmp_path: Path, trash: StoreTrash
) -> None:
    before, going = files(flat), old_ids(flat)[:3]
    killed(flat, tmp_path, plan_of(flat, going), "remove", "rename:after:2")
    assert put_back(flat, going, trash) == {}
    assert files(flat) == before
