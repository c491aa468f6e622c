"""The journal of a folder store: written anew when it is mostly obsolete, and under attack."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from checkpoints import CheckpointError, PermanentStoreError, Store, open_store
from checkpoints.stores.folder import listing
from checkpoints.stores.folder.journal_lines import checked, line_of
from checkpoints.stores.folder.store import FileStore
from checkpoints.testing import NOON, draft, save_chain

LATER = NOON + timedelta(days=1)
NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the journal anew as soon as it is mostly obsolete, however short it is."""
    monkeypatch.setattr(listing, "LEAST_LINES", 5)


def opened(root: Path) -> FileStore:
    return cast(FileStore, open_store(f"file:///{root}"))


def ids(store: Store) -> list[str]:
    return [c.id for c in store.history("agent-1", "main")]


def lines_of(root: Path) -> list[bytes]:
    return (root / "journal.jsonl").read_bytes().splitlines(keepends=True)


def inode_of(root: Path) -> int:
    return (root / "journal.jsonl").stat().st_ino


def fill_with_the_obsolete(store: Store, count: int = 30) -> None:
    for _ in range(count):
        store.pin(store.get("c1"), reason="golden", now=NOON)


def everything(store: Store) -> object:
    return (
        ids(store),
        list(store.threads()),
        store.head("agent-1", "main"),
        store.pins(),
        [store.load(c) for c in store.history("agent-1", "main")],
        list(store.verify()),
    )


@pytest.mark.usefixtures("eager")
def test_a_journal_that_is_mostly_obsolete_is_written_anew_and_says_the_same(root: Path) -> None:
    store = opened(root)
    save_chain(store, 4)
    store.trash({"c2": "age"}, now=NOON)
    fill_with_the_obsolete(store)
    assert len(lines_of(root)) < 30
    assert ids(store) == ids(opened(root)) == ["c4", "c3", "c1"]
    assert everything(store) == everything(opened(root))
    assert opened(root).untrash(["c2"]) == 1


def test_a_journal_that_is_not_obsolete_only_grows(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    before = inode_of(root)
    store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert inode_of(root) == before


@pytest.mark.usefixtures("eager")
def test_every_cursor_stays_valid_and_misses_nothing(root: Path) -> None:
    store = opened(root)
    cursors: list[tuple[str, set[str]]] = []
    for number in range(1, 13):
        parent = f"c{number - 1}" if number > 1 else None
        store.put(draft(number, parent=parent), {}, expected_head=parent)
        if number % 4 == 0:
            store.trash({f"c{number - 1}": "age"}, now=NOON)
            store.sweep(before=LATER)
        cursors.append((opened(root).changes(None).cursor, set(ids(store))))
    fill_with_the_obsolete(store)
    assert len(lines_of(root)) < 30
    for cursor, seen in cursors:
        changes = opened(root).changes(cursor)
        known = (seen | {c.id for c in changes.checkpoints}) - {
            r.checkpoint_id for r in changes.removals
        }
        assert not changes.reset
        assert known == set(ids(opened(root)))


@pytest.mark.usefixtures("eager")
def test_another_open_store_goes_on_with_the_journal_that_was_written_anew(root: Path) -> None:
    other = opened(root)
    store = opened(root)
    save_chain(store, 3)
    assert ids(other) == ["c3", "c2", "c1"]
    for number in range(4, 9):
        before = lines_of(root)[0]
        fill_with_the_obsolete(store)
        assert lines_of(root)[0] != before
        other.put(draft(number, parent=f"c{number - 1}"), {}, expected_head=f"c{number - 1}")
        assert ids(store) == ids(other)
    assert list(other.verify()) == list(store.verify()) == []


@pytest.mark.usefixtures("eager")
def test_operations_still_act_once_after_the_journal_was_written_anew(root: Path) -> None:
    store = opened(root)
    save_chain(store, 3)
    first = store.set_head(store.get("c1"), expected="c3", now=NOON, operation_id="op-1")
    store.set_head(store.get("c2"), expected="c1", now=NOON, operation_id="op-2")
    fill_with_the_obsolete(store)
    again = opened(root)
    assert again.set_head(again.get("c1"), expected="c2", now=NOON, operation_id="op-1") == first


@pytest.mark.usefixtures("eager")
def test_a_journal_that_cannot_be_written_anew_stands_and_the_save_is_safe(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(root)
    save_chain(store, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    before = inode_of(root)
    fill_with_the_obsolete(store)
    assert inode_of(root) == before
    assert len(opened(root).pins()) == 1
    assert list(root.glob("*.tmp")) == list(root.glob(".*.tmp")) == []


@pytest.mark.usefixtures("eager")
def test_damage_is_never_compacted_away(root: Path) -> None:
    save_chain(opened(root), 3)
    damaged = lines_of(root)
    damaged[2] = damaged[2].replace(b'"step":2', b'"step":9')
    (root / "journal.jsonl").write_bytes(b"".join(damaged))
    fill_with_the_obsolete(opened(root))
    assert "damaged_journal" in {f.kind for f in opened(root).verify()}


def test_threads_and_processes_save_at_once_while_the_journal_is_written_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LEAST_LINES", 5)
    program = (
        "import sys; from checkpoints import open_store; "
        "from checkpoints.stores.folder import listing; "
        "from checkpoints.testing import save_chain; listing.LEAST_LINES = 5\n"
        "store = open_store(sys.argv[1])\n"
        "for n in range(3): save_chain(store, 1, id=f'{sys.argv[2]}-{n}', "
        "thread_id=f'{sys.argv[2]}-{n}'); "
        "[store.pin(store.get(f'{sys.argv[2]}-{n}'), reason='r', now=store.get("
        "f'{sys.argv[2]}-{n}').created_at) for _ in range(9)]"
    )
    command = [sys.executable, "-c", program, f"file:///{root}"]
    processes = [subprocess.Popen([*command, f"p{n}"]) for n in range(3)]
    store = opened(root)

    def save(number: int) -> None:
        save_chain(store, 1, id=f"t-{number}", thread_id=f"t-{number}")

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0, 0]
    again = opened(root)
    assert len(list(again.threads())) == 8 + 9
    assert len(again.pins()) == 9
    assert list(again.verify_deep()) == []
    assert len(list(store.threads())) == 8 + 9


def test_whichever_byte_of_the_journal_is_flipped_nothing_untrue_is_listed(root: Path) -> None:
    save_chain(opened(root), 3)
    truth = {c.id: c for c in opened(root).history("agent-1", "main")}
    whole = (root / "journal.jsonl").read_bytes()
    for at in range(0, len(whole), 2):
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        (root / "journal.jsonl").write_bytes(flipped)
        store = opened(root)
        listed = {c.id: c for t in store.threads() for c in store.history(None, t.thread_id)}
        assert listed.items() <= truth.items()
        if len(listed) < len(truth):
            assert "damaged_journal" in {f.kind for f in store.verify()}
            assert store.rebuild(now=LATER) == 3
            assert ids(store) == ["c3", "c2", "c1"]
            for kept in root.glob("journal.*.damaged"):
                kept.unlink()


def test_a_damaged_line_never_makes_a_cursor_skip_what_comes_after(root: Path) -> None:
    save_chain(opened(root), 4)
    cursor = opened(root).changes(None).cursor
    lines = lines_of(root)
    for number in (2, 4):
        lines[number] = lines[number].replace(b'"agent-1"', b'"agent-7"')
    (root / "journal.jsonl").write_bytes(b"".join(lines))
    store = opened(root)
    assert store.changes(cursor).checkpoints == ()
    store.put(draft(5, parent="c3"), {}, expected_head="c3")
    assert [c.id for c in opened(root).changes(cursor).checkpoints] == ["c5"]


def test_a_journal_of_the_first_format_is_read_and_gone_on_with(root: Path) -> None:
    save_chain(opened(root), 3)
    (root / "journal.jsonl").write_bytes(b"".join(map(in_format_1, lines_of(root))))
    store = opened(root)
    cursor = store.changes(None, limit=2).cursor
    assert (ids(store), list(store.verify())) == (["c3", "c2", "c1"], [])
    store.put(draft(4, parent="c3"), {}, expected_head="c3")
    assert [c.id for c in opened(root).changes(cursor).checkpoints] == ["c3", "c4"]
    (root / "agent-1" / "main" / "c1.json").write_text("damaged")
    store.repair(now=LATER)
    assert ids(opened(root)) == ["c4", "c3", "c2"]
    assert [c.id for c in opened(root).changes(cursor).checkpoints] == ["c3", "c4"]


def in_format_1(line: bytes) -> bytes:
    payload = checked(line) or {}
    payload.pop("check", None)
    payload.pop("position", None)
    payload.pop("generation", None)
    return line_of({**payload, "format": 1} if "format" in payload else payload)


@pytest.mark.parametrize("how", ["appended", "written anew"])
def test_a_format_that_becomes_newer_under_an_open_store_is_not_written_to(
    how: str, root: Path
) -> None:
    store = opened(root)
    save_chain(store, 2)
    lines = lines_of(root)
    newer = line_of({**(checked(lines[0]) or {}), "format": 3, "generation": 1})
    other = root / "other"
    other.write_bytes(b"".join([*lines, newer] if how == "appended" else [newer, *lines[1:]]))
    other.replace(root / "journal.jsonl") if how == "written anew" else (
        root / "journal.jsonl"
    ).write_bytes(other.read_bytes())
    before = (root / "journal.jsonl").read_bytes()
    for _ in range(2):
        with pytest.raises(PermanentStoreError, match="format 3"):
            store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert (root / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("which", range(1, 4))
def test_after_any_failed_sync_nothing_is_synced_again_and_reopening_works(
    which: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(root)
    save_chain(store, 2)
    calls = 0
    real = os.fsync

    def failing(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == which:
            raise OSError(5, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(PermanentStoreError):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    with pytest.raises(PermanentStoreError, match="open the store anew"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert calls == which
    monkeypatch.undo()
    again = opened(root)
    assert ids(again) == ["c2", "c1"]
    again.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert ids(again) == ["c3", "c2", "c1"]


def test_a_refused_save_leaves_no_file(root: Path) -> None:
    store = opened(root)
    save_chain(store, 1)
    barrier = threading.Barrier(4)
    refused: list[str] = []

    def save(number: int) -> None:
        barrier.wait()
        try:
            store.put(draft(number, parent="c1"), {}, expected_head="c1")
        except CheckpointError:
            refused.append(f"c{number}")

    threads = [threading.Thread(target=save, args=(n,)) for n in range(2, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = {path.name for path in (root / "agent-1" / "main").iterdir()}
    assert len(refused) == 3
    assert left == {f"{name}.json" for name in ids(store)}


def test_two_contents_under_one_id_at_once_leave_the_one_that_was_acknowledged(
    root: Path,
) -> None:
    for number in range(8):
        stores = [opened(root), opened(root)]
        saved: list[dict[str, int]] = []

        threads = [
            threading.Thread(target=save_if_allowed, args=(store, f"t{number}", n, saved))
            for n, store in enumerate(stores)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        again = opened(root)
        assert [again.load(again.get(f"t{number}"))] == saved
    assert list(opened(root).verify_deep()) == []


def test_another_content_refused_under_the_lock_leaves_no_file_in_another_format(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_chain(opened(root), 1)
    store = cast(FileStore, open_store(f"file:///{root}?format=jsonl.gz"))
    monkeypatch.setattr(f"{FileStore.__module__}.refuse_known", lambda *_: None)
    for state, expected in (({"n": 2}, "c1"), ({"step": 1, "log": [0]}, "c1")):
        with contextlib.suppress(CheckpointError):
            store.put(draft(1), state, expected_head=expected)
        left = [path.name for path in (root / "agent-1" / "main").iterdir()]
        assert left == ["c1.json"]


def save_if_allowed(store: Store, name: str, n: int, saved: list[dict[str, int]]) -> None:
    with contextlib.suppress(CheckpointError):
        store.put(draft(1, id=name, thread_id=name), {"n": n}, expected_head=None)
        saved.append({"n": n})


def in_a_child(work: Callable[[], object]) -> str:
    """Run something in a forked process and return the error it ended with, if any."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as pipe:
        return pipe.read()


def test_a_disk_that_takes_no_more_refuses_the_save_and_keeps_the_rest(root: Path) -> None:
    save_chain(opened(root), 2)

    def save() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        opened(root).put(draft(3, parent="c2"), {"text": "x" * 9000}, expected_head="c2")

    assert in_a_child(save).startswith("PermanentStoreError")
    assert ids(opened(root)) == ["c2", "c1"]
    assert list(opened(root).verify()) == []
    opened(root).put(draft(3, parent="c2"), {}, expected_head="c2")


def test_a_journal_that_may_grow_no_more_keeps_what_it_has(root: Path) -> None:
    save_chain(opened(root), 4)
    size = (root / "journal.jsonl").stat().st_size

    def save() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
        opened(root).put(draft(5, parent="c4"), {}, expected_head="c4")

    assert in_a_child(save).startswith("PermanentStoreError")
    assert (root / "journal.jsonl").stat().st_size == size
    opened(root).put(draft(5, parent="c4"), {}, expected_head="c4")
    assert len(ids(opened(root))) == 5


def test_a_folder_that_may_only_be_read_is_read_and_says_so_to_a_save(
    root: Path, tmp_path: Path
) -> None:
    save_chain(opened(root), 2)
    for path in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        path.chmod(0o755)
    if os.geteuid() != 0:
        for path in (root, *root.rglob("*")):
            path.chmod(0o555)

    def read_and_save() -> None:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        store = opened(root)
        assert [store.load(c)["step"] for c in store.history("agent-1", "main")] == [2, 1]
        assert list(store.verify()) == []
        store.put(draft(3, parent="c2"), {}, expected_head="c2")

    told = in_a_child(read_and_save)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755)
    assert "PermanentStoreError" in told
    assert "not permitted" in told


def test_a_folder_that_may_not_be_read_is_refused_by_an_error_of_ours(
    root: Path, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    save_chain(opened(root), 1)
    for path in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        path.chmod(0o755)
    store = opened(root)
    root.chmod(0o700)

    def read(work: Callable[[], object]) -> None:
        os.setuid(NOBODY)
        work()

    for work in (lambda: opened(root), lambda: list(store.threads())):
        assert "not permitted" in in_a_child(lambda work=work: read(work))  # type: ignore[misc]
    root.chmod(0o755)


def test_a_fork_in_the_middle_of_a_life_reads_and_saves(root: Path) -> None:
    store = opened(root)
    save_chain(store, 2)
    assert in_a_child(lambda: store.put(draft(3, parent="c2"), {}, expected_head="c2")) == ""
    assert ids(store) == ["c3", "c2", "c1"]


@pytest.mark.parametrize("name", ["a/b", "x" * 10_000, "", "..", "quarantine", "journal"])
def test_any_id_is_repaired_rebuilt_and_removed_like_others(name: str, root: Path) -> None:
    store = opened(root)
    given = draft(1, id=name, agent_id=name, thread_id=name)
    store.put(given, {"n": 1}, expected_head=None)
    store.put(draft(2, agent_id=name, thread_id=name), {}, expected_head=name)
    (root / "journal.jsonl").unlink()
    assert opened(root).rebuild(now=LATER) == 2
    again = opened(root)
    assert again.load(again.get(name)) == {"n": 1}
    again._folder.paths(again.get(name))[0].write_text("damaged")
    assert [f.checkpoint_id for f in again.repair(now=LATER)] == [name]
    assert list(opened(root).verify()) == []
