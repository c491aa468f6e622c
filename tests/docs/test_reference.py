"""The reference names what the code has: all of it, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import typer

from checkpoints.cli.app import app
from checkpoints.cli.exits import Exit
from dashboard.commands import register
from dashboard.configuration import PREFIX, Configuration
from tests.docs.markdown import ROOT, first_cells

README = ROOT / "README.md"
CLI = ROOT / "docs/reference/cli.md"
CONFIGURATION = ROOT / "docs/reference/configuration.md"
NOT_DJANGOS = {
    "HOLDFAST_STORE",
    "HOLDFAST_STORE_KEYS",
    "HOLDFAST_DASHBOARD_URL",
    "HOLDFAST_TOKEN",
    "HOLDFAST_SPOOL",
    "HOLDFAST_DEMO",
}


def _commands() -> set[str]:
    both = typer.Typer()
    both.registered_commands.extend(app.registered_commands[:])
    register(both)
    return set(_names(typer.main.get_command(both)))


def _names(command: Any, *before: str) -> list[str]:
    """Return the full names of a command's commands; Typer has a Click of its own or another's."""
    if not hasattr(command, "commands"):
        return [" ".join(before)]
    inner = command.commands.items()
    return [name for word, found in inner for name in _names(found, *before, word)]


def test_every_variable_is_in_the_reference_and_every_one_there_exists() -> None:
    written = {cell for cell in first_cells(CONFIGURATION) if cell.startswith(PREFIX)}
    exists = {f"{PREFIX}{name.upper()}" for name in Configuration.model_fields}
    assert written == exists | NOT_DJANGOS


def test_the_readme_names_no_variable_that_does_not_exist() -> None:
    written = set(re.findall(r"HOLDFAST_[A-Z_]+", README.read_text())) - {PREFIX}
    assert written <= {cell for cell in first_cells(CONFIGURATION) if cell.startswith(PREFIX)}


def test_every_command_is_in_the_reference() -> None:
    text = CLI.read_text()
    assert [name for name in sorted(_commands()) if f"holdfast {name}" not in text] == []


def test_every_command_in_the_readme_exists() -> None:
    cells = [cell for cell in first_cells(README) if cell.startswith("holdfast ")]
    groups = "|".join({name.split()[0] for name in _commands() if " " in name})
    command = rf"^holdfast ((?:(?:{groups}) (?=[a-z]))?[a-z-]+)"
    written = set(re.findall(command, "\n".join(cells), re.MULTILINE))
    assert {name for name in written if not _is_known(name)} == set()


def _is_known(name: str) -> bool:
    return any(known == name or known.startswith(f"{name} ") for known in _commands())


def test_exit_codes_are_all_listed() -> None:
    for page in (README, CLI):
        codes = re.findall(r"^\| (\d) \|", page.read_text(), re.MULTILINE)
        assert [int(code) for code in codes] == sorted(Exit)
