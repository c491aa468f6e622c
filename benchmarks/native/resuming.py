"""``python -m benchmarks.native.resuming URL``: resume in a process that has just begun."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from statistics import median

from benchmarks.measure import Row, median_ms, seconds
from benchmarks.native.entrants import Ours
from benchmarks.native.scale import Scale
from benchmarks.native.series import Outcome
from checkpoints import CheckpointManager, open_store


def rows(outcome: Outcome, scale: Scale) -> Iterator[Row]:
    """Yield what resuming takes beyond one load of the same checkpoint."""
    ours = outcome.entrants["ours"]
    assert isinstance(ours, Ours)
    taken = [_in_fresh_process(ours.url) for _ in range(scale.resumes)]
    extra = median(resume - load for _, resume, load in taken)
    imports, resume, load = (median(values) for values in zip(*taken, strict=True))
    note = (
        f"resume {resume:.2f} ms, one load {load:.2f} ms of {outcome.raw[-1] / 1e6:.2f} MB; "
        f"imports before that {imports:.0f} ms; {len(taken)} processes"
    )
    name = "resume of the latest in a fresh process, beyond one load"
    yield Row(name=name, value=extra, unit="ms", goal=1, note=note)


def _in_fresh_process(url: str) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "benchmarks.native.resuming", url]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    imports, resume, load = json.loads(answer)
    return imports, resume, load


def main(url: str) -> None:
    """Print the milliseconds of imports, of opening and resuming, and of a load afterwards."""
    imports = seconds(lambda: open_store(f"{url}.none").close()) * 1000
    managers: list[CheckpointManager] = []

    def resume() -> None:
        managers.append(CheckpointManager("bench", store=url))
        if managers[0].resume() is None:
            raise RuntimeError(f"{url} holds nothing to resume from")

    took = seconds(resume) * 1000
    newest = managers[0].history(limit=1)[0]
    load = median_ms(partial(managers[0].store.load, newest), 5)
    managers[0].close()
    print(json.dumps([imports, took, load]))


if __name__ == "__main__":
    main(sys.argv[1])
