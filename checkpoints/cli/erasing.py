"""The command that deletes for good what a run, a user or a thread has left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from checkpoints.cli import output
from checkpoints.cli.books import Operated, TrashUrl, operated
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import DryRun, InThread, Json, Url, Yes, confirm, print_result
from checkpoints.cli.options import OfAgent, Reason
from checkpoints.errors import CheckpointError
from checkpoints.lineage import erase, plan_erase
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.stores.urls import without_password

Run = Annotated[str | None, typer.Option("--run", help="Erase what this run has saved.")]
User = Annotated[
    str | None, typer.Option("--user", help="Erase checkpoints whose metadata name this user.")
]
ReceiptFile = Annotated[
    Path | None, typer.Option("--receipt", help="Write the receipt into this new file.")
]


def erase_checkpoints(  # noqa: PLR0913, PLR0917 - each is an option
    url: Url,
    reason: Reason,
    run: Run = None,
    user: User = None,
    thread: InThread = None,
    agent: OfAgent = None,
    receipt: ReceiptFile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    trash: TrashUrl = None,
) -> None:
    """Delete for good what a run, a user or a thread has left, trash included. No undo."""
    what = {"run": run, "user": user, "thread": thread, "agent": agent}
    what = {name: value for name, value in what.items() if value is not None}
    _require_new(receipt)
    with operated(url, trash) as on:
        plans = plan_erase(on.store, run_id=run, user_id=user, agent_id=agent, thread_id=thread)
        if not as_json:
            output.print_erasures(plans)
        if dry_run or not plans:
            result = {"dry_run": dry_run, "plans": [plan.to_dict() for plan in plans]}
            print_result(as_json, result, "Nothing was changed.")
            return
        confirm(yes, "erase")
        told = _carry_out(on, plans, {"store": without_password(url), "what": what}, reason)
    _print_receipt(told, receipt, as_json)


def _require_new(receipt: Path | None) -> None:
    """Refuse a receipt that could not be written, before anything is erased."""
    if receipt is not None and (receipt.exists() or not receipt.absolute().parent.is_dir()):
        raise typer.BadParameter(
            f"{receipt} is there already or lies in no folder; nothing was erased",
            param_hint="--receipt",
        )


def _carry_out(
    on: Operated, plans: Sequence[ThreadErasure], about: Mapping[str, Any], reason: str
) -> dict[str, Any]:
    operation_id, now = str(uuid4()), datetime.now(UTC)
    done = [_erased(on, plan, operation_id, now) for plan in plans]
    remaining = sum(len(one.remaining) for one in done)
    return sealed(
        {
            "operation_id": operation_id,
            **about,
            "reason": reason,
            "erased_at": now.isoformat(),
            "holdfast": version("holdfast"),
            "threads": [_told(plan, one) for plan, one in zip(plans, done, strict=True)],
            "erased": sum(len(one.erased) for one in done),
            "remaining": remaining,
            "read_back": "gone" if not remaining else "partly gone",
        }
    )


def _erased(on: Operated, plan: ThreadErasure, operation_id: str, now: datetime) -> ThreadErased:
    """Erase one thread's part; what goes wrong there is told in the receipt of the others."""
    try:
        return erase(on.store, plan, operation_id=operation_id, now=now, trash=on.trash)
    except CheckpointError as error:
        why = f"its erasure failed: {error}; plan again to see what is left of it"
        return ThreadErased(
            agent_id=plan.agent_id,
            thread_id=plan.thread_id,
            erased=(),
            remaining={target.checkpoint_id: why for target in plan.targets},
            erased_at=now,
        )


def sealed(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Return a receipt with the sha256 of its other fields, as JSON in the order of their names."""
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":"))
    return {**receipt, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _told(plan: ThreadErasure, done: ThreadErased) -> dict[str, Any]:
    return {
        "agent_id": done.agent_id,
        "thread_id": done.thread_id,
        "whole": plan.whole,
        "erased": [
            {"checkpoint_id": t.checkpoint_id, "namespace": t.namespace, "sha256": t.sha256}
            for t in done.erased
        ],
        "remaining": dict(done.remaining),
    }


def _print_receipt(told: dict[str, Any], receipt: Path | None, as_json: bool) -> None:
    where = _written(told, receipt)
    if receipt is None and not as_json:
        output.print_json(told)
    sentence = (
        f"Done. {told['erased']} checkpoints are gone for good, read back; sha256 of the receipt "
        f"{told['sha256']}.{where}"
    )
    print_result(as_json, told, sentence)
    if told["remaining"]:
        for thread in told["threads"]:
            for name, why in thread["remaining"].items():
                errors.print(f"{output.shown(name)} was not erased: {output.shown(why)}")
        raise typer.Exit(Exit.FINDINGS)


def _written(told: dict[str, Any], receipt: Path | None) -> str:
    """Write the receipt and say where; print it where that is not possible by now."""
    if receipt is None:
        return ""
    try:
        receipt.write_text(json.dumps(told, indent=2) + "\n", encoding="ascii")
    except OSError as error:
        output.print_json(told)
        return f" The receipt is printed above: {receipt} could not be written ({error.strerror})."
    return f" The receipt is {receipt}."
