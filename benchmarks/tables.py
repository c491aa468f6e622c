"""The rows as tables: for a terminal, and for the reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Row

HEADINGS = ("what", "measured", "goal", "", "note")
TITLES = {
    "sdk": "The SDK",
    "reporting": "Reporting",
    "native": "The default store",
    "langgraph": "LangGraph's checkpointer",
    "index": "The dashboard's index",
    "scans": "Other frameworks' stores",
    "restore": "Restoring",
    "operations": "Operations",
    "install": "Installing",
}
_PAGE = """# Benchmarks

What is promised in figures, measured. `python -m benchmarks --markdown` prints this page, \
`make bench` prints it for a terminal. Goals are ratios wherever the disk or a peer can stand \
beside us: every state of a series is saved by all, one after the other in changing order, so \
that the noise of the machine hits all alike.

{machine}

- P is an append of 4 KB and its fdatasync, S is `orjson.dumps` of the state, both in the same run.
- The growing conversation goes from 9 KB to 1.44 MB. The states of 720 KB grow by 1.4 KB a step; \
of those of 4 KB a tenth changes. Then there are insertions, edits and compactions. All is made up \
by `benchmarks/states.py`, in other words than those that the shipped dictionary was trained with.
- SqliteSaver is LangGraph's, with one put per step; Kaizen is its `FilesystemStorage`. Ours, \
SqliteSaver and the zstd files return when the disk has it; the gzip files and Kaizen before that.
- The saver for LangGraph and SqliteSaver are given the calls of one real graph in turn, a \
conversation of 2 KB a message.
- Sizes are those of all files after closing."""


_WHY = """
## What is not reached, and why

Rows that say NOT REACHED say so in this run; these are the ones that stay.

- **Saving states of 4 KB as fast as SqliteSaver.** Both wait for one flush. Beside it ours \
encodes exactly, digests, compares with the checkpoint before, compresses, and writes a record \
with checksums, where SqliteSaver encodes and writes (*work beside the disk*, above). That work \
takes as long as a fast disk's flush; it is what makes the file several times smaller. The slower \
the disk, the closer the two come.
- **Saving states of 250 KB and more 2.5 times as fast as Kaizen's plain files,** or 15 times as \
fast as its packed ones where the disk is slow: Kaizen never flushes, ours waits for the disk \
each time.
- **Loading a large state as fast as SqliteSaver.** Both decode the same MessagePack, which takes \
longest. SqliteSaver reads it plain from the file, ours unpacks the frame that the state stands on \
(*unpacking zstd*, above): that is the price of a file that is a hundred times smaller.
- **64 writers four times as fast as one, within 15 ms.** They share one flush, so that what is \
left is Python's work for each save, and only one thread of a process runs Python at a time. \
Processes run beside each other.
- **Resuming one millisecond after one load.** The first load of a process opens and inspects the \
file, prepares the dictionary and touches memory for the first time; later ones do not.
- **A byte of SQLite's own header.** The first 100 bytes of a file, and its inner pages, can cost \
more than a segment until `holdfast repair` has read the pages by itself; nothing is loaded as \
something else."""


def print_why() -> None:
    """Print, for the reference, what stands between the figures and their goals."""
    print(_WHY)


def print_machine(lines: Sequence[str], *, markdown: bool) -> None:
    """Print what the figures were measured on; as markdown, the page's beginning with it."""
    machine = "\n".join(f"- {line}" for line in lines)
    print(_PAGE.format(machine=machine) if markdown else "\n".join(lines), flush=True)


def print_table(section: str, rows: Iterable[Row]) -> None:
    """Print a table for a terminal."""
    table = Table(title=TITLES[section], title_justify="left", box=None)
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in HEADINGS[1:3] else "left")
    for row in rows:
        verdict = f"[red]{row.verdict}[/]" if row.reached is False else row.verdict
        table.add_row(row.name, row.measured, row.wanted, verdict, row.note)
    Console(width=190).print(table)


def print_markdown(section: str, rows: Iterable[Row]) -> None:
    """Print a table for the reference, each row as soon as it is measured."""
    print(
        f"\n## {TITLES[section]}\n\n| {' | '.join(HEADINGS)} |\n|---|---|---|---|---|", flush=True
    )
    for row in rows:
        cells = (row.name, row.measured, row.wanted, row.verdict, row.note)
        print(f"| {' | '.join(cells)} |", flush=True)
