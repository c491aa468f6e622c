"""Stores on servers: added with credentials that nobody sees again, scanned and restored from."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.core import serializers
from django.db import connection
from django.test import Client, override_settings
from psycopg import sql

from checkpoints.bodies.encryption import Keyring
from dashboard.access import LoginTooOld
from dashboard.credentials import Credentials
from dashboard.models import AuditEvent, Checkpoint, OperationState, Source, User
from dashboard.selectors.sources import source_row
from dashboard.services import scans, source_credentials, sources
from dashboard.services.source_tests import look_at
from dashboard.services.sources import SourceRefused
from tests.benches import Bench, Clock, save_steps
from tests.checkpoints.connectors.langgraph_tables import load_sample
from tests.dashboard.api.callers import caller_of

PASSWORD = "pa:s/s@w#o?r%d-hunter2"
WORD = "hunter2"
"""What must not be found anywhere, however it was quoted."""
IN_SAMPLE = 437


def without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@pytest.fixture
def postgresql(postgresql_url: str) -> tuple[str, Credentials]:
    """A database with five checkpoints, and what opens it; this server asks for no password."""
    save_steps(postgresql_url)
    user = urlsplit(postgresql_url).username or "postgres"
    return without_user(postgresql_url), Credentials(user=user, password=PASSWORD)


@pytest.fixture
def redis(start_redis: Callable[..., Any]) -> tuple[str, Credentials]:
    """A Redis server with five checkpoints and a password, and what opens it."""
    server = start_redis()
    save_steps(server.url)
    server.client.config_set("requirepass", PASSWORD)
    return server.url, Credentials(password=PASSWORD)


@pytest.fixture(params=["postgresql", "redis"])
def server(request: pytest.FixtureRequest) -> tuple[str, Credentials]:
    found: tuple[str, Credentials] = request.getfixturevalue(request.param)
    return found


def add(person: User, place: tuple[str, Credentials], now: datetime) -> Source:
    return sources.add_source(user=person, url=place[0], name="s", credentials=place[1], now=now)


def code(person: User, url: str, credentials: Credentials) -> str:
    found = look_at(user=person, address=url, credentials=credentials)
    assert WORD not in str(found)
    return found.code


def test_a_servers_store_is_added_scanned_and_restored_from(
    person: User, server: tuple[str, Credentials]
) -> None:
    clock = Clock()
    source = add(person, server, clock())

    assert scans.scan_source(source_id=source.pk, now=clock()).created == 5
    source.refresh_from_db()
    person.authenticated_at = clock() + timedelta(days=1)
    bench = Bench(url=source.url, thread_id="main", source=source, user=person, clock=clock)
    first = Checkpoint.objects.order_by("created_at", "pk").first()
    assert first is not None
    done = bench.run(bench.request(first))

    assert source.health == "healthy"
    assert done.state == OperationState.SUCCEEDED, done.message


def test_langgraphs_tables_are_found_in_a_database_scanned_and_restored_from(
    person: User, postgresql_url: str, samples: Path
) -> None:
    clock = Clock()
    load_sample(samples, postgresql_url)
    user = urlsplit(postgresql_url).username or "postgres"
    given = Credentials(user=user, password=PASSWORD)

    source = add(person, (without_user(postgresql_url), given), clock())
    found = scans.scan_source(source_id=source.pk, now=clock()).created
    person.authenticated_at = clock() + timedelta(days=1)
    row = Checkpoint.objects.filter(parent_id="").order_by("pk").last()
    assert row is not None
    thread = row.thread.thread_id
    bench = Bench(url=source.url, thread_id=thread, source=source, user=person, clock=clock)
    done = bench.run(bench.request(row))

    assert source.kind == "langgraph+postgresql"
    assert found == IN_SAMPLE
    assert done.state == OperationState.SUCCEEDED, done.message


def test_user_and_password_are_taken_out_of_an_address(
    person: User, redis: tuple[str, Credentials], now: datetime
) -> None:
    url = redis[0].replace("redis://", f"redis://:{quote(PASSWORD, safe='')}@")

    source = add(person, (url, Credentials()), now)

    assert source.url == f"{redis[0].removesuffix('/0')}/0"
    assert source_row(user=person, source_pk=source.pk).credentials == "kept"
    assert scans.scan_source(source_id=source.pk, now=now).created == 5


def test_the_password_is_found_nowhere(
    person: User,
    browser: Client,
    redis: tuple[str, Credentials],
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    caller = caller_of(person, "read", "operate")
    form = {"url": redis[0].replace("://", f"://:{quote(PASSWORD, safe='')}@"), "name": "s"}
    asked = {"address": redis[0], "credentials": {"password": PASSWORD}}
    wrong = {"address": redis[0], "credentials": {"password": f"{PASSWORD}x"}}
    odd = {**form, "url": f"redis://:{PASSWORD}@127.0.0.1/0"}

    shown = [
        browser.post("/sources/test/", form),
        browser.post("/sources/test/", odd),
        browser.post("/sources/test/", {**form, "url": redis[0], "password": f"{PASSWORD}x"}),
        caller.post("sources/test", asked),
        caller.post("sources/test", wrong),
        caller.post("sources", wrong),
        browser.post("/sources/add/", form),
        browser.post("/sources/add/", form),
    ]
    source = Source.objects.get()
    scans.scan_source(source_id=source.pk, now=now)
    redis_down = Credentials(password=f"{PASSWORD}x")
    with pytest.raises(SourceRefused) as refused:
        source_credentials.replace_credentials(
            user=person, source_id=source.pk, credentials=redis_down, now=now
        )
    shown += [
        browser.get("/sources/"),
        browser.get("/audit/"),
        caller.get("sources"),
        caller.get(f"sources/{source.pk}"),
    ]

    assert Checkpoint.objects.count() == 5
    texts = [answer.content.decode() for answer in shown]
    texts += [str(refused.value), repr(source), caplog.text, *capfd.readouterr()]
    texts += _rows()
    assert not [text for text in texts if WORD in text]


def _rows() -> list[str]:
    """Return every row of the index as text, what is sealed included."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [
                " ".join(
                    bytes(v).decode("latin1") if isinstance(v, bytes | memoryview) else str(v)
                    for v in row
                )
                for row in cursor.fetchall()
            ]
    return found


def test_what_stands_in_the_way_is_named(
    person: User, postgresql: tuple[str, Credentials], redis: tuple[str, Credentials]
) -> None:
    url, given = postgresql
    nobody = Credentials(user="nobody_of_this_name", password=PASSWORD)
    port = urlsplit(url).port or 5432

    assert code(person, url, given) == ""
    assert code(person, url, Credentials()) == "refused"
    assert code(person, url, nobody) == "wrong_password"
    assert code(person, f"{url}_none", given) == "no_database"
    assert code(person, url.replace(f":{port}", ":1"), given) == "not_reached"
    assert code(person, "redis://no.such.host.invalid/0", given) == "host_unknown"
    assert code(person, redis[0], Credentials()) == "password_missing"
    assert code(person, redis[0], Credentials(password=f"{PASSWORD}x")) == "wrong_password"
    assert code(person, redis[0].replace("redis:", "rediss:"), redis[1]) in ("tls", "timeout")


def test_a_user_who_may_not_read_is_told_so(
    person: User, postgresql_url: str, postgresql: tuple[str, Credentials]
) -> None:
    role = sql.Identifier("holdfast_tests_stranger")
    with psycopg.connect(postgresql_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        found = code(person, postgresql[0], Credentials(user="holdfast_tests_stranger"))
        server.execute(sql.SQL("DROP ROLE {}").format(role))

    assert found == "no_permission"


def test_a_server_that_takes_connections_and_says_nothing_is_given_up(
    person: User, start_redis: Callable[..., Any]
) -> None:
    server = start_redis()
    server.suspend()

    assert code(person, server.url, Credentials()) in ("timeout", "not_reached", "refused")
    server.resume()


def test_nothing_of_this_process_is_used(
    person: User, postgresql: tuple[str, Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source without a user is not opened as whoever the dashboard's process is."""
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGPASSWORD", "process")

    found = look_at(user=person, address=postgresql[0])

    assert not found.ok
    assert "as which user" in found.message


def test_a_bucket_is_opened_with_its_sources_credentials_alone(
    person: User, s3_bucket: str, s3_endpoint: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{s3_bucket}/agents?endpoint={s3_endpoint}"
    save_steps(url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    source = add(person, (url, Credentials(user="tests", password=PASSWORD)), now)

    assert scans.scan_source(source_id=source.pk, now=now).created == 5
    assert WORD not in str(_rows())


def test_an_encrypted_store_is_opened_with_its_key(
    person: User, tmp_path: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = f"a:{Keyring.new_key()}"
    url = f"sqlite:///{tmp_path}/secret.db"
    monkeypatch.setenv("HOLDFAST_STORE_KEYS", keys)
    save_steps(url)
    monkeypatch.delenv("HOLDFAST_STORE_KEYS")

    source = add(person, (url, Credentials(store_keys=keys)), now)

    assert source_row(user=person, source_pk=source.pk).credentials == "kept"
    assert scans.scan_source(source_id=source.pk, now=now).created == 5


def test_lost_credentials_are_said_and_can_be_entered_again(
    person: User, redis: tuple[str, Credentials], now: datetime
) -> None:
    source = add(person, redis, now)
    with override_settings(SECRET_KEY="another" * 10):
        result = scans.scan_source(source_id=source.pk, now=now)
        row = source_row(user=person, source_pk=source.pk)
        source_credentials.replace_credentials(
            user=person, source_id=source.pk, credentials=redis[1], now=now
        )
        again = scans.scan_source(source_id=source.pk, now=now)

    assert "Enter them again" in result.message
    assert row.credentials == "lost"
    assert again.created == 5


def test_credentials_are_forgotten_and_both_are_noted(
    person: User, redis: tuple[str, Credentials], now: datetime
) -> None:
    source = add(person, redis, now)
    source_credentials.replace_credentials(
        user=person, source_id=source.pk, credentials=redis[1], now=now
    )
    source_credentials.forget_credentials(user=person, source_id=source.pk, now=now)

    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["source.credentials_replaced", "source.credentials_forgotten"]
    assert source_row(user=person, source_pk=source.pk).credentials == "none"
    assert "password" in scans.scan_source(source_id=source.pk, now=now).message


def test_credentials_need_a_recent_login(
    person: User, redis: tuple[str, Credentials], now: datetime
) -> None:
    source = add(person, redis, now)
    person.authenticated_at = now - timedelta(days=1)

    with pytest.raises(LoginTooOld):
        source_credentials.forget_credentials(user=person, source_id=source.pk, now=now)
    with pytest.raises(LoginTooOld):
        source_credentials.replace_credentials(
            user=person, source_id=source.pk, credentials=redis[1], now=now
        )
    assert source_row(user=person, source_pk=source.pk).credentials == "kept"


def test_credentials_are_sealed_anew_with_another_key(
    person: User, redis: tuple[str, Credentials], now: datetime
) -> None:
    source = add(person, redis, now)
    person.is_superuser = True
    with override_settings(HOLDFAST_CREDENTIALS_KEY=f"new:{Keyring.new_key()}"):
        assert source_credentials.reseal(user=person, now=now) == (1, [])
        assert source_credentials.reseal(user=person, now=now) == (0, [])
        with override_settings(SECRET_KEY="another" * 10):
            assert scans.scan_source(source_id=source.pk, now=now).created == 5


def test_the_row_holds_no_password_when_it_is_dumped(
    person: User, redis: tuple[str, Credentials], now: datetime
) -> None:
    source = add(person, redis, now)

    assert WORD not in json.dumps(serializers.serialize("json", [source]))
