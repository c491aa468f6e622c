"""Tool calls of recorded runs of tau-bench."""

from __future__ import annotations

import json
import tarfile
from functools import cache
from typing import Any

from benchmarks.drift.generators.calls import Call
from benchmarks.drift.labelled import DATA
from benchmarks.drift.tables import Missing


@cache
def runs() -> list[tuple[float, list[Call]]]:
    """Return the reward of each run and its calls.

    Raises:
        Missing: The file is not there.

    """
    path = DATA / "intel" / "tau_bench.tar.gz"
    if not path.is_file():
        raise Missing(f"There is no {path}; set HOLDFAST_TEST_DATA to the folder of test data.")
    found = []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file:
                found += [(run["reward"], _calls(run["traj"])) for run in json.load(file)]
    return found


def successful_runs() -> list[list[Call]]:
    """Return the calls of the runs that got the full reward."""
    return [calls for reward, calls in runs() if reward == 1]


def _calls(messages: list[dict[str, Any]]) -> list[Call]:
    results = {
        message["tool_call_id"]: message["content"]
        for message in messages
        if message["role"] == "tool"
    }
    return [
        Call(
            tool=call["function"]["name"],
            arguments=call["function"]["arguments"],
            result=results.get(call["id"]),
        )
        for message in messages
        if message["role"] == "assistant"
        for call in message.get("tool_calls") or ()
    ]
