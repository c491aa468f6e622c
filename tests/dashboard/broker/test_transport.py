"""What Kombu sees of a message folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest

from dashboard.broker.transport import Transport

QUEUE = kombu.Queue("operations", kombu.Exchange("operations"), routing_key="operations")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "broker"


@pytest.fixture
def connection(root: Path) -> Iterator[kombu.Connection]:
    with connect(root) as opened:
        yield opened


def connect(root: Path) -> kombu.Connection:
    return kombu.Connection(transport=Transport, transport_options={"folder": str(root)})


def publish(connection: kombu.Connection, body: object) -> None:
    with connection.Producer(serializer="json") as producer:
        producer.publish(body, exchange=QUEUE.exchange, routing_key="operations", declare=[QUEUE])


def get(connection: kombu.Connection) -> kombu.Message | None:
    return QUEUE(connection.default_channel).get()


def test_a_message_arrives_as_it_was_sent(connection: kombu.Connection) -> None:
    publish(connection, {"id": "ünïcode", "n": 1})

    message = get(connection)

    assert message is not None
    assert message.payload == {"id": "ünïcode", "n": 1}


def test_an_acknowledged_message_leaves_no_file(connection: kombu.Connection, root: Path) -> None:
    publish(connection, [1])
    message = get(connection)
    assert message is not None

    message.ack()

    files = [path for path in root.rglob("*") if path.is_file() and path.name != "owner.lock"]
    assert files == []


def test_a_message_that_was_not_acknowledged_is_there_after_closing(root: Path) -> None:
    with connect(root) as first:
        publish(first, [1])
        assert get(first) is not None

    with connect(root) as second:
        message = get(second)

    assert message is not None
    assert message.payload == [1]


def test_a_message_sent_back_is_delivered_again(connection: kombu.Connection) -> None:
    publish(connection, [1])
    first = get(connection)
    assert first is not None
    first.requeue()

    assert get(connection) is not None


def test_a_refused_message_is_forgotten(connection: kombu.Connection) -> None:
    publish(connection, [1])
    message = get(connection)
    assert message is not None
    message.reject()

    assert get(connection) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[]",
        b"{}",
        b'{"properties": 1}',
        b'{"properties": {}}',
        b'{"body": "abc", "properties": {"delivery_tag": "t", "body_encoding": "base64"}}',
        b'{"body": "!", "properties": {"delivery_tag": "t", "body_encoding": "rot13"}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_set_aside_and_the_next_message_comes(
    connection: kombu.Connection, root: Path, content: bytes
) -> None:
    assert get(connection) is None
    (root / "ready" / "operations" / "0-first-in-line").write_bytes(content)
    publish(connection, [1])

    message = get(connection)

    assert message is not None
    assert message.payload == [1]
    assert [path.read_bytes() for path in (root / "damaged").iterdir()] == [content]


def test_a_published_file_is_whole_json(connection: kombu.Connection, root: Path) -> None:
    publish(connection, [1])

    (path,) = (root / "ready" / "operations").iterdir()

    assert json.loads(path.read_bytes())["properties"]["body_encoding"] == "base64"
