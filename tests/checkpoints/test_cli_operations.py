"""The command line that forks, prunes, undoes, sweeps and erases."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from checkpoints import CheckpointManager, open_store
from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from checkpoints.cli.options import age_of, edits_of, size_of
from checkpoints.errors import TransientStoreError
from checkpoints.plans import Edit
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.stores.urls import open_native_store


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with a thread of six checkpoints."""
    url = f"sqlite:///{tmp_path}/store.db"
    with CheckpointManager("agent-1", store=url) as manager:
        for n in range(6):
            manager.create_checkpoint(
                state={"n": n, "plan": [{"tool": "search"}]},
                step_name="search",
                metadata={"user_id": "ada" if n < 2 else "bob"},
            )
    return url


@pytest.fixture(params=["sqlite", "kaizen", "langgraph"])
def any_url(request: pytest.FixtureRequest, url: str, samples: Path, tmp_path: Path) -> str:
    """A store of each kind that can be pruned: Holdfast's own and those of other frameworks."""
    if request.param == "kaizen":
        shutil.copytree(samples / "kaizen" / "flat", tmp_path / "flat")
        return f"kaizen:///{tmp_path}/flat"
    if request.param == "langgraph":
        shutil.copy(samples / "langgraph.sqlite", tmp_path / "copy.sqlite")
        return f"langgraph+sqlite:///{tmp_path}/copy.sqlite"
    return url


@pytest.fixture(autouse=True)
def trash_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the trash of other frameworks' stores in a folder of the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "holdfast"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def told(*arguments: str, code: Exit = Exit.OK) -> Any:
    """Run a command without being asked, and return what it printed as JSON."""
    result = run(*arguments, "--reason", "a test", "--yes", "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def contents(url: str) -> dict[tuple[str, str], list[tuple[str, Any]]]:
    """Return what a store lists, with the states that can be read."""
    store = open_store(url)
    return {
        (thread.agent_id, thread.thread_id): [
            (record.id, None if record.damage else store.load(record))
            for record in store.history(thread.agent_id, thread.thread_id)
        ]
        for thread in store.threads()
    }


def main_ids(store: ReadableStore) -> list[str]:
    return [record.id for record in store.history("agent-1", "main")]


def fork(url: str, *more: str) -> list[str]:
    target = main_ids(open_store(url))[3]
    return ["fork", url, "--thread", "main", "--checkpoint", target, "--as", "what-if", *more]


def test_a_fork_begins_a_thread_with_its_edits(url: str) -> None:
    words = ["--set", 'plan.0.tool="write"', "--set", "plan.1={}", "--unset", "n"]
    result = told(*fork(url, *words))
    store = open_store(url)
    head = store.head("agent-1", "what-if")
    assert head is not None
    assert (head.checkpoint_id, head.reason) == (result["head"], "a test")
    assert store.load(store.get(head.checkpoint_id)) == {"plan": [{"tool": "write"}, {}]}


def test_a_dry_fork_says_what_would_be_done_and_changes_nothing(url: str) -> None:
    result = run(*fork(url, "--set", "n=7"), "--reason", "r", "--dry-run")
    assert "Edit      n = 7" in result.stdout
    assert "Nothing was changed." in result.stdout
    assert open_store(url).head("agent-1", "what-if") is None


def test_a_fork_without_yes_and_without_a_person_does_nothing(url: str) -> None:
    assert run(*fork(url), "--reason", "r").exit_code == Exit.USAGE
    assert open_store(url).head("agent-1", "what-if") is None


def test_a_fork_into_a_thread_that_exists_is_refused(url: str) -> None:
    told(*fork(url))
    assert run(*fork(url), "--reason", "r", "--yes").exit_code == Exit.REFUSED


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "n=seven"], "is not JSON"),
        (["--set", "n"], "names no value"),
        (["--set", "[1.5]=1"], "more than keys and positions"),
        (["--unset", "[1"], "no JSON array"),
    ],
)
def test_an_edit_that_is_not_written_right_is_explained(
    url: str, words: list[str], sentence: str
) -> None:
    result = run(*fork(url, *words), "--reason", "r", "--yes")
    assert result.exit_code == Exit.USAGE
    assert sentence in " ".join(result.output.replace("│", " ").split())


def test_an_edit_that_makes_no_sense_is_refused(url: str) -> None:
    result = run(*fork(url, "--unset", "nowhere"), "--reason", "r", "--yes")
    assert (result.exit_code, "$['nowhere']" in result.output) == (Exit.REFUSED, True)


def test_paths_name_positions_in_lists_and_keys_elsewhere() -> None:
    state = {"plan": [{"0": 1}], "a.b": {"c": 1}}
    assigned = ["plan.0.0=2", '["a.b", "c"]=3', "new=null"]
    assert edits_of(state, assigned, ["plan.0"]) == [
        Edit(path=("plan", 0, "0"), value=2),
        Edit(path=("a.b", "c"), value=3),
        Edit(path=("new",), value=None),
        Edit(path=("plan", 0), remove=True),
    ]


def test_ages_and_sizes_are_written_as_people_do() -> None:
    assert (age_of("36h"), age_of("2w")) == (timedelta(hours=36), timedelta(days=14))
    assert (size_of("500"), size_of("2 GB"), size_of("7kb")) == (500, 2 * 10**9, 7000)


def test_a_dry_prune_gives_a_reason_for_each_that_stays_and_changes_nothing(any_url: str) -> None:
    before = contents(any_url)
    result = run("prune", any_url, "--keep-last", "2", "--reason", "r", "--dry-run")
    assert result.exit_code == Exit.OK
    kept = [line for line in result.stdout.splitlines() if line.startswith("  stays")]
    assert kept
    assert all(len(line.split()) > 2 for line in kept)
    assert "not among the newest 2" in result.stdout
    assert "Nothing was changed." in result.stdout
    assert contents(any_url) == before


def test_a_prune_is_undone(any_url: str) -> None:
    before = contents(any_url)
    result = told("prune", any_url, "--keep-last", "2")
    after = contents(any_url)
    gone = sum(len(thread["removed"]) for thread in result["threads"])
    assert gone == sum(map(len, before.values())) - sum(map(len, after.values())) > 0
    for key, listed in after.items():
        assert [pair for pair in before[key] if pair in listed] == listed
    back = told("undo", any_url, result["operation_id"])
    assert (back["returned"], back["missing"]) == (gone, {})
    assert contents(any_url) == before
    told_twice = run("undo", any_url, result["operation_id"], "--reason", "r", "--yes")
    assert (told_twice.exit_code, "undone already" in told_twice.output) == (Exit.REFUSED, True)


def test_a_restore_is_undone(any_url: str) -> None:
    store = open_store(any_url)
    thread = next(t for t in store.threads() if t.checkpoints > 3 and t.head_id)
    record = next(
        r
        for r in store.history(thread.agent_id, thread.thread_id)[2:]
        if not r.namespace and not r.damage
    )
    words = ["--thread", thread.thread_id, "--checkpoint", record.id]
    result = told("restore", any_url, *words)
    assert result["previous_head"] == thread.head_id
    back = told("undo", any_url, result["operation_id"])
    assert back["plan"]["targets"][0]["checkpoint_id"] == thread.head_id
    head = open_store(any_url).head(thread.agent_id, thread.thread_id)
    assert head is not None
    assert head.checkpoint_id == back["head"]


def test_a_prune_of_one_thread_leaves_the_others(url: str) -> None:
    told(*fork(url))
    for n in range(3):
        with CheckpointManager("agent-1", store=url, thread="what-if") as manager:
            manager.resume()
            manager.create_checkpoint(state={"n": n})
    told("prune", url, "--thread", "what-if", "--keep-last", "1")
    assert len(main_ids(open_store(url))) == 6
    assert len(open_store(url).history("agent-1", "what-if")) == 1


def test_every_rule_of_a_policy_can_be_named(url: str) -> None:
    rules = ["--keep-last", "4", "--keep-last", "routine=2", "--keep-within", "recovery=7d"]
    rules += ["--hourly", "1", "--daily", "1", "--weekly", "1", "--monthly", "1"]
    plan = json.loads(
        run(
            "prune", url, *rules, "--max-bytes", "1GB", "--reason", "r", "--dry-run", "--json"
        ).stdout
    )["plans"][0]
    assert len(plan["keep"]) == 4
    assert "routine: not among the last 2" in " ".join(plan["reasons"])
    young = ["prune", url, "--keep-within", "1h", "--reason", "r", "--dry-run", "--json"]
    assert json.loads(run(*young).stdout)["plans"][0]["remove"] == []


@pytest.mark.parametrize(
    "rules",
    [
        [],
        ["--keep-last", "0"],
        ["--keep-last", "few"],
        ["--keep-within", "soon"],
        ["--keep-last", "golden=3"],
        ["--max-bytes", "all"],
        ["--hourly", "0"],
    ],
)
def test_a_rule_that_is_none_is_explained_and_nothing_goes(url: str, rules: list[str]) -> None:
    assert run("prune", url, *rules, "--reason", "r", "--yes").exit_code == Exit.USAGE
    assert len(main_ids(open_store(url))) == 6


def test_where_nothing_goes_nobody_is_asked(url: str) -> None:
    result = run("prune", url, "--keep-last", "9", "--reason", "r")
    assert (result.exit_code, "Nothing was changed." in result.stdout) == (Exit.OK, True)


def test_a_thread_that_is_not_there_is_not_pruned(url: str) -> None:
    result = run("prune", url, "--thread", "nowhere", "--keep-last", "1", "--reason", "r")
    assert result.exit_code == Exit.NOT_FOUND


def test_the_trash_of_another_frameworks_store_can_lie_elsewhere(
    samples: Path, tmp_path: Path, trash_folder: Path
) -> None:
    shutil.copytree(samples / "kaizen" / "flat", tmp_path / "flat")
    url, elsewhere = f"kaizen:///{tmp_path}/flat", f"sqlite:///{tmp_path}/elsewhere.db"
    before = contents(url)
    result = told("prune", url, "--keep-last", "1", "--trash", elsewhere)
    assert not trash_folder.exists()
    assert run("undo", url, result["operation_id"], "--reason", "r").exit_code == Exit.NOT_FOUND
    told("undo", url, result["operation_id"], "--trash", elsewhere)
    assert contents(url) == before


def test_an_unknown_operation_is_not_undone(url: str) -> None:
    assert run("undo", url, "no-such", "--reason", "r", "--yes").exit_code == Exit.NOT_FOUND


def test_a_fork_is_not_undone_but_erased(url: str) -> None:
    result = told(*fork(url))
    undone = run("undo", url, result["operation_id"], "--reason", "r", "--yes")
    assert (undone.exit_code, "holdfast erase" in undone.output) == (Exit.REFUSED, True)


def test_what_a_sweep_took_does_not_come_back_and_is_named(url: str) -> None:
    result = told("prune", url, "--keep-last", "2")
    open_native_store(url).sweep(before=datetime.now(UTC) + timedelta(days=1))
    back = told("undo", url, result["operation_id"], code=Exit.FINDINGS)
    assert (back["returned"], len(back["missing"])) == (0, 4)


def test_a_sweep_waits_for_a_day_at_least(url: str) -> None:
    result = run("sweep", url, "--before", "23h", "--yes")
    assert (result.exit_code, "24 hours" in result.output) == (Exit.USAGE, True)


def test_a_sweep_takes_what_is_old_and_no_more(url: str) -> None:
    store = open_native_store(url)
    *_, second, first = main_ids(store)
    now = datetime.now(UTC)
    store.trash({first: "age"}, now=now - timedelta(days=8))
    store.trash({second: "age"}, now=now - timedelta(days=6))
    dry = json.loads(run("sweep", url, "--dry-run", "--json").stdout)
    assert dry == {"dry_run": True, "checkpoints": 1}
    assert run("sweep", url, "--yes", "--json").exit_code == Exit.OK
    assert open_native_store(url).untrash([first, second]) == 1


@pytest.mark.parametrize("kind", ["kaizen", "langgraph"])
def test_a_sweep_empties_the_trash_of_another_frameworks_store(
    kind: str, samples: Path, tmp_path: Path, time_machine: Any
) -> None:
    if kind == "kaizen":
        shutil.copytree(samples / "kaizen" / "flat", tmp_path / "flat")
        url = f"kaizen:///{tmp_path}/flat"
    else:
        shutil.copy(samples / "langgraph.sqlite", tmp_path / "copy.sqlite")
        url = f"langgraph+sqlite:///{tmp_path}/copy.sqlite"
    result = told("prune", url, "--keep-last", "1")
    time_machine.move_to(datetime.now(UTC) + timedelta(days=8), tick=True)
    gone = sum(len(thread["removed"]) for thread in result["threads"])
    dry = json.loads(run("sweep", url, "--dry-run", "--json").stdout)
    assert dry["checkpoints"] == gone > 0
    assert run("sweep", url, "--yes").exit_code == Exit.OK
    assert json.loads(run("sweep", url, "--dry-run", "--json").stdout)["checkpoints"] == 0
    back = told("undo", url, result["operation_id"], code=Exit.FINDINGS)
    assert back["returned"] == 0


def test_an_erasure_leaves_a_receipt_that_seals_itself(url: str, tmp_path: Path) -> None:
    digests = {r.id: r.sha256 for r in open_store(url).history("agent-1", "main")}
    told("erase", url, "--user", "ada", "--receipt", str(tmp_path / "receipt.json"))
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    (thread,) = receipt["threads"]
    erased = {one["checkpoint_id"]: one["sha256"] for one in thread["erased"]}
    assert len(erased) == receipt["erased"] == 2
    assert erased.items() <= digests.items()
    assert (receipt["what"], receipt["reason"]) == ({"user": "ada"}, "a test")
    assert (receipt["remaining"], receipt["read_back"]) == (0, "gone")
    seal = receipt.pop("sha256")
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == seal
    assert not set(main_ids(open_store(url))) & set(erased)


def test_a_receipt_that_goes_into_no_file_is_printed(url: str) -> None:
    said = run("erase", url, "--user", "ada", "--reason", "r", "--yes").stdout
    receipt = json.loads(said[said.index("\n{\n") : said.index("\n}\n") + 2])
    assert (receipt["erased"], receipt["read_back"]) == (2, "gone")
    assert receipt["sha256"] in said[said.index("Done.") :].replace("\n", "")


def test_a_run_is_erased(url: str) -> None:
    store = open_store(url)
    run_id = store.history("agent-1", "main")[0].run_id
    assert run_id is not None
    assert told("erase", url, "--run", run_id)["erased"] == 6
    assert list(open_store(url).threads()) == []


def test_a_thread_is_erased_for_good(any_url: str) -> None:
    store = open_store(any_url)
    thread = next(t for t in store.threads() if t.checkpoints > 2)
    words = ["--thread", thread.thread_id, "--agent", thread.agent_id]
    result = told("erase", any_url, *words)
    assert (result["remaining"], result["threads"][0]["whole"]) == (0, True)
    listed = {(t.agent_id, t.thread_id) for t in open_store(any_url).threads()}
    assert (thread.agent_id, thread.thread_id) not in listed


def test_a_dry_erasure_says_what_would_go_and_changes_nothing(any_url: str) -> None:
    before = contents(any_url)
    thread = next(iter(open_store(any_url).threads())).thread_id
    result = run("erase", any_url, "--thread", thread, "--reason", "r", "--dry-run")
    assert (result.exit_code, "cannot be undone" in result.stdout) == (Exit.OK, True)
    assert contents(any_url) == before


def test_an_erasure_that_names_nothing_is_refused(url: str) -> None:
    assert run("erase", url, "--reason", "r", "--yes").exit_code == Exit.REFUSED


@pytest.mark.parametrize("place", ["store.db", "no/folder/receipt.json"])
def test_a_receipt_that_cannot_be_written_stops_the_erasure(
    url: str, tmp_path: Path, place: str
) -> None:
    words = ["--user", "ada", "--receipt", str(tmp_path / place), "--reason", "r", "--yes"]
    assert run("erase", url, *words).exit_code == Exit.USAGE
    assert len(main_ids(open_store(url))) == 6


def test_an_erasure_without_yes_and_without_a_person_does_nothing(url: str) -> None:
    assert run("erase", url, "--user", "ada", "--reason", "r").exit_code == Exit.USAGE
    assert len(main_ids(open_store(url))) == 6


def failing_at(thread_id: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one thread's part of an operation fail."""
    true = getattr(SqliteStore, method)

    def act(self: Any, plan: Any, **values: Any) -> Any:
        if plan.thread_id == thread_id:
            raise TransientStoreError("the disk is busy")
        return true(self, plan, **values)

    monkeypatch.setattr(SqliteStore, method, act)


def two_threads(url: str) -> None:
    """Add a thread of three checkpoints, which is the first of the store's."""
    told(*fork(url))
    with CheckpointManager("agent-1", store=url, thread="what-if") as manager:
        manager.resume()
        for n in range(2):
            manager.create_checkpoint(state={"n": n}, metadata={"user_id": "ada"})


def test_where_one_thread_is_not_pruned_the_others_are_and_all_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_threads(url)
    before = contents(url)
    with monkeypatch.context() as patch:
        failing_at("main", "remove", patch)
        result = told("prune", url, "--keep-last", "1", code=Exit.FINDINGS)
    threads = {one["thread_id"]: one for one in result["threads"]}
    assert (len(threads["what-if"]["removed"]), threads["main"]["removed"]) == (2, [])
    assert all("the disk is busy" in why for why in threads["main"]["stayed"].values())
    told("undo", url, result["operation_id"])
    assert contents(url) == before


def test_a_prune_that_fails_at_once_says_what_takes_it_back(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at("main", "remove", monkeypatch)
    result = run("prune", url, "--keep-last", "1", "--reason", "r", "--yes")
    assert (result.exit_code, "holdfast undo" in result.stderr) == (Exit.TRY_AGAIN, True)


def test_where_one_thread_is_not_erased_the_receipt_says_so(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_threads(url)
    failing_at("what-if", "erase_thread", monkeypatch)
    receipt = told("erase", url, "--user", "ada", code=Exit.FINDINGS)
    assert (receipt["erased"], receipt["remaining"], receipt["read_back"]) == (2, 2, "partly gone")
    left = {one["thread_id"]: one["remaining"] for one in receipt["threads"]}
    assert all("the disk is busy" in why for why in left["what-if"].values())


def test_a_receipt_is_printed_where_it_cannot_be_written_any_more(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    words = ["--user", "ada", "--receipt", str(tmp_path / "receipt.json"), "--reason", "r", "--yes"]
    result = run("erase", url, *words)
    assert result.exit_code == Exit.OK
    assert '"read_back": "gone"' in result.stdout
    assert "No space left on device" in result.stdout
