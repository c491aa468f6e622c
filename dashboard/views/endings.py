"""What an operation came to, beyond the one sentence: what stayed, what failed, what was erased."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Stayed:
    """Something that was not done, and why: ``name`` is a checkpoint's id or a thread."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingPage:
    """The particulars of an ending. ``next_after`` is None behind the last that stayed."""

    stayed: tuple[Stayed, ...] = ()
    stayed_count: int = 0
    next_after: int | None = None
    failures: tuple[Stayed, ...] = ()
    failures_count: int = 0
    freed_bytes: int | None = None
    acted_on: int | None = None
    restored_id: str = ""
    head_id: str = ""
    new_thread: str = ""
    receipt_sha256: str = ""


def ending_of(operation: Any, *, after: int = 0) -> EndingPage:
    """Return what an operation's result says, of what stayed a page from ``after`` on."""
    result = operation.result
    stayed, failures = result.get("stayed", {}), result.get("failures", {})
    shown = list(stayed.items())[after : after + SHOWN]
    end = after + len(shown)
    return EndingPage(
        stayed=tuple(Stayed(name, why) for name, why in shown),
        stayed_count=result.get("stayed_count", len(stayed)),
        next_after=end if end < len(stayed) else None,
        failures=tuple(Stayed(name, why) for name, why in list(failures.items())[:SHOWN]),
        failures_count=len(failures),
        freed_bytes=result.get("freed_bytes"),
        acted_on=result.get("acted_on"),
        restored_id=result.get("restored_id") or "",
        head_id=result.get("head_id") or "",
        new_thread=result.get("thread_id", ""),
        receipt_sha256=result.get("receipt", {}).get("sha256", ""),
    )
