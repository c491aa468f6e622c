"""What a folder of messages promises."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from dashboard.broker.folder import MAX_MESSAGE_BYTES, MessageFolder

QUEUE = "operations"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "broker"


def claim_all(folder: MessageFolder) -> list[bytes]:
    claims = iter(lambda: folder.claim(QUEUE), None)
    return [claim.content for claim in claims]


def test_messages_come_in_the_order_in_which_they_were_published(root: Path) -> None:
    folder = MessageFolder(root)
    sent = [str(number).encode() for number in range(20)]
    for content in sent:
        folder.publish(QUEUE, content)

    assert claim_all(folder) == sent


def test_a_claimed_message_is_gone_for_everybody_else(root: Path) -> None:
    folder, other = MessageFolder(root), MessageFolder(root)
    folder.publish(QUEUE, b"once")

    assert folder.claim(QUEUE) is not None
    assert other.claim(QUEUE) is None


def test_a_message_given_back_can_be_claimed_again(root: Path) -> None:
    folder = MessageFolder(root)
    folder.publish(QUEUE, b"again")
    claim = folder.claim(QUEUE)
    assert claim is not None

    folder.give_back(claim.path)

    assert claim_all(folder) == [b"again"]


def test_what_a_dead_owner_held_goes_to_the_next_one(root: Path) -> None:
    dead = MessageFolder(root)
    dead.publish(QUEUE, b"held")
    assert dead.claim(QUEUE) is not None
    dead.close()  # its lock is free, as after a kill -9

    assert claim_all(MessageFolder(root)) == [b"held"]


def test_what_a_living_owner_holds_stays_with_it(root: Path) -> None:
    alive = MessageFolder(root)
    alive.publish(QUEUE, b"held")
    assert alive.claim(QUEUE) is not None

    assert claim_all(MessageFolder(root)) == []


def test_a_dropped_message_never_comes_back(root: Path) -> None:
    folder = MessageFolder(root)
    folder.publish(QUEUE, b"done")
    claim = folder.claim(QUEUE)
    assert claim is not None
    folder.drop(claim.path)
    folder.close()

    assert claim_all(MessageFolder(root)) == []


def make_folder(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def make_too_large(path: Path) -> None:
    path.write_bytes(b"x" * (MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize("make", [make_folder, make_fifo, make_link, make_too_large])
def test_what_is_no_message_is_set_aside_and_the_next_one_comes(
    root: Path, make: object, caplog: pytest.LogCaptureFixture
) -> None:
    folder = MessageFolder(root)
    assert folder.size(QUEUE) == 0
    assert callable(make)
    make(root / "ready" / QUEUE / "0-first-in-line")
    folder.publish(QUEUE, b"good")

    with caplog.at_level(logging.ERROR):
        assert claim_all(folder) == [b"good"]

    assert len(list((root / "damaged").iterdir())) == 1
    assert "set aside" in caplog.text


def test_rubbish_in_a_dead_owners_folder_is_set_aside(root: Path) -> None:
    dead = MessageFolder(root)
    dead.publish(QUEUE, b"held")
    claim = dead.claim(QUEUE)
    assert claim is not None
    (claim.path.parent / "no message.txt").write_text("rubbish")
    dead.close()

    assert claim_all(MessageFolder(root)) == [b"held"]


def test_a_queue_name_cannot_lead_out_of_the_folder(root: Path) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a queue"):
        MessageFolder(root).publish("../outside", b"")


def test_purge_removes_what_waits(root: Path) -> None:
    folder = MessageFolder(root)
    folder.publish(QUEUE, b"1")
    folder.publish(QUEUE, b"2")

    assert folder.purge(QUEUE) == 2
    assert folder.size(QUEUE) == 0
