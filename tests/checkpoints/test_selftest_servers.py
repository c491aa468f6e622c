"""Stores on servers are tried in scratch places there, and nothing else there is touched."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import obstore
import psycopg
import pytest
import redis
from obstore.store import S3Store

from checkpoints import CheckpointError, PermanentStoreError, open_store
from checkpoints.cli.exits import Exit
from checkpoints.selftest import CHECKS, Verdict
from checkpoints.selftest import run as try_store
from checkpoints.selftest.places import scratch_url
from checkpoints.stores.urls import parse_url
from checkpoints.testing import draft

MAIN = "from checkpoints.cli import main; main()"
Place = tuple[str, Callable[[], list[str]]]


def _postgresql(url: str) -> Place:
    def found() -> list[str]:
        names = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE '%holdfast%' ORDER BY 1"
        with psycopg.connect(url) as connection:
            return [row[0] for row in connection.execute(names)]

    return url, found


def _redis(url: str) -> Place:
    def found() -> list[str]:
        with redis.Redis.from_url(url) as client:
            return sorted(key.decode() for key in client.scan_iter())

    return url, found


def _s3(endpoint: str, bucket: str) -> Place:
    client = S3Store(
        bucket, endpoint=endpoint, region="us-east-1", client_options={"allow_http": True}
    )

    def found() -> list[str]:
        return sorted(meta["path"] for batch in obstore.list(client) for meta in batch)

    return f"s3://{bucket}/agents?endpoint={endpoint}", found


@pytest.fixture(params=["postgresql", "redis", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    """The URL of a store on a server, and what names everything that lies there."""
    if request.param == "postgresql":
        return _postgresql(request.getfixturevalue("postgresql_url"))
    if request.param == "redis":
        return _redis(request.getfixturevalue("redis_url"))
    return _s3(request.getfixturevalue("s3_endpoint"), request.getfixturevalue("s3_bucket"))


@pytest.fixture
def kept(place: Place) -> Iterator[list[str]]:
    """What lies there of a store that was there before, and must lie there ever after."""
    url, found = place
    with contextlib.closing(_opened(url)) as store:
        store.put(draft(1), {"n": 1}, expected_head=None)
        before = found()
        yield before
        assert store.load(store.get("c1")) == {"n": 1}
        assert found() == before


def _opened(url: str) -> Any:
    return open_store(url)


def _module(url: str) -> Any:
    return parse_url(url).kind.load()


def test_a_store_on_a_server_keeps_every_promise_and_nothing_of_it_is_left(
    place: Place, kept: list[str]
) -> None:
    outcomes = try_store(place[0])
    assert [(o.check, o.reason) for o in outcomes if o.verdict is not Verdict.HELD] == [
        ("full", "what it writes to cannot be limited from here")
    ]
    assert {o.check for o in outcomes} == set(CHECKS)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_on_a_server_after_ctrl_c(
    place: Place, kept: list[str], ending: signal.Signals
) -> None:
    url, found = place
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "selftest", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as running:
        assert running.stdout is not None
        assert "exact" in running.stdout.readline()
        assert found() != kept
        running.send_signal(ending)
        _, errors = running.communicate(timeout=100)
    assert running.returncode not in {Exit.OK, Exit.FINDINGS}
    assert "Traceback" not in errors


def test_what_was_not_made_for_a_trial_is_neither_removed_nor_spoilt(
    place: Place, kept: list[str]
) -> None:
    url, _ = place
    with contextlib.closing(_opened(url)) as store:
        record = store.get("c1")
    with pytest.raises(PermanentStoreError, match="kept as it is"):
        _module(url).remove_scratch(url)
    with pytest.raises(PermanentStoreError, match="kept as it is"):
        _module(url).spoil(url, record)


def test_a_spoilt_checkpoint_is_named_until_its_byte_is_flipped_back(
    place: Place, kept: list[str]
) -> None:
    url = scratch_url(place[0])
    module = _module(url)
    with contextlib.closing(_opened(url)) as store:
        record = store.put(draft(1), {"log": list(range(500))}, expected_head=None)
    module.spoil(url, record)
    with contextlib.closing(_opened(url)) as store:
        assert [finding.checkpoint_id for finding in store.verify()] == ["c1"]
        with pytest.raises(CheckpointError):
            store.load(record)
    module.spoil(url, record)
    with contextlib.closing(_opened(url)) as store:
        assert list(store.verify()) == []
        assert store.load(record) == {"log": list(range(500))}
    module.remove_scratch(url)
