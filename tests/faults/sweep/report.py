"""``python -m tests.faults.sweep.report [--minutes N]``: a long sweep, and its tables as markdown.

Two processes sweep beside each other: one the model and some folders, the other the stores that
wait for a disk or a server. Then each safety feature is switched off.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_CONNECTORS = ("dreamos", "crewai", "crewai-sqlite", "agent-framework", "langgraph-postgresql")
FEW = 30
"""Each act in peace and with one fault; `make sweep` looks for more."""
SHARES = (
    {"memory": 24_000, "kaizen": 4_000, "dreamos": 2_000, "crewai": 2_000, "crewai-sqlite": 2_000},
    {
        "sqlite": 6_000,
        "file": 6_000,
        "langgraph": 6_000,
        "postgresql": 6_000,
        "agent-framework": 2_000,
        "langgraph-postgresql": 2_000,
    },
)
"""How many scenarios of each kind a long sweep plays; the first figures go to one process."""
SHORT_SHARES = (
    {"memory": 2_880, "kaizen": 64, **dict.fromkeys(_CONNECTORS[:3], FEW)},
    {"sqlite": 515, "file": 515, "langgraph": 515, "postgresql": 515}
    | dict.fromkeys(_CONNECTORS[3:], FEW),
)
"""The sweep that the tests make."""
PER_FEATURE = 12
TITLES = {
    "memory": "model in memory",
    "sqlite": "SQLite",
    "file": "folder",
    "postgresql": "PostgreSQL",
    "langgraph": "LangGraph file",
    "kaizen": "Kaizen folder",
    "dreamos": "DreamOS folder",
    "crewai": "CrewAI folder",
    "crewai-sqlite": "CrewAI file",
    "agent-framework": "Agent Framework folder",
    "langgraph-postgresql": "LangGraph on PostgreSQL",
}


@dataclass(frozen=True, slots=True)
class Swept:
    """What was played on one kind of store."""

    kind: str
    played: int
    seconds: float
    by_act: dict[str, int]
    by_fault: dict[str, int]
    wrong: dict[str, list[str]]


def sweep(
    shares: Sequence[dict[str, int]], *, seconds: float | None = None, seed: int = 1
) -> list[Swept]:
    """Sweep the shares beside each other; ``seconds`` end each kind's turn early."""
    started = [subprocess.Popen(_command(share, seconds, seed), **_PIPED) for share in shares]
    return [_swept(line) for process in started for line in _lines(process)]


def features(per_feature: int = PER_FEATURE, *, intact: bool = False) -> list[dict[str, Any]]:
    """Switch each feature off and return how many scenarios showed it, or leave all on."""
    options = ["--mutants", "--scenarios", str(per_feature), *(["--intact"] if intact else [])]
    return _lines(subprocess.Popen([*_SWEEP, *options], **_PIPED))


_SWEEP = (sys.executable, "-m", "tests.faults.sweep")
_PIPED: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def _command(share: dict[str, int], seconds: float | None, seed: int) -> list[str]:
    kinds = [f"{kind}={count}" for kind, count in share.items()]
    limit = ["--seconds", str(seconds / len(share))] if seconds else []
    return [*_SWEEP, *kinds, *limit, "--seed", str(seed)]


def _lines(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    output, errors = process.communicate()
    if process.returncode not in {0, 1} or not output:
        raise RuntimeError(f"the sweep broke off: {errors[-2000:]}")
    return [json.loads(line) for line in output.splitlines()]


def _swept(line: dict[str, Any]) -> Swept:
    return Swept(**{name: line[name] for name in Swept.__dataclass_fields__})


def table_of_kinds(swept: Sequence[Swept]) -> str:
    """Return how many scenarios were played of each act on each kind, as markdown."""
    acts = list(dict.fromkeys(act for one in swept for act in one.by_act))
    rows = [["operation", *(TITLES[one.kind] for one in swept), "together"]]
    for act in acts:
        counts = [one.by_act.get(act, 0) for one in swept]
        rows.append([act.replace("_", " "), *map(_figure, counts), _figure(sum(counts))])
    played = [one.played for one in swept]
    wrong = [len(one.wrong) for one in swept]
    rows.append(["**scenarios**", *map(_figure, played), _figure(sum(played))])
    rows.append(["**violations**", *map(str, wrong), str(sum(wrong))])
    return _table(rows)


def table_of_features(found: Sequence[dict[str, Any]]) -> str:
    """Return what each feature keeps from happening, as markdown."""
    rows = [["switched off", "scenarios", "violations", "such as"]]
    for one in found:
        name, lines = next(iter(one["wrong"].items()), ("", [""]))
        rows.append(
            [one["feature"], str(one["played"]), str(len(one["wrong"])), _plain(name, lines[0])]
        )
    return _table(rows)


_IDS = re.compile(r"\(.*?\)|[0-9a-f]{8}-[0-9a-f-]{27}")


def _plain(name: str, line: str) -> str:
    what = "a checkpoint is lost" if line.endswith("is lost") else _IDS.sub("a checkpoint", line)
    return f"{what} (`{name}`)" if name else ""


def _figure(number: int) -> str:
    return f"{number:,}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, help="end the sweep after about so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="as the tests make it")
    chosen = parser.parse_args()
    seconds = chosen.minutes * 60 if chosen.minutes else None
    swept = sweep(SHORT_SHARES if chosen.short else SHARES, seconds=seconds, seed=chosen.seed)
    print(table_of_kinds(swept), flush=True)
    for one in swept:
        for name, lines in one.wrong.items():
            print(f"\n{name}: {'; '.join(lines)}", flush=True)
    found = features()
    print(f"\n{table_of_features(found)}")
    return any(one.wrong for one in swept) or not all(one["wrong"] for one in found)


if __name__ == "__main__":
    sys.exit(main())
