"""Making the checks, one after the other, each in a scratch place of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from checkpoints.errors import CheckpointError, PermanentStoreError
from checkpoints.selftest import damage, dying, going_back, journals, keeping, removing, together
from checkpoints.selftest.bench import Bench, Opener
from checkpoints.selftest.outcomes import DidNotHold, NotPossible, Outcome, Verdict
from checkpoints.selftest.places import Scratch, scratch_beside
from checkpoints.stores.urls import open_store, parse_url

CHECKS: dict[str, Callable[[Bench], None]] = {
    "exact": keeping.exact,
    "durable": dying.durable,
    "race": together.race,
    "threads": together.threads,
    "full": dying.full,
    "corruption": damage.corruption,
    "restore": going_back.restore,
    "prune": removing.prune,
    "sweep": removing.sweep,
    "journal": journals.journal,
    "erase": journals.erase,
    "big": keeping.big,
}
"""Name to check; the first line of its docstring is the promise that it tries."""


@dataclass(frozen=True, slots=True)
class _Trial:
    scratch: Scratch
    opener: Opener

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        bench = Bench(self.scratch.place(), self.opener)
        try:
            yield bench
        finally:
            bench.close()

    def outcome(self, name: str) -> Outcome:
        began = time.perf_counter()
        verdict, reason = self._tried(CHECKS[name])
        return Outcome(
            check=name,
            promise=promise_of(name),
            verdict=verdict,
            reason=reason,
            seconds=time.perf_counter() - began,
        )

    def _tried(self, check: Callable[[Bench], None]) -> tuple[Verdict, str]:
        try:
            with self.bench() as bench:
                check(bench)
        except NotPossible as error:
            return Verdict.NOT_POSSIBLE, str(error)
        except (DidNotHold, CheckpointError) as error:
            return Verdict.DID_NOT_HOLD, str(error)
        except Exception as error:  # noqa: BLE001 - whatever else comes out tells against it too
            return Verdict.DID_NOT_HOLD, f"raised {type(error).__name__}: {error}"
        return Verdict.HELD, ""


def run(
    url: str,
    *,
    opener: Opener = open_store,
    checks: Sequence[str] = tuple(CHECKS),
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Try the kind of store that ``url`` names, on its disk or server; it is itself not opened.

    ``opener`` is a function of a module that other processes can import. ``on_outcome`` hears of
    each check as it ends. The scratch places are removed in the end, however it comes. Raises
    PermanentStoreError where a store of this kind cannot be opened, or not be saved into.
    """
    _refuse_foreign(url)
    with scratch_beside(url) as scratch:
        trial = _Trial(scratch, opener)
        with trial.bench() as bench:
            list(bench.open().threads())
        return [_told(trial.outcome(name), on_outcome) for name in checks]


def promise_of(name: str) -> str:
    """Return what a check tries, in a sentence."""
    return (CHECKS[name].__doc__ or name).partition("\n")[0]


def _told(outcome: Outcome, on_outcome: Callable[[Outcome], None] | None) -> Outcome:
    if on_outcome is not None:
        on_outcome(outcome)
    return outcome


def _refuse_foreign(url: str) -> None:
    parsed = parse_url(url)
    if not parsed.kind.is_native:
        raise PermanentStoreError(
            f"{parsed.scheme}:// is a store that another framework writes; only stores that agents "
            "save into through Holdfast can be tried. Nothing was written"
        )
