"""What tools answer: search results, table rows, nested records, listings, tracebacks, pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.agents.writer import Writer

Output = Callable[[Writer, int], Any]


def search(writer: Writer, size: int) -> dict[str, Any]:
    """Return the results of a search, each with an address, a score and an excerpt."""
    count = max(1, size // 380)
    results = [
        {
            "title": writer.words(6).capitalize(),
            "url": writer.url(),
            "score": writer.random.random(),
            "snippet": writer.prose(size // count - 160),
            "published_at": writer.moment(),
        }
        for _ in range(count)
    ]
    return {"query": writer.words(4), "total": writer.random.randrange(9_000), "results": results}


def rows(writer: Writer, size: int) -> dict[str, Any]:
    """Return the answer of a database: columns and rows."""
    answer = [
        {
            "id": writer.random.randrange(10**6),
            "name": writer.name(),
            "status": writer.random.choice(("active", "pending", "cancelled", "shipped")),
            "amount": round(writer.random.uniform(1, 2_000), 2),
            "updated_at": writer.moment(),
            writer.noun(): writer.words(3),
        }
        for _ in range(max(1, size // 150))
    ]
    return {"rows": answer, "row_count": len(answer), "elapsed_ms": writer.random.random() * 90}


def record(writer: Writer, size: int) -> dict[str, Any]:
    """Return one record with others nested in it."""
    items = [
        {
            "sku": writer.hexadecimal(8).upper(),
            "quantity": writer.random.randrange(1, 9),
            "price": {"amount": round(writer.random.uniform(1, 400), 2), "currency": "EUR"},
            "options": {writer.noun(): writer.noun(), "available": writer.random.random() < 0.7},
            "description": writer.words(9),
        }
        for _ in range(max(1, (size - 250) // 210))
    ]
    owner = {"name": writer.name(), "email": f"{writer.noun()}@{writer.noun()}.com", "tags": []}
    return {"id": writer.hexadecimal(24), "owner": owner, "items": items, "notes": None}


def listing(writer: Writer, size: int) -> str:
    """Return what a shell prints for a folder."""
    line = "-rw-r--r-- 1 {} {} {:>8} {} {}/{}.py"
    return "\n".join(
        line.format(
            "app", "app", writer.random.randrange(10**6), writer.moment(),
            writer.noun(), writer.noun(),
        )
        for _ in range(max(1, size // 75))
    )  # fmt: skip


def traceback(writer: Writer, size: int) -> str:
    """Return what Python prints before it ends."""
    frames = [
        f'  File "/app/{writer.noun()}/{writer.noun()}.py", line {writer.random.randrange(900)}, '
        f"in {writer.noun()}\n    {writer.noun()} = self.{writer.noun()}({writer.noun()})"
        for _ in range(max(1, size // 110))
    ]
    error = writer.random.choice(("ValueError", "KeyError", "TimeoutError", "ConnectionError"))
    last = f"{error}: {writer.words(8)}"
    return "\n".join(["Traceback (most recent call last):", *frames, last])


def page(writer: Writer, size: int) -> str:
    """Return a page as a fetching tool gives it."""
    return writer.markdown(size)


def as_text(output: Output) -> Output:
    """Give an output as the JSON text that many tools answer with."""
    return lambda writer, size: json.dumps(output(writer, size), ensure_ascii=False)


OUTPUTS: tuple[Output, ...] = (
    search, rows, record, listing, traceback, page, page, as_text(search), as_text(rows),
)  # fmt: skip


def any_output(writer: Writer, size: int) -> Any:
    """Return an output of about ``size`` bytes of any of these sorts."""
    return writer.random.choice(OUTPUTS)(writer, size)
