"""Pages that change something."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

import checkpoints
from dashboard.models import ApiToken, Operation, Source, User
from dashboard.services.operations.seen_plans import PLAN_LIFETIME, Seen, SeenPlan
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return register(url, thread_id="main", clock=Clock())


def plan_token(browser: Client, path: str) -> str:
    found = re.search(r'name="plan_token" value="([^"]+)"', browser.get(path).content.decode())
    assert found
    return found[1]


def test_a_restore_asked_for_twice_by_one_form_is_one_operation(
    browser: Client, bench: Bench
) -> None:
    path = f"/checkpoints/{bench.rows()[0].pk}/restore/"
    form = {
        "reason": "it went astray",
        "plan_token": plan_token(browser, path),
        "idempotency_key": str(uuid4()),
    }
    places = {browser.post(path, form).headers["Location"] for _ in range(2)}
    assert places == {f"/operations/{Operation.objects.get().pk}/"}


def test_a_restore_without_a_reason_is_not_asked_for(browser: Client, bench: Bench) -> None:
    path = f"/checkpoints/{bench.rows()[0].pk}/restore/"
    form = {"reason": "  ", "plan_token": plan_token(browser, path), "idempotency_key": "k"}
    assert browser.post(path, form).status_code == 422
    assert not Operation.objects.exists()


def test_a_head_that_moved_since_the_preview_refuses_and_shows_both(
    browser: Client, bench: Bench
) -> None:
    path = f"/checkpoints/{bench.rows()[0].pk}/restore/"
    token = plan_token(browser, path)
    before = bench.head().checkpoint_id
    bench.save({"step": "newer"})
    answer = browser.post(path, {"reason": "why", "plan_token": token, "idempotency_key": "k"})
    body = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing was touched" in body
    assert before in body
    assert bench.head().checkpoint_id in body
    assert not Operation.objects.exists()


def test_a_plan_that_differs_although_the_head_stands_is_not_called_a_moved_head(
    browser: Client, bench: Bench
) -> None:
    row = bench.rows()[0]
    path = f"/checkpoints/{row.pk}/restore/"
    token = SeenPlan(
        plan_hash="0" * 64,
        expected_head=bench.head().checkpoint_id,
        expires_at=timezone.now() + PLAN_LIFETIME,
    ).token(Seen(checkpoint_pk=row.pk, user_pk=User.objects.get(username="ada").pk))
    form = {"reason": "why", "plan_token": token, "idempotency_key": "k"}
    answer = browser.post(path, form)
    assert answer.status_code == 409
    assert "The head moved" not in answer.content.decode()


def test_a_refused_restore_ends_each_sentence_with_one_full_stop(
    browser: Client, bench: Bench, tmp_path: Path
) -> None:
    row = bench.rows()[0]
    (tmp_path / "agents.db").rename(tmp_path / "elsewhere.db")
    body = browser.get(f"/checkpoints/{row.pk}/restore/").content.decode()
    assert "there is no store here; nothing was created. Nothing was changed.</p>" in body


def test_what_a_restore_would_mean_comes_by_itself_and_stands_alone(
    browser: Client, bench: Bench
) -> None:
    path = f"/checkpoints/{bench.rows()[0].pk}/"
    assert f'hx-get="{path}impact/"' in browser.get(f"{path}restore/").content.decode()
    part = browser.get(f"{path}impact/", headers={"HX-Request": "true"}).content.decode()
    assert "What it means for the agent" in part
    assert "Who writes this thread" in part
    assert "<html" not in part
    assert "<html" in browser.get(f"{path}impact/").content.decode()


def test_a_meaning_that_cannot_be_told_does_not_stand_in_the_way(
    browser: Client, bench: Bench, tmp_path: Path
) -> None:
    path = f"/checkpoints/{bench.rows()[0].pk}/impact/"
    (tmp_path / "agents.db").rename(tmp_path / "elsewhere.db")
    body = browser.get(path).content.decode()
    assert "cannot be told" in body
    assert "does not stand in the way" in body


def test_a_damaged_checkpoint_cannot_be_restored(
    browser: Client, bench: Bench, tmp_path: Path
) -> None:
    row = bench.rows()[0]
    row.damage = "the digest does not hold"
    row.save()
    assert "disabled" in browser.get(f"/checkpoints/{row.pk}/").content.decode()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ("missing.db", "not"),
        ("folder", "folder"),
        ("text.db", "SQLite"),
    ],
)
def test_a_source_that_cannot_be_added_says_which(
    browser: Client, tmp_path: Path, made: str, says: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("just some words, long enough to be read as a header")
    answer = browser.post("/sources/add/", {"url": f"sqlite:///{tmp_path}/{made}", "name": ""})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Source.objects.exists()


def test_testing_a_source_adds_nothing(browser: Client, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    answer = browser.post("/sources/test/", {"url": url}, headers={"HX-Request": "true"})
    assert "Holdfast on SQLite" in answer.content.decode()
    assert not Source.objects.exists()


def test_removing_a_source_leaves_its_store_alone(browser: Client, bench: Bench) -> None:
    assert browser.post(f"/sources/{bench.source.pk}/remove/").status_code == 302
    assert not Source.objects.exists()
    store = checkpoints.open_store(bench.url)
    assert store.history(None, "main")
    store.close()


def test_a_token_is_shown_once(browser: Client) -> None:
    answer = browser.post("/settings/tokens/", {"name": "crawler", "scopes": ["push"], "days": 30})
    shown = re.search(r"hf_[0-9a-f]{12}_[\w-]{43}", answer.content.decode())
    assert shown
    assert shown[0] not in browser.get("/settings/tokens/").content.decode()


def test_revoking_a_token_keeps_it_in_the_list(browser: Client) -> None:
    browser.post("/settings/tokens/", {"name": "crawler", "scopes": ["push"]})
    token = ApiToken.objects.get()
    browser.post(f"/settings/tokens/{token.pk}/revoke/")
    assert "revoked" in browser.get("/settings/tokens/").content.decode()


@pytest.mark.parametrize("path", ["add", "test", "1/sync", "1/connect", "1/remove"])
def test_nothing_changes_by_a_get(browser: Client, path: str) -> None:
    assert browser.get(f"/sources/{path}/").status_code == 405


def test_nothing_changes_without_the_forms_token(person: object, now: datetime) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)  # type: ignore[arg-type]  # the fixture's person is a User
    source = make_thread(now).agent.source
    assert client.post(f"/sources/{source.pk}/remove/").status_code == 403
    assert Source.objects.filter(pk=source.pk).exists()


def test_the_token_form_offers_what_tokens_can_be_used_for(browser: Client) -> None:
    body = browser.get("/settings/tokens/").content.decode()
    assert 'value="push"' in body
    assert 'value="operate"' in body


def test_the_admin_shows_neither_second_factors_nor_addresses(browser: Client) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    assert browser.get("/admin/dashboard/user/").status_code == 200
    assert browser.get("/admin/mfa/authenticator/").status_code == 404
    assert browser.get("/admin/account/emailaddress/").status_code == 404
