"""The command that proves on copies that a store's checkpoints can be restored."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors
from checkpoints.cli.opening import Json, Url, opened
from checkpoints.cli.options import OfAgent
from checkpoints.drills import Outcome, Rehearsal, Sampled, drill
from checkpoints.findings import kind_of

MOST = 1000
Checkpoints = Annotated[
    int,
    typer.Option(
        "--checkpoints", min=1, max=MOST, help="How many of each thread: head and others."
    ),
]
_COLOURS = {Outcome.PROVEN: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}


def rehearse_store(
    url: Url, agent: OfAgent = None, checkpoints: Checkpoints = 2, as_json: Json = False
) -> None:
    """Prove on copies that checkpoints can be restored. Exit code 1 when one cannot.

    The store is only read. Each day takes other checkpoints beside the heads.
    """
    now = datetime.now(UTC)
    sampled = Sampled(agent_id=agent, checkpoints=checkpoints, seed=f"{now:%Y-%m-%d}")
    done: list[Rehearsal] = []
    with opened(url) as store, errors.status("Rehearsing…"):
        for rehearsal in drill(store, sampled, folder=_scratch(), now=now):
            done.append(rehearsal)
            if not as_json:
                _print(rehearsal)
    if as_json:
        output.print_json([one.to_dict() for one in done])
    else:
        _print_sum(done)
    failed = any(one.outcome is Outcome.FAILED for one in done)
    raise typer.Exit(Exit.FINDINGS if failed else Exit.OK)


def _scratch() -> Path:
    """Return the folder in which all rehearsals of one user lie; nobody else writes there."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "holdfast" / "drills"


def _print(one: Rehearsal) -> None:
    where = f"{output.shown(one.agent_id)} {output.shown(one.thread_id)}"
    verdict = f"[{_COLOURS[one.outcome]}]{one.outcome:<8}[/]"
    output.console.print(f"{verdict} {where} {output.shown(one.checkpoint_id)}", highlight=False)
    if one.outcome is not Outcome.PROVEN:
        output.console.print(f"{'':<9}{output.shown(one.reason)}", highlight=False)
    if one.finding:
        remedy = output.shown(kind_of(one.finding).remedy)
        output.console.print(f"{'':<9}To do: {remedy}", highlight=False)


def _print_sum(done: list[Rehearsal]) -> None:
    if not done:
        output.console.print("There is nothing to rehearse: the store holds no checkpoint.")
        return
    counts = Counter(one.outcome for one in done)
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
    output.console.print(
        f"{len(done)} rehearsed: {said}. The store was only read.", highlight=False
    )
