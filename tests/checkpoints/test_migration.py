"""A store is copied into another kind with everything that its protocol gives."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from checkpoints import open_store
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.errors import CheckpointNotFound, PermanentStoreError, PlanRefused
from checkpoints.migration import Report, migrate, survey
from checkpoints.records import (
    Checkpoint,
    Directive,
    Draft,
    JournalEntry,
    Kind,
    State,
    Status,
    Strategy,
)
from checkpoints.sameness import same
from checkpoints.selftest.samples import odd_state
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.testing import NOON, draft, entry, save_chain

MAIN = "from checkpoints.cli import main; main()"


class Places:
    """Where the tests' stores lie; each is opened anew to see what another process sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old = f"sqlite:///{folder}/old.db"
        self.new = f"file:///{folder}/new"

    def open(self, url: str) -> Store:
        store = open_store(url)
        assert isinstance(store, Store)
        return store


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def rich(store: Store) -> None:
    """Fill a store with a branch, a restore with a directive, pins, odd values and two threads."""
    save_chain(store, 4, run_id="run-1", step_name="search")
    restore(store, "c2", "op-1", Directive(strategy=Strategy.SKIP_TO_NEXT, parameters={"n": 1}))
    kept = draft(
        5,
        parent="c2",
        kind=Kind.RECOVERY,
        status=Status.FAILED,
        iteration=3,
        metrics={"tokens": 12.5, "calls": 2},
        metadata={"why": "ünïcode", "deep": {"a": [1, None]}},
    )
    store.put(kept, odd_state(), expected_head="c2")
    restore(store, "c3", "op-2", Directive(strategy=Strategy.RETRY_CURRENT_STEP))
    store.pin(store.get("c1"), reason="golden", now=NOON + timedelta(days=1))
    other = draft(6, agent_id="agent-2", thread_id="other", status=Status.COMPLETED)
    store.put(other, {"n": 6}, expected_head=None)
    store.record([entry("mail-1", checkpoint_id="c2", data={"result": (1, b"\0", NOON)})])
    store.record([entry("mail-2"), entry("r", kind="resume", data={"outcome": "resumed"})])
    store.record([entry("alone", agent_id="agent-3", thread_id="no checkpoints")])


def restore(store: Store, target: str, operation_id: str, directive: Directive) -> None:
    plan = store.plan_restore(store.get(target))
    store.restore(
        plan,
        written_ids=(),
        operation_id=operation_id,
        reason="drift",
        now=NOON + timedelta(hours=int(operation_id[-1])),
        directive=directive,
    )


def said(store: ReadableStore) -> dict[str, Any]:
    """Return all that a store says, but for what it measures on its own disk and head versions."""
    threads = {(t.agent_id, t.thread_id): t for t in store.threads()}
    heads = {key: store.head(*key) for key in threads}
    return {
        "records": {
            key: [without_measures(r) for r in store.history(*key)] for key in sorted(threads)
        },
        "heads": {
            key: (h.checkpoint_id, h.operation_id, h.reason, h.directive, h.moved_at)
            for key, h in sorted(heads.items())
            if h is not None
        },
        "standing": {key: (t.status, t.detail, t.checkpoints) for key, t in threads.items()},
        "pins": store.pins() if isinstance(store, Store) else [],
        "journals": list(journals(store)) if isinstance(store, Store) else [],
    }


def journals(store: Store) -> Iterator[list[JournalEntry]]:
    for name in store.journals():
        yield store.entries(name.agent_id, name.thread_id, kind=name.kind)


def without_measures(record: Checkpoint) -> dict[str, Any]:
    return {k: v for k, v in record.to_dict().items() if k != "stored_size"}


def states(store: ReadableStore) -> dict[str, dict[str, Any]]:
    records = (r for t in store.threads() for r in store.history(t.agent_id, t.thread_id))
    return {r.id: store.load(r) for r in sorted(records, key=lambda record: record.id)}


def command(old: str, new: str, *more: str) -> Result:
    return CliRunner().invoke(app, ["migrate", old, new, *more])


@pytest.mark.parametrize(("old", "new"), [("sqlite", "file"), ("file", "sqlite")])
def test_everything_that_a_store_says_is_said_by_the_new_one(
    old: str, new: str, places: Places
) -> None:
    source, target = (f"{s}:///{places.folder}/{n}" for s, n in ((old, "a"), (new, "b")))
    rich(places.open(source))
    report = migrate(places.open(source), places.open(target))
    assert report == Report(threads=2, copied=6, heads=2, pins=1, entries=4)
    assert said(places.open(target)) == said(places.open(source))
    assert same(states(places.open(target)), states(places.open(source)))
    assert list(places.open(target).verify()) == []


@pytest.mark.parametrize("service", ["postgresql_url", "redis_url"])
def test_over_a_server_and_back_nothing_is_lost(
    service: str, places: Places, request: pytest.FixtureRequest
) -> None:
    for library in ("psycopg", "redis"):
        pytest.importorskip(library)
    server = request.getfixturevalue(service)
    rich(places.open(places.old))
    with contextlib.closing(places.open(server)) as store:
        assert migrate(places.open(places.old), store).findings == []
    with contextlib.closing(places.open(server)) as store:
        assert said(store) == said(places.open(places.old))
        assert migrate(store, places.open(places.new)).findings == []
    assert said(places.open(places.new)) == said(places.open(places.old))
    assert same(states(places.open(places.new)), states(places.open(places.old)))


def test_the_old_store_is_never_written(places: Places) -> None:
    rich(places.open(places.old))
    before = (places.folder / "old.db").read_bytes()
    migrate(places.open(places.old), places.open(places.new))
    assert (places.folder / "old.db").read_bytes() == before
    assert places.open(places.old).head("agent-1", "main") == places.open(places.old).head(
        None, "main"
    )


def test_done_again_it_doubles_nothing(places: Places) -> None:
    rich(places.open(places.old))
    migrate(places.open(places.old), places.open(places.new))
    journal = (places.folder / "new/journal.jsonl").read_bytes()
    report = migrate(places.open(places.old), places.open(places.new))
    assert report == Report(threads=2, present=6, heads=2, pins=1, entries=4)
    assert (places.folder / "new/journal.jsonl").read_bytes() == journal


def test_what_the_old_store_gained_is_copied_the_next_time(places: Places) -> None:
    old = places.open(places.old)
    rich(old)
    migrate(old, places.open(places.new))
    head = old.head("agent-1", "main")
    assert head is not None
    old.take_directive(head)
    migrate(old, places.open(places.new))
    assert said(places.open(places.new)) == said(old)
    old.put(draft(7, parent="c3"), {"n": 7}, expected_head="c3")
    assert migrate(old, places.open(places.new)).copied == 1
    assert said(places.open(places.new)) == said(old)


def test_what_came_back_from_the_trash_is_copied_once_and_in_its_place(places: Places) -> None:
    old = places.open(places.old)
    save_chain(old, 4)
    old.trash({"c1": "age", "c2": "age"}, now=NOON)
    old.untrash(["c1"])
    report = migrate(old, places.open(places.new))
    assert (report.copied, report.present) == (3, 0)
    assert [r.id for r in places.open(places.new).history(None, "main")] == ["c4", "c3", "c1"]


def test_one_thread_is_copied_alone(places: Places) -> None:
    rich(places.open(places.old))
    report = migrate(places.open(places.old), places.open(places.new), thread="other")
    assert report == Report(threads=1, copied=1, heads=1)
    assert [t.thread_id for t in places.open(places.new).threads()] == ["other"]
    assert places.open(places.new).pins() == []


def test_an_unknown_thread_is_said_so(places: Places) -> None:
    rich(places.open(places.old))
    with pytest.raises(CheckpointNotFound, match="nowhere"):
        survey(places.open(places.old), places.open(places.new), thread="nowhere")


def test_something_else_under_the_same_id_is_refused_with_nothing_copied(places: Places) -> None:
    rich(places.open(places.old))
    new = places.open(places.new)
    new.put(draft(6, agent_id="agent-2", thread_id="other"), {"n": 0}, expected_head=None)
    with pytest.raises(PlanRefused, match="something else under the id c6"):
        migrate(places.open(places.old), new)
    assert [t.thread_id for t in new.threads()] == ["other"]


def test_the_same_record_with_another_state_is_refused(places: Places) -> None:
    save_chain(places.open(places.old), 1)
    new = places.open(places.new)
    new.put(draft(1), {"another": "state"}, expected_head=None)
    with pytest.raises(PlanRefused, match="something else under the id c1"):
        migrate(places.open(places.old), new)


def test_a_thread_that_went_on_in_the_new_store_is_refused(places: Places) -> None:
    rich(places.open(places.old))
    migrate(places.open(places.old), places.open(places.new))
    new = places.open(places.new)
    new.put(draft(70, parent="c3"), {}, expected_head="c3")
    with pytest.raises(PlanRefused, match="holds c70"):
        migrate(places.open(places.old), new)
    head = new.head("agent-1", "main")
    assert head is not None
    assert head.checkpoint_id == "c70"


def test_other_threads_of_the_new_store_stay_as_they_are(places: Places) -> None:
    rich(places.open(places.old))
    new = places.open(places.new)
    new.put(draft(80, agent_id="agent-9", thread_id="main"), {"n": 80}, expected_head=None)
    migrate(places.open(places.old), new)
    head = new.head("agent-9", "main")
    assert head is not None
    assert head.checkpoint_id == "c80"


def test_a_store_is_not_migrated_into_itself(places: Places) -> None:
    rich(places.open(places.old))
    again = f"sqlite:///{places.folder}/./old.db"
    assert command(places.old, again, "--yes").exit_code == Exit.REFUSED
    (places.folder / "link.db").symlink_to(places.folder / "old.db")
    assert command(places.old, f"sqlite:///{places.folder}/link.db").exit_code == Exit.REFUSED


def damage(path: Path, checkpoint_id: str) -> None:
    import sqlite3

    sql = "UPDATE checkpoints SET frame = substr(frame, 1, length(frame) - 1) || x'00' WHERE id = ?"
    with sqlite3.connect(path) as db:
        db.execute(sql, (checkpoint_id,))
    db.close()


def test_a_damaged_checkpoint_is_named_and_the_rest_is_copied(places: Places) -> None:
    store = places.open(places.old)
    for number in (1, 2):
        thread = f"thread {number}"
        store.put(draft(number, thread_id=thread), {"n": number}, expected_head=None)
    store.pin(store.get("c1"), reason="golden", now=NOON)
    store.close()
    damage(places.folder / "old.db", "c1")
    result = command(places.old, places.new, "--yes", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == Exit.FINDINGS
    assert (report["copied"], report["heads"], report["pins"]) == (1, 1, 0)
    assert {(f["kind"], f["checkpoint_id"]) for f in report["findings"]} == {
        ("not_copied", "c1"),
        ("head_not_set", "c1"),
        ("pin_not_set", "c1"),
    }
    assert states(places.open(places.new)) == {"c2": {"n": 2}}


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE threads SET head = x'00' WHERE thread_id = 'main'",
        "DELETE FROM threads WHERE thread_id = 'main'",
    ],
)
def test_a_head_that_cannot_be_known_is_named(harm: str, places: Places) -> None:
    import sqlite3

    with contextlib.closing(places.open(places.old)) as store:
        rich(store)
    with contextlib.closing(sqlite3.connect(places.folder / "old.db")) as db, db:
        db.execute(harm)
    report = migrate(places.open(places.old), places.open(places.new))
    assert (report.copied, report.heads) == (6, 1)
    assert [(f.kind, f.thread_id) for f in report.findings] == [("head_not_set", "main")]


class Altering(SqliteStore):
    """Keeps another state than it was given, in one checkpoint."""

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        altered = {**state, "n": -1} if draft.id == "c2" else state
        return super().put(draft, altered, expected_head=expected_head)


class Losing(SqliteStore):
    """Acknowledges one checkpoint without keeping it."""

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        if draft.id == "c3":
            return self.get("c2")
        return super().put(draft, state, expected_head=expected_head)


class Miscounting(SqliteStore):
    """Gives a record another digest than that of its state."""

    def get(self, checkpoint_id: str, **names: Any) -> Checkpoint:
        from dataclasses import replace

        return replace(super().get(checkpoint_id, **names), sha256="0" * 64)


@pytest.mark.parametrize(
    ("kind", "lost", "why"),
    [
        (Altering, "c2", "gives another state back"),
        (Losing, "c3", "there is no checkpoint 'c3'"),
        (Miscounting, "c1", "its digest is another one"),
    ],
)
def test_a_new_store_that_lies_is_caught(
    kind: type[SqliteStore], lost: str, why: str, places: Places
) -> None:
    save_chain(places.open(places.old), 3)
    new = kind(places.folder / "lies.db", "sqlite:///lies.db")
    findings = migrate(places.open(places.old), new).findings
    assert [f.message for f in findings if f.checkpoint_id == lost and why in f.message]


def test_a_place_that_is_full_ends_it_and_it_goes_on_later(places: Places) -> None:
    class Full(SqliteStore):
        def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
            if draft.id == "c3":
                raise PermanentStoreError("the disk is full")
            return super().put(draft, state, expected_head=expected_head)

    save_chain(places.open(places.old), 4)
    target = f"sqlite:///{places.folder}/new.db"
    with pytest.raises(PermanentStoreError, match="the disk is full"):
        migrate(places.open(places.old), Full(places.folder / "new.db", target))
    report = migrate(places.open(places.old), places.open(target))
    assert (report.present, report.copied) == (2, 2)
    assert said(places.open(target)) == said(places.open(places.old))


def test_killed_in_the_middle_it_goes_on_and_doubles_nothing(places: Places) -> None:
    old = places.open(places.old)
    count = 500
    save_chain(old, count)
    restore(old, "c9", "op-1", Directive(strategy=Strategy.SKIP_TO_NEXT))
    words = [sys.executable, "-c", MAIN, "migrate", places.old, places.new, "--yes"]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert running.stderr is not None
    assert "100 of 500" in running.stderr.readline()
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    copied = len(places.open(places.new).history(None, "main"))
    assert 100 <= copied < count
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert (report["present"], report["copied"]) == (copied, count - copied)
    assert said(places.open(places.new)) == said(old)
    assert len(list((places.folder / "new").glob("*/*/*.json"))) == count
    journal = (places.folder / "new/journal.jsonl").read_text()
    assert journal.count('"event":"put"') == count


def test_a_dry_run_says_what_there_is_and_makes_nothing(places: Places) -> None:
    rich(places.open(places.old))
    result = command(places.old, places.new, "--dry-run", "--json")
    assert result.exit_code == Exit.OK
    assert json.loads(result.stdout) == {
        "dry_run": True,
        "threads": 2,
        "checkpoints": 6,
        "present": 0,
        "pins": 1,
        "entries": 4,
        "findings": [],
    }
    assert not (places.folder / "new").exists()


def test_without_yes_and_without_a_person_nothing_is_copied(places: Places) -> None:
    rich(places.open(places.old))
    assert command(places.old, places.new).exit_code == Exit.USAGE
    assert not (places.folder / "new").exists()


def test_the_command_tells_people_what_it_did(places: Places) -> None:
    rich(places.open(places.old))
    result = command(places.old, places.new, "--yes")
    assert result.exit_code == Exit.OK
    assert "6 checkpoints of 2 threads" in result.stdout
    assert "versions of heads begin anew" in result.stdout
    assert "6 checkpoints were copied and read back" in result.stdout
    assert "6 of 6 checkpoints" in result.stderr


def test_a_journal_is_copied_once_and_goes_on(places: Places) -> None:
    rich(places.open(places.old))
    migrate(places.open(places.old), places.open(places.new))
    later = entry("r", kind="resume", recorded_at=NOON + timedelta(minutes=1), data={"n": 2})
    places.open(places.old).record([later], replace=True)
    places.open(places.old).record([entry("mail-3")])
    report = migrate(places.open(places.old), places.open(places.new))
    assert (report.entries, report.findings) == (5, [])
    assert said(places.open(places.new)) == said(places.open(places.old))


def test_an_entry_that_is_newer_in_the_new_store_stays_and_is_named(places: Places) -> None:
    rich(places.open(places.old))
    newer = entry("mail-1", recorded_at=NOON + timedelta(days=1))
    places.open(places.new).record([newer])
    report = migrate(places.open(places.old), places.open(places.new))
    assert report.entries == 3
    assert [f.kind for f in report.findings] == ["entry_not_copied"]
    assert "'mail-1'" in report.findings[0].message
    assert places.open(places.new).entries("agent-1", "main", kind="effect")[0] == newer


def test_a_thread_that_only_has_a_journal_is_copied_alone(places: Places) -> None:
    rich(places.open(places.old))
    new = places.open(places.new)
    report = migrate(places.open(places.old), new, thread="no checkpoints")
    assert report == Report(entries=1)
    assert [name.thread_id for name in new.journals()] == ["no checkpoints"]


@pytest.fixture
def langgraph(samples: Path, tmp_path: Path) -> Iterator[ReadableStore]:
    shutil.copy(samples / "langgraph.sqlite", tmp_path / "copy.sqlite")
    store = open_store(f"langgraph+sqlite:///{tmp_path}/copy.sqlite")
    yield store
    store.close()


def test_a_langgraph_file_is_copied_with_its_heads_and_order(
    langgraph: ReadableStore, places: Places
) -> None:
    before = (places.folder / "copy.sqlite").read_bytes()
    new = places.open(f"sqlite:///{places.folder}/new.db")
    report = migrate(langgraph, new)
    lost = {f.checkpoint_id for f in report.findings if f.kind == "not_copied"}
    assert_copied(langgraph, new, lost)
    assert report.copied == 437 - len(lost)
    assert (places.folder / "copy.sqlite").read_bytes() == before
    again = migrate(langgraph, new)
    assert (again.copied, again.present) == (0, report.copied)


def test_a_kaizen_folder_is_copied_with_its_heads_and_order(samples: Path, places: Places) -> None:
    old = open_store(f"kaizen:///{samples}/kaizen/flat")
    new = places.open(f"sqlite:///{places.folder}/new.db")
    report = migrate(old, new)
    lost = {f.checkpoint_id for f in report.findings if f.kind == "not_copied"}
    assert_copied(old, new, lost)
    assert migrate(old, new).copied == 0


def assert_copied(old: ReadableStore, new: Store, lost: set[str | None]) -> None:
    for thread in old.threads():
        key = (thread.agent_id, thread.thread_id)
        expected = [r for r in old.history(*key) if r.id not in lost]
        if not expected:
            continue
        found = new.history(*key)
        assert [r.id for r in found] == [r.id for r in expected]
        for record, copy in zip(expected, found, strict=True):
            assert (copy.step, copy.parent_id, copy.created_at, copy.status, copy.run_id) == (
                record.step,
                record.parent_id,
                record.created_at,
                record.status,
                record.run_id,
            )
            assert same(new.load(copy), old.load(record))
        head, kept = old.head(*key), new.head(*key)
        if head is not None and head.checkpoint_id not in lost:
            assert kept is not None
            assert (kept.checkpoint_id, kept.reason) == (head.checkpoint_id, head.reason)


def test_damaged_kaizen_files_are_named(samples: Path, places: Places) -> None:
    result = command(f"kaizen:///{samples}/kaizen/corrupt", places.new, "--yes", "--json")
    findings = json.loads(result.stdout)["findings"]
    assert result.exit_code == Exit.FINDINGS
    assert any("ckpt_zerolength0" in finding["message"] for finding in findings)


def test_what_only_langgraph_says_goes_into_the_metadata(
    langgraph: ReadableStore, places: Places
) -> None:
    new = places.open(f"sqlite:///{places.folder}/new.db")
    migrate(langgraph, new)
    records = {
        (r.id, r.thread_id): r
        for t in langgraph.threads()
        for r in langgraph.history(None, t.thread_id)
    }
    copies = [c for t in new.threads() for c in new.history(t.agent_id, t.thread_id)]
    inner = [c for c in copies if records[c.id, c.thread_id].namespace]
    assert inner
    for copy in inner:
        assert copy.metadata["namespace"] == records[copy.id, copy.thread_id].namespace


def test_other_frameworks_stores_are_not_migrated_into(langgraph: ReadableStore) -> None:
    with pytest.raises(PermanentStoreError, match="another framework writes"):
        survey(open_store("memory://"), langgraph)
