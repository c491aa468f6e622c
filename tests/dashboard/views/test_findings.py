"""Findings on the pages of sources, checkpoints and operations."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client

import checkpoints
from dashboard.models import User
from dashboard.services.ingest import findings
from dashboard.templatetags.findings import with_commands
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>{{ 7|add:7 }}"


@pytest.fixture
def reader(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def test_a_card_says_what_follows_and_what_can_be_done(reader: Client, now: datetime) -> None:
    thread = make_thread(now)
    row = thread.checkpoints.get(step=1)
    finding = checkpoints.Finding(
        kind="corrupt_checkpoint", message=EVIL, checkpoint_id=row.checkpoint_id
    )
    findings.keep(thread.agent.source, [finding], now=now)
    text = reader.get("/sources/").content.decode()
    kind = checkpoints.KINDS["corrupt_checkpoint"]
    assert kind.title in text
    assert kind.consequence in text
    assert f"<code>holdfast repair {thread.agent.source.url}</code>" in text
    assert f'href="/checkpoints/{row.pk}/"' in text
    assert EVIL not in text


def test_the_rest_of_a_kind_is_on_a_page_of_its_own(reader: Client, now: datetime) -> None:
    source = make_thread(now).agent.source
    found = (checkpoints.Finding(kind="truncated", message=f"file {n}") for n in range(130))
    findings.keep(source, found, now=now)
    address = f"/sources/{source.pk}/findings/?kind=truncated"
    assert address in reader.get("/sources/").content.decode()
    page = reader.get(address)
    assert page.content.decode().count("<tr>") == 101
    query = {"kind": "truncated", "after": page.context["page"].next_key}
    rest = reader.get(f"/sources/{source.pk}/findings/", query, headers={"HX-Request": "true"})
    assert rest.content.decode().count("<tr>") == 30


def test_a_kind_that_nobody_knows_is_no_error(reader: Client, now: datetime) -> None:
    source = make_thread(now).agent.source
    answer = reader.get(f"/sources/{source.pk}/findings/?kind=%3Cb%3E")
    assert answer.status_code == 200
    assert b"<b>" not in answer.content
    assert reader.get(f"/sources/{source.pk}/findings/?after=no").status_code == 404


def test_a_checkpoints_page_says_when_a_finding_names_it(reader: Client, now: datetime) -> None:
    thread = make_thread(now)
    row = thread.checkpoints.get(step=1)
    finding = checkpoints.Finding(kind="poisoned", message=EVIL, checkpoint_id=row.checkpoint_id)
    findings.keep(thread.agent.source, [finding], now=now)
    text = reader.get(f"/checkpoints/{row.pk}/").content.decode()
    assert checkpoints.KINDS["poisoned"].consequence in text
    assert EVIL not in text


def test_a_command_is_about_the_store_and_can_be_pasted() -> None:
    shown = with_commands("Try `holdfast repair URL`, then <b>.", "file:///it's here")
    quoted = "&#x27;file:///it&#x27;&quot;&#x27;&quot;&#x27;s here&#x27;"
    assert shown == f"Try <code>holdfast repair {quoted}</code>, then &lt;b&gt;."


def test_what_is_only_encrypted_is_not_called_damaged(reader: Client, now: datetime) -> None:
    row = make_thread(now).checkpoints.get(step=1)
    row.damage = "encrypted: no key at hand opens it"
    row.save()
    text = reader.get(f"/checkpoints/{row.pk}/").content.decode()
    assert "This checkpoint is encrypted." in text
    assert "This checkpoint is damaged." not in text
