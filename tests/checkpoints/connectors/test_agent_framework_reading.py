"""Reading the folders that Agent Framework's FileCheckpointStorage wrote."""

from __future__ import annotations

import base64
import json
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.agent_framework import AgentFrameworkStore, recognise
from checkpoints.connectors.documents.catalog import MAX_BYTES
from checkpoints.records import Status
from checkpoints.stores.urls import open_store
from tests.checkpoints.connectors.agent_workflows import WORKFLOW, saved
from tests.checkpoints.connectors.folders import copied, look_of

LAST = "ba0b6ee4-55b7-40c5-ab2f-ff5cf55a3158"
FIRST = "469bafd3-5561-4cd7-8f57-2e086cfee990"
THIRD = "c5e15c38-2ae0-4a79-ad4b-8877ea9ac433"


@pytest.fixture
def copy(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "agent_framework", tmp_path / "counter")


def document(folder: Path, checkpoint_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{checkpoint_id}.json").read_text())
    return found


def rewritten(folder: Path, name: str, /, **values: Any) -> None:
    changed = document(folder, name) | values
    (folder / f"{name}.json").write_text(json.dumps(changed))


def test_lists_a_workflow_as_a_thread(samples: Path) -> None:
    store = AgentFrameworkStore(samples / "agent_framework")
    [thread] = store.threads()
    assert (thread.agent_id, thread.thread_id) == ("agent_framework", WORKFLOW)
    assert (thread.head_id, thread.checkpoints, thread.status) == (LAST, 16, Status.COMPLETED)
    assert list(store.verify()) == []


def test_each_follows_its_previous_one(samples: Path) -> None:
    history = AgentFrameworkStore(samples / "agent_framework").history(None, WORKFLOW)
    assert [record.step for record in history] == list(range(15, -1, -1))
    assert [record.parent_id for record in history[:-1]] == [record.id for record in history[1:]]
    assert history[-1].parent_id is None


def test_a_record_says_who_wrote_and_how_much_is_under_way(samples: Path) -> None:
    record = AgentFrameworkStore(samples / "agent_framework").get(THIRD)
    assert (record.status, record.written_by) == (Status.RUNNING, ("b",))
    assert record.metrics == {"messages": 1.0, "pending_requests": 0.0}
    assert record.metadata["version"] == "1.0"


def test_a_state_is_shown_with_pickles_blocked_by_name(samples: Path) -> None:
    store = AgentFrameworkStore(samples / "agent_framework")
    state = store.load(store.get(THIRD))
    assert state["state"]["total"] == 2
    [[message]] = state["messages"].values()
    blocked = "blocked: agent_framework._workflows._runner_context.WorkflowMessage"
    assert message["__type__"] == blocked
    assert set(state) == {"state", "messages", "pending_request_info_events", "iteration_count"}


def test_requests_for_information_are_waited_for(copy: Path) -> None:
    rewritten(copy, LAST, pending_request_info_events={"r1": {"__pickled__": "x"}})
    [thread] = AgentFrameworkStore(copy).threads()
    assert thread.status is Status.WAITING


HOSTILE = b"cos\nsystem\n(S'touch /tmp/owned'\ntR."


def test_hostile_pickles_run_nothing_and_import_nothing(copy: Path) -> None:
    pickled = {"__pickled__": base64.b64encode(HOSTILE).decode(), "__type__": "antigravity:Fly"}
    rewritten(copy, LAST, state={"x": pickled, "y": [pickled]}, messages={"a": [pickled]})
    before = set(sys.modules)
    store = AgentFrameworkStore(copy)
    state = store.load(store.get(LAST))
    list(store.verify())
    assert state["state"]["x"]["__type__"] == "blocked: antigravity.Fly"
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"future_field": 1}, "unknown_field"),
        ({"timestamp": "yesterday"}, "unloadable"),
        ({"timestamp": None}, "unloadable"),
        ({"state": [1]}, "unloadable"),
        ({"graph_signature_hash": None}, "unloadable"),
        ({"workflow_name": 7}, "unloadable"),
        ({"timestamp": "2026-11-21T05:12:46"}, "naive_time"),
        ({"timestamp": "2099-01-01T00:00:00+00:00"}, "future_id"),
        ({"checkpoint_id": "another"}, "wrong_id"),
        ({"checkpoint_id": FIRST}, "duplicate_id"),
        ({"previous_checkpoint_id": "gone"}, "missing_parent"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_each_kind_of_odd_document_is_named(copy: Path, values: dict[str, Any], kind: str) -> None:
    rewritten(copy, THIRD, **values)
    found = {
        (finding.checkpoint_id, finding.kind) for finding in AgentFrameworkStore(copy).verify()
    }
    assert (THIRD, kind) in found


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "zero_length"),
        (b"\0" * 300, "undecodable"),
        (b'{"workflow_name": "counter-w', "truncated"),
        (b"[1, 2]", "undecodable"),
        (b'"' + b"x" * (MAX_BYTES + 1) + b'"', "too_large"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "undecodable"),
    ],
    ids=["empty", "nul", "cut short", "a list", "too large", "too deep"],
)
def test_a_broken_file_is_named_and_hides_no_other(copy: Path, content: bytes, kind: str) -> None:
    (copy / f"{THIRD}.json").write_bytes(content)
    store = AgentFrameworkStore(copy)
    found = {(finding.checkpoint_id, finding.kind) for finding in store.verify()}
    assert (THIRD, kind) in found
    assert len(store.history(None, WORKFLOW)) == 15
    assert len(store.changes(None).checkpoints) == 15


def test_a_key_that_stands_twice_is_named_and_read_as_the_framework_reads_it(copy: Path) -> None:
    path = copy / f"{THIRD}.json"
    path.write_text(
        path.read_text().replace(
            '"iteration_count": 2', '"iteration_count": 9,"iteration_count": 2'
        )
    )
    store = AgentFrameworkStore(copy)
    assert [finding.kind for finding in store.verify()] == ["duplicate_key"]
    assert store.get(THIRD).step == 2


def test_what_an_interrupted_save_left_is_named(copy: Path) -> None:
    (copy / ".maf-ckpt-0123.tmp").write_text("{")
    [finding] = AgentFrameworkStore(copy).verify()
    assert (finding.kind, finding.checkpoint_id) == ("leftover_file", None)


def test_links_pipes_and_folders_are_never_opened(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text((copy / f"{THIRD}.json").read_text())
    (copy / "secret.json").symlink_to(outside / "secret.json")
    (copy / "linked").symlink_to(outside)
    (copy / "folder.json").mkdir()
    os.mkfifo(copy / "pipe.json")
    store = AgentFrameworkStore(copy)
    assert len(store.history(None, WORKFLOW)) == 16
    assert list(store.verify()) == []


@pytest.mark.parametrize("name", ["../outside", "../../etc/passwd", "/etc/passwd", "a/b", "\0", ""])
def test_no_id_leads_out_of_the_folder(copy: Path, name: str) -> None:
    with pytest.raises(checkpoints.CheckpointNotFound):
        AgentFrameworkStore(copy).get(name)


def test_flipped_bytes_and_truncations_raise_nothing_but_our_own_errors(copy: Path) -> None:
    chance = random.Random(7)
    paths = sorted(copy.iterdir())
    for _ in range(150):
        path = chance.choice(paths)
        content = path.read_bytes()
        damaged = bytearray(content[: chance.randrange(len(content))])
        if chance.random() < 0.7:
            damaged = bytearray(content)
        for _ in range(chance.choice((0, 1, 8))):
            if damaged:
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        store = AgentFrameworkStore(copy)
        for record in store.changes(None).checkpoints:
            store.load(record)
        list(store.verify())
        list(store.threads())
        path.write_bytes(content)


def test_reading_changes_nothing(copy: Path) -> None:
    before = look_of(copy)
    store = AgentFrameworkStore(copy)
    for record in store.history(None, WORKFLOW):
        store.load(record)
        store.raw(record)
    store.changes(store.changes(None).cursor)
    list(store.verify())
    list(store.field_sizes(None, WORKFLOW))
    assert recognise(copy)
    assert store.space().stored == sum(path.stat().st_size for path in copy.iterdir())
    assert look_of(copy) == before


def test_a_state_that_changed_since_it_was_listed_is_not_returned(copy: Path) -> None:
    store = AgentFrameworkStore(copy)
    record = store.get(THIRD)
    rewritten(copy, THIRD, iteration_count=3)
    with pytest.raises(checkpoints.CorruptCheckpoint, match="changed"):
        store.load(record)


def test_a_file_that_went_is_told_as_removed(copy: Path) -> None:
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    (copy / f"{THIRD}.json").unlink()
    changes = AgentFrameworkStore(copy).changes(cursor)
    assert [(r.thread_id, r.checkpoint_id) for r in changes.removals] == [(WORKFLOW, THIRD)]
    assert (changes.reset, changes.checkpoints) == (False, ())
    [thread] = changes.threads
    assert thread.checkpoints == 15
    assert AgentFrameworkStore(copy).changes(changes.cursor).removals == ()


def test_a_thread_whose_files_all_went_is_told_as_empty(copy: Path) -> None:
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    for path in copy.iterdir():
        path.unlink()
    changes = AgentFrameworkStore(copy).changes(cursor)
    assert len(changes.removals) == 16
    assert [(thread.head_id, thread.checkpoints) for thread in changes.threads] == [(None, 0)]


def test_a_file_that_changed_is_listed_again_and_not_told_as_removed(copy: Path) -> None:
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    rewritten(copy, THIRD, iteration_count=3)
    changes = AgentFrameworkStore(copy).changes(cursor)
    assert [(record.id, record.step) for record in changes.checkpoints] == [(THIRD, 3)]
    assert changes.removals == ()


def test_a_file_that_broke_is_a_finding_and_not_told_as_removed(copy: Path) -> None:
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    (copy / f"{THIRD}.json").write_text("{")
    changes = AgentFrameworkStore(copy).changes(cursor)
    assert [finding.kind for finding in changes.findings] == ["truncated"]
    assert changes.removals == ()


def test_what_went_between_two_pages_is_told_too(copy: Path) -> None:
    first = AgentFrameworkStore(copy).changes(None, limit=5)
    gone = first.checkpoints[0].id
    (copy / f"{gone}.json").unlink()
    second = AgentFrameworkStore(copy).changes(first.cursor, limit=50)
    assert [removal.checkpoint_id for removal in second.removals] == [gone]
    assert (first.remaining, second.remaining, second.complete) == (11, 0, True)
    assert len(second.checkpoints) == 11


def test_in_a_large_folder_a_file_that_went_begins_the_listing_anew(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.connectors.documents.changes.MOST_NAMED", 10)
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    assert LAST not in cursor.partition('"seen"')[2]
    assert not AgentFrameworkStore(copy).changes(cursor).reset
    (copy / f"{THIRD}.json").unlink()
    changes = AgentFrameworkStore(copy).changes(cursor)
    assert (changes.reset, len(changes.checkpoints)) == (True, 15)


def test_another_folder_in_its_place_begins_the_listing_anew(copy: Path, tmp_path: Path) -> None:
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    copy.rename(tmp_path / "old")
    copied(tmp_path / "old", copy)
    changes = AgentFrameworkStore(copy).changes(cursor)
    assert (changes.reset, len(changes.checkpoints)) == (True, 16)


def test_a_folder_without_changes_is_not_read_again(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = AgentFrameworkStore(copy).changes(None).cursor
    reads: list[object] = []
    monkeypatch.setattr(
        "checkpoints.connectors.documents.folder.read_in", lambda *given: reads.append(given)
    )
    assert AgentFrameworkStore(copy).changes(cursor).checkpoints == ()
    assert reads == []


def test_the_framework_s_own_folders_are_recognised_and_others_are_not(
    copy: Path, samples: Path, tmp_path: Path
) -> None:
    assert recognise(copy) == "its files are checkpoints of Agent Framework's workflows"
    assert recognise(tmp_path / "nowhere") is None
    assert recognise(copy / f"{LAST}.json") is None
    for other in ("crewai", "dreamos", "kaizen/flat", "sifaka"):
        assert recognise(samples / other) is None
    (tmp_path / "rubbish.json").write_bytes(b"\xff" * 100)
    os.mkfifo(tmp_path / "pipe.json")
    assert recognise(tmp_path) is None


def test_a_url_opens_it_and_may_name_the_agent(copy: Path) -> None:
    store = open_store(f"agent-framework:///{copy}?agent=nightly")
    [thread] = store.threads()
    assert thread.agent_id == "nightly"
    assert isinstance(store, checkpoints.RestorableStore)


def test_several_workflows_are_several_threads(tmp_path: Path) -> None:
    ids = [saved(tmp_path, name=name) for name in ("one", "two")]
    store = AgentFrameworkStore(tmp_path, agent="a")
    assert {thread.thread_id: thread.head_id for thread in store.threads()} == dict(
        zip(("one", "two"), ids, strict=True)
    )
    with pytest.raises(checkpoints.CheckpointNotFound):
        store.get(ids[0], thread_id="two")


def test_a_state_is_read_without_reading_the_other_files(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = AgentFrameworkStore(copy).get(THIRD)
    for path in copy.iterdir():
        if path.stem != THIRD:
            path.write_text("{")
    monkeypatch.setattr(
        "checkpoints.connectors.documents.folder.Folder.entries", lambda _self: iter(())
    )
    store = AgentFrameworkStore(copy)
    assert store.load(record)["iteration_count"] == 2
    assert store.raw(record) == (copy / f"{THIRD}.json").read_bytes()


@pytest.mark.parametrize("name", ["../outside/secret", "linked/secret", "pipe", "x" * 5000, "\0"])
def test_no_record_leads_out_of_the_folder(copy: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text((copy / f"{THIRD}.json").read_text())
    (copy / "linked").symlink_to(outside)
    os.mkfifo(copy / "pipe.json")
    store = AgentFrameworkStore(copy)
    forged = replace(store.get(THIRD), id=name)
    for read in (store.load, store.raw):
        with pytest.raises(checkpoints.CheckpointNotFound):
            read(forged)
