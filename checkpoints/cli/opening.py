"""What the commands share: their common options, the store they open, the question they ask."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import typer

from checkpoints.cli import output
from checkpoints.cli.exits import Exit, errors, explained
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.urls import open_store

Url = Annotated[str, typer.Argument(help="Store URL, such as sqlite:///holdfast.db")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
InThread = Annotated[str | None, typer.Option("--thread", help="Only this thread.")]


@contextmanager
def opened(url: str) -> Iterator[ReadableStore]:
    """Open an existing store for one command."""
    with explained(), closing(open_store(url, must_exist=True)) as store:
        yield store


def confirm(yes: bool, verb: str) -> None:
    """Ask whether to ``verb``; end the command where the answer is no or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        errors.print(f"holdfast: add --yes to {verb} without being asked; nothing was changed")
        raise typer.Exit(Exit.USAGE)
    if not typer.confirm(f"{verb.capitalize()}?", err=True):
        errors.print("holdfast: nothing was changed")
        raise typer.Exit(Exit.REFUSED)


def print_result(as_json: bool, result: dict[str, Any], sentence: str) -> None:
    """Print how a command ended, as JSON or as a sentence."""
    if as_json:
        output.print_json(result)
    else:
        output.console.print(output.shown(sentence))
