"""LangGraph's own suite for checkpointers, on Holdfast's stores, counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from checkpoints.integrations.langgraph import HoldfastSaver

PUBLISHED = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}
"""What each capability's tests number in langgraph-checkpoint-conformance 0.0.2: 81 together."""


def report_on(urls: Any) -> Any:
    """Run the suite, each capability on a store of its own."""

    @checkpointer_test(name="HoldfastSaver")  # type: ignore[untyped-decorator]
    async def savers() -> AsyncIterator[HoldfastSaver]:
        async with HoldfastSaver.open(next(urls)) as saver:
            yield saver

    return asyncio.run(validate(savers))


def urls_of(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    if kind in ("postgresql", "redis"):
        url = request.getfixturevalue(f"{kind}_url")
        return (url for _ in count())
    if kind == "s3":
        bucket = request.getfixturevalue("s3_bucket")
        endpoint = request.getfixturevalue("s3_endpoint")
        return (f"s3://{bucket}/{number}?endpoint={endpoint}" for number in count())
    if kind == "memory":
        return ("memory://" for _ in count())
    return (f"{kind}:///{tmp_path}/{number}" for number in count())


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql", "redis", "s3", "file"])
def test_all_81_tests_of_all_eight_capabilities_pass(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    report = report_on(urls_of(kind, tmp_path, request))
    failures = [line for result in report.results.values() for line in result.failures]
    passed = {name: result.tests_passed for name, result in report.results.items()}
    assert not failures
    assert passed == PUBLISHED
    assert sum(passed.values()) == 81
