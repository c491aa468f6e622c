"""verify --deep, repair and rebuild: commands for every store, by the protocols that it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from checkpoints import open_store
from checkpoints.cli import opening
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.records import Finding
from checkpoints.stores.base import DeepVerifiable, ReadableStore, RepairableStore, Store
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import save_chain

LOST = Finding(kind="quarantined", message="c1 is in quarantine", checkpoint_id="c1")
HIDDEN = Finding(kind="corrupt_checkpoint", message="c2 does not decode", checkpoint_id="c2")


class Mendable(MemoryStore):
    """Loses one checkpoint to quarantine, and has one fault that only a deep look finds."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.broken = [LOST]

    def verify(self) -> Iterator[Finding]:
        yield from self.broken

    def verify_deep(self) -> Iterator[Finding]:
        yield from [*self.broken, HIDDEN]

    def repair(self, *, now: datetime) -> list[Finding]:
        assert now.tzinfo is not None
        self.calls.append("repair")
        moved, self.broken = self.broken, []
        return moved

    def rebuild(self, *, now: datetime) -> int:
        assert now.tzinfo is not None
        self.calls.append("rebuild")
        return 7


class Plain:
    """A store that another framework writes: it can be read."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.url = "kaizen:///plain"

    def verify(self) -> Iterator[Finding]:
        yield LOST

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def mendable(monkeypatch: pytest.MonkeyPatch) -> Mendable:
    store = Mendable()
    monkeypatch.setattr(opening, "open_store", lambda url, **_: store)
    return store


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Plain:
    store = Plain()
    monkeypatch.setattr(opening, "open_store", lambda url, **_: store)
    return store


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_the_protocols_tell_who_can_be_mended() -> None:
    assert isinstance(Mendable(), RepairableStore)
    assert isinstance(Mendable(), DeepVerifiable)
    assert not isinstance(Plain(), RepairableStore)
    assert not isinstance(Plain(), DeepVerifiable)


def test_verify_looks_deeper_when_it_is_asked(mendable: Mendable) -> None:
    shallow = json.loads(run("verify", "memory://", "--json").stdout)
    deep = json.loads(run("verify", "memory://", "--deep", "--json").stdout)
    assert [finding["checkpoint_id"] for finding in shallow] == ["c1"]
    assert [finding["checkpoint_id"] for finding in deep] == ["c1", "c2"]


def test_a_store_without_a_deeper_way_is_verified_as_it_can_be(plain: Plain) -> None:
    result = run("verify", "kaizen:///plain", "--deep", "--json")
    assert result.exit_code == Exit.FINDINGS
    assert [finding["checkpoint_id"] for finding in json.loads(result.stdout)] == ["c1"]


@pytest.mark.parametrize(
    ("command", "verb"), [(["repair", "--dry-run"], "repaired"), (["rebuild", "--yes"], "rebuilt")]
)
def test_a_store_that_cannot_be_mended_says_so(command: list[str], verb: str, plain: Plain) -> None:
    result = run(command[0], "kaizen:///plain", *command[1:])
    assert result.exit_code == Exit.STORE
    assert f"kaizen:// is a kind of store that cannot be {verb}" in result.stderr
    assert "nothing was changed" in result.stderr


def test_repair_names_what_it_moved(mendable: Mendable) -> None:
    result = run("repair", "memory://", "--yes", "--json")
    assert result.exit_code == Exit.OK
    assert json.loads(result.stdout) == [LOST.to_dict()]
    assert mendable.calls == ["repair"]
    assert "(quarantined): 1" in (told := run_again(mendable).stdout)
    assert "c1 is in quarantine" in told


def run_again(mendable: Mendable) -> Result:
    mendable.broken = [LOST]
    return run("repair", "memory://", "--yes")


def test_a_dry_repair_names_what_is_wrong_and_moves_nothing(mendable: Mendable) -> None:
    result = run("repair", "memory://", "--dry-run", "--json")
    assert json.loads(result.stdout) == [LOST.to_dict()]
    assert result.exit_code == Exit.OK
    assert mendable.calls == []


@pytest.mark.parametrize("command", ["repair", "rebuild"])
def test_nobody_is_there_to_be_asked_and_nothing_is_done(command: str, mendable: Mendable) -> None:
    result = run(command, "memory://")
    assert result.exit_code == Exit.USAGE
    assert f"add --yes to {command}" in result.stderr
    assert mendable.calls == []


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_whole_store_is_not_repaired(more: list[str], mendable: Mendable) -> None:
    mendable.broken = []
    result = run("repair", "memory://", *more)
    assert result.exit_code == Exit.OK
    assert mendable.calls == []
    assert result.stdout.strip() == ("[]" if more else "everything reads back as it was saved")


def test_rebuild_says_how_many_checkpoints_it_lists(mendable: Mendable) -> None:
    assert json.loads(run("rebuild", "memory://", "--yes", "--json").stdout) == {"checkpoints": 7}
    assert "7 checkpoints are listed" in run("rebuild", "memory://", "--yes").stdout
    assert mendable.calls == ["rebuild", "rebuild"]


@pytest.fixture
def damaged(tmp_path: Path) -> str:
    """A SQLite store whose second of three threads has a damaged checkpoint."""
    import sqlite3

    url = f"sqlite:///{tmp_path}/store.db"
    with closing(opened(url)) as store:
        save_chain(store, 3)
    sql = "UPDATE checkpoints SET frame = substr(frame, 1, length(frame) - 1) || x'00' WHERE id = ?"
    with closing(sqlite3.connect(tmp_path / "store.db")) as db, db:
        db.execute(sql, ("c3",))
    return url


def opened(url: str) -> Store:
    store: ReadableStore = open_store(url)
    assert isinstance(store, Store)
    return store


def test_a_damaged_file_is_repaired_and_then_whole_but_for_its_head(damaged: str) -> None:
    moved = json.loads(run("repair", damaged, "--yes", "--json").stdout)
    assert [(finding["kind"], finding["checkpoint_id"]) for finding in moved][:1] == [
        ("quarantined", "c3")
    ]
    left = json.loads(run("verify", damaged, "--deep", "--json").stdout)
    assert [finding["kind"] for finding in left] == ["dangling_head"]
    assert opened(damaged).load(opened(damaged).get("c2"))["step"] == 2


def test_a_file_is_rebuilt_and_stays_whole(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with closing(opened(url)) as store:
        save_chain(store, 3)
    assert json.loads(run("rebuild", url, "--yes", "--json").stdout) == {"checkpoints": 3}
    assert run("verify", url, "--deep").exit_code == Exit.OK


@pytest.mark.parametrize(("at", "length"), [(0, 100), (0, 4096), (68, 4)])
def test_repair_saves_what_is_whole_of_a_file_whose_beginning_is_lost(
    tmp_path: Path, at: int, length: int
) -> None:
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}")
    assert isinstance(store, Store)
    save_chain(store, 5)
    store.close()
    data = bytearray(path.read_bytes())
    data[at : at + length] = b"\xaa" * length
    path.write_bytes(bytes(data))
    runner = CliRunner()
    assert runner.invoke(app, ["list", f"sqlite:///{path}"]).exit_code == 5
    repaired = runner.invoke(app, ["repair", f"sqlite:///{path}", "--yes"])
    assert repaired.exit_code == 0, repaired.stderr
    assert "5 checkpoints that prove whole" in repaired.stdout.replace("\n", " ")
    assert runner.invoke(app, ["verify", f"sqlite:///{path}", "--deep"]).exit_code == 0


def test_repair_leaves_a_file_that_never_was_a_store_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all\n" * 500)
    repaired = CliRunner().invoke(app, ["repair", f"sqlite:///{path}", "--yes"])
    assert repaired.exit_code == 5
    assert "is not a SQLite file" in repaired.stderr
    assert path.read_text() == "no database at all\n" * 500
