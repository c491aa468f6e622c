"""The embedded broker among several processes, some of which are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

from dashboard.broker.folder import MessageFolder

PRODUCERS = 4
CONSUMERS = 2
EACH = 500
QUEUE = "operations"
PATIENCE_SECONDS = 60
processes = multiprocessing.get_context("spawn")


def produce(root: Path, producer: int) -> None:
    folder = MessageFolder(root)
    for number in range(EACH):
        folder.publish(QUEUE, f"{producer}-{number}".encode())


def consume(root: Path, seen: Path) -> None:
    folder = MessageFolder(root)
    with seen.open("a", buffering=1) as log:
        while True:
            claim = folder.claim(QUEUE)
            if claim is None:
                time.sleep(0.01)
                continue
            log.write(f"{claim.content.decode()}\n")
            folder.drop(claim.path)


def hold_one_for_ever(root: Path, seen: Path) -> None:
    claim = MessageFolder(root).claim(QUEUE)
    assert claim is not None
    seen.write_bytes(claim.content)
    time.sleep(3600)


def start(target: object, *args: object) -> BaseProcess:
    process = processes.Process(target=target, args=args, daemon=True)  # type: ignore[arg-type]
    process.start()
    return process


def wait_until(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_of_many_messages_none_is_lost_and_none_comes_twice(tmp_path: Path) -> None:
    root, logs = tmp_path / "broker", [tmp_path / f"{n}.log" for n in range(CONSUMERS)]
    consumers = [start(consume, root, log) for log in logs]
    producers = [start(produce, root, number) for number in range(PRODUCERS)]
    try:
        for producer in producers:
            producer.join(PATIENCE_SECONDS)
        folder = MessageFolder(root)
        wait_until(lambda: folder.size(QUEUE) == 0 and total(logs) >= PRODUCERS * EACH)
    finally:
        for consumer in consumers:
            consumer.terminate()

    counts = Counter(line for log in logs for line in log.read_text().splitlines())
    assert len(counts) == PRODUCERS * EACH
    assert set(counts.values()) == {1}


def total(logs: list[Path]) -> int:
    return sum(log.read_text().count("\n") for log in logs if log.exists())


def test_what_a_killed_consumer_held_is_delivered_to_another(tmp_path: Path) -> None:
    root, seen = tmp_path / "broker", tmp_path / "seen"
    folder = MessageFolder(root)
    folder.publish(QUEUE, b"held by the dead")
    victim = start(hold_one_for_ever, root, seen)
    wait_until(seen.exists)
    assert folder.claim(QUEUE) is None

    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()

    taken = MessageFolder(root).claim(QUEUE)
    assert taken is not None
    assert taken.content == b"held by the dead"
