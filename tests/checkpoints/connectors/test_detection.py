"""From a path or an address to the stores that lie there, without waiting, writing or believing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

import checkpoints
from checkpoints import CheckpointManager
from checkpoints.connectors.detection import NothingRecognised, detect
from tests.checkpoints.connectors.langgraph_tables import load_sample


@pytest.fixture
def langgraph(samples: Path, tmp_path: Path) -> Path:
    file = tmp_path / "agent data.sqlite"
    shutil.copyfile(samples / "langgraph.sqlite", file)
    return file


def kinds(address: object) -> list[str]:
    return [one.url.partition("://")[0] for one in detect(str(address))]


def said(address: object) -> str:
    with pytest.raises(checkpoints.PermanentStoreError) as refused:
        detect(str(address))
    return str(refused.value)


def save(url: str) -> None:
    with CheckpointManager("agent", store=url) as manager:
        manager.create_checkpoint(state={"n": 1})


def test_a_bare_path_is_known_by_what_lies_there(langgraph: Path) -> None:
    (found,) = detect(str(langgraph))

    assert found.url == f"langgraph+sqlite:////{str(langgraph)[1:].replace(' ', '%20')}"
    assert (found.title, "LangGraph" in found.because) == ("LangGraph on SQLite", True)
    checkpoints.open_store(found.url).close()


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_holdfasts_own_stores_are_known(scheme: str, tmp_path: Path) -> None:
    save(f"{scheme}:///{tmp_path}/own")

    assert kinds(tmp_path / "own") == [scheme]


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("langgraph.sqlite", "langgraph+sqlite"),
        ("kaizen/flat", "kaizen"),
        ("kaizen/mixed", "kaizen"),
        ("kaizen/documented_layout", "kaizen"),
        ("kaizen/encrypted", "kaizen"),
        ("kaizen/v1.0.0_22fields", "kaizen"),
        ("kaizen/corrupt", "kaizen"),
        ("agent_framework", "agent-framework"),
        ("crewai/checkpoints", "crewai"),
        ("crewai/checkpoints.db", "crewai"),
        ("dreamos/base_manager", "dreamos"),
        ("dreamos/default_retention", "dreamos"),
        ("sifaka/61d8e98_filestorage", "sifaka"),
        ("sifaka/cdc1946_inmemory", "sifaka"),
    ],
)
def test_each_sample_is_known_as_what_it_is_and_as_nothing_else(
    sample: str, kind: str, samples: Path, tmp_path: Path
) -> None:
    lies = samples / sample
    copied = shutil.copytree if lies.is_dir() else shutil.copyfile

    assert kinds(copied(lies, tmp_path / lies.name)) == [kind]


@pytest.mark.parametrize("form", ["file://{}", "file:///{}", "langgraph+sqlite:///{}"])
def test_every_way_to_write_a_path_leads_there(form: str, langgraph: Path) -> None:
    address = form.format(quote(str(langgraph)))

    assert kinds(address) == ["langgraph+sqlite"]


def test_a_path_may_begin_at_home_or_here(langgraph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(langgraph.parent)
    monkeypatch.setenv("HOME", str(langgraph.parent))

    for address in (f"./{langgraph.name}", f"~/{langgraph.name}", langgraph.name):
        assert kinds(address) == ["langgraph+sqlite"]


def test_another_kind_than_the_address_says_is_found(langgraph: Path) -> None:
    url = f"sqlite:///{quote(str(langgraph))}"

    assert kinds(url) == ["langgraph+sqlite", "sqlite"]


def test_the_options_of_an_address_stay(samples: Path) -> None:
    url = f"kaizen:///{samples}/kaizen/flat?agent=etl"

    assert detect(url)[0].url == url


def test_a_folder_that_holds_a_store_leads_to_it(langgraph: Path) -> None:
    (found,) = detect(str(langgraph.parent))

    assert found.url.endswith("agent%20data.sqlite")
    assert "in this folder, agent data.sqlite" in found.because


def test_an_unknown_sqlite_file_is_described_by_its_tables(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "music.db") as other:
        other.executescript("CREATE TABLE songs (a); CREATE TABLE bands (b);")

    message = said(tmp_path / "music.db")

    assert "the tables bands, songs" in message
    assert "Looked for: " in message
    assert "LangGraph on SQLite" in message


def test_an_unknown_folder_is_described_by_its_files(tmp_path: Path) -> None:
    for name in ("a.json", "b.json", "c.txt"):
        (tmp_path / name).write_text("x")

    assert "a folder with 2 *.json, 1 *.txt" in said(tmp_path)


def test_nothing_is_created_where_nothing_lies(tmp_path: Path) -> None:
    for address in ("{}/none", "sqlite:///{}/none", "file://{}/none", "kaizen:///{}/none"):
        assert "nothing lies there" in said(address.format(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_name_is_answered_with_the_one_beside_it(langgraph: Path) -> None:
    message = said(langgraph.with_name("agent data.sqlte"))

    assert "Did you mean agent data.sqlite, which lies beside it?" in message
    assert "Looked for" not in message


def test_a_path_that_breaks_off_says_how_far_it_leads(tmp_path: Path) -> None:
    assert f"There is only {tmp_path}." in said(tmp_path / "srv" / "agents" / "data.db")


def test_a_relative_path_says_where_it_was_looked_for() -> None:
    assert f"is looked for in {Path.cwd()}" in said("nowhere-at-all.sqlite")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "journal.jsonl")

    assert "a named pipe" in said(tmp_path / "pipe")
    assert "a folder with" in said(tmp_path)


@pytest.mark.parametrize("path", ["/proc/self/mem", "/proc/kmsg", "/dev/zero", "/proc", "/sys"])
def test_the_systems_own_files_are_not_opened(path: str) -> None:
    assert "operating system" in said(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_may_not_be_looked_into_is_said(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)

    assert "may not look" in said(tmp_path / "closed")


def test_of_a_huge_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 40)

    assert "1,099,511,627,776 bytes that is no SQLite file" in said(tmp_path / "huge")


def test_names_that_are_no_text_are_shown_as_well_as_can_be(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.json\n")).touch()

    message = said(os.fspath(folder))

    assert "a folder with 1" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_damaged_files_are_described_and_raise_nothing_else(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.sqlite").write_bytes(content)

    assert "no store here that is known" in said(tmp_path / "bad.sqlite")


@pytest.mark.parametrize("address", ["", " ", "x" * 4001, "a\0b", "http://example.com/x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert said(address)


def test_nothing_is_recognised_names_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(NothingRecognised):
        detect(str(tmp_path / "none"))


@pytest.mark.parametrize("server", ["postgresql_url", "redis_url"])
def test_a_server_is_asked_and_nothing_is_laid(server: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(server)
    (before,) = detect(url)
    (again,) = detect(url)
    save(url)
    (after,) = detect(url)

    assert "nothing was saved there yet" in before.because
    assert before == again
    assert "Holdfast's" in after.because


def test_langgraphs_tables_in_postgresql_are_known(postgresql_url: str, samples: Path) -> None:
    load_sample(samples, postgresql_url)

    (found,) = detect(postgresql_url)

    assert found.url == f"langgraph+{postgresql_url}"
    assert found.title == "LangGraph on PostgreSQL"


def test_a_bucket_is_asked(s3_bucket: str, s3_endpoint: str) -> None:
    url = f"s3://{s3_bucket}/agents?endpoint={s3_endpoint}"
    (before,) = detect(url)
    save(url)
    (after,) = detect(url)

    assert "nothing was saved there yet" in before.because
    assert "Holdfast's" in after.because


def test_other_spellings_of_postgresql_are_understood(postgresql_url: str) -> None:
    address = postgresql_url.replace("postgresql://", "Postgres://")

    assert detect(address)[0].url == postgresql_url
