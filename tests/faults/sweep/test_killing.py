"""Workers that die of a real SIGKILL: whoever comes next finishes what they left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest


def kill(*kinds: str) -> list[dict[str, Any]]:
    """Let workers die on each kind of store beside each other, and return what came of it."""
    command = [sys.executable, "-m", "tests.faults.sweep.killing"]
    started = [
        subprocess.Popen(
            [*command, kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for kind in kinds
    ]
    return [_told(process) for process in started]


def _told(process: subprocess.Popen[str]) -> Any:
    output, errors = process.communicate()
    assert output, errors[-2000:]
    return json.loads(output)


def missing(wanted: Sequence[str], killed: Sequence[str]) -> list[str]:
    return [name for name in wanted if not any(one.endswith(name) for one in killed)]


@pytest.mark.timeout(600)
def test_whatever_a_killed_worker_left_is_finished_by_another(postgresql_url: str) -> None:
    told = kill("sqlite=63", "postgresql=18")

    assert [one["wrong"] for one in told] == [{}, {}]
    killed = [name for one in told for name in one["killed"]]
    hooks = ("claims.claim", "journal.write_steps", "journal.mark_begun", "journal.mark_done")
    acts = ("restore", "fork", "remove", "put_back", "purge", "erase_thread")
    assert missing([*hooks, *acts, "end.end", "scan.scan_source", "file commit"], killed) == []
