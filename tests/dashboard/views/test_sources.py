"""The page Sources without any script: typing, testing, choosing, adding."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client

from dashboard.models import Source

PASSWORD = "hunter2-but-longer"


@pytest.fixture
def langgraph(samples: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(samples / "langgraph.sqlite", tmp_path / "agent.sqlite"))


def test_a_path_is_tested_and_added(browser: Client, langgraph: Path) -> None:
    tested = browser.post("/sources/test/", {"url": str(langgraph)}).content.decode()
    added = browser.post("/sources/add/", {"url": str(langgraph)}, follow=True)

    assert "LangGraph on SQLite" in tested
    assert "13 threads" in tested
    assert Source.objects.get().kind == "langgraph+sqlite"
    assert "It is being read for the first time" in added.content.decode()


def test_where_several_kinds_fit_one_is_chosen_by_radio(browser: Client, langgraph: Path) -> None:
    form = {"url": f"sqlite:///{langgraph}"}

    asked = browser.post("/sources/add/", form)
    (first, *_) = re.findall(r'type="radio" name="choice" value="([^"]+)"', asked.content.decode())
    browser.post("/sources/add/", {**form, "choice": first})

    assert asked.status_code == 422
    assert Source.objects.get().url == first


def test_the_fields_for_a_server_are_open_when_the_address_is_one(
    browser: Client, langgraph: Path
) -> None:
    server = browser.post("/sources/test/", {"url": "redis://127.0.0.1:1/0"}).content.decode()
    path = browser.post("/sources/test/", {"url": str(langgraph)}).content.decode()

    assert "data-credentials open" in server
    assert "data-credentials open" not in path


@pytest.mark.parametrize("form", ["u:{}@", "u:{}/@", ":{}@"], ids=["quoted", "not quoted", "alone"])
def test_no_page_repeats_a_password_that_was_typed(browser: Client, form: str) -> None:
    url = f"postgresql://{form.format(quote(PASSWORD))}127.0.0.1:1/db"
    sent = {"url": url, "password": PASSWORD, "store_keys": PASSWORD}

    for address in ("/sources/test/", "/sources/add/"):
        assert PASSWORD not in browser.post(address, sent).content.decode()
        assert PASSWORD not in browser.post(address, sent, HTTP_HX_REQUEST="true").content.decode()
    assert not Source.objects.exists()


def test_the_empty_page_teaches_the_commands(browser: Client) -> None:
    page = browser.get("/sources/").content.decode()

    assert "holdfast sources add /data/agent.sqlite" in page


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1:1/db?password={}",
        "postgresql://127.0.0.1:1/db?user=u&sslpassword={}",
        "s3://bucket/p?endpoint_url=http://key:{}@127.0.0.1:1",
        "s3://bucket/p?secret_key={}",
        "mysql://u:{}@127.0.0.1/db",
        "sqlite://u:{}@host/x.db",
        "postgres:/u:{}@127.0.0.1/db",
        "postgresql:u:{}@127.0.0.1",
    ],
)
def test_no_page_repeats_a_password_that_was_typed_where_none_belongs(
    browser: Client, url: str
) -> None:
    for address in ("/sources/test/", "/sources/add/"):
        answer = browser.post(address, {"url": url.format(PASSWORD)})
        assert PASSWORD not in answer.content.decode()
        assert "nothing was opened" in answer.content.decode()
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "url", ["sqlite:////proc/self/mem", "/proc/self/environ", "/proc/self/fd", "/sys", "{}/way/mem"]
)
def test_what_the_kernel_makes_up_is_no_source(browser: Client, tmp_path: Path, url: str) -> None:
    (tmp_path / "way").symlink_to("/proc/self")

    answer = browser.post("/sources/add/", {"url": url.format(tmp_path)})

    assert answer.status_code == 422
    assert not Source.objects.exists()
