"""The check of a restore: it moves the head once, loses nothing and keeps a stale run out."""

from __future__ import annotations

from datetime import timedelta

from checkpoints.errors import HeadMoved
from checkpoints.records import Directive, Head, RestorePlan, Strategy
from checkpoints.selftest.bench import Bench, require_refused
from checkpoints.selftest.outcomes import require
from checkpoints.selftest.samples import NOON, draft, save_chain, state
from checkpoints.stores.base import Store

DIRECTIVE = Directive(strategy=Strategy.SKIP_TO_NEXT, parameters={"limit": 3})


def restore(bench: Bench) -> None:
    """A restore moves the head once, keeps what came later and refuses the run that it overtook."""
    bench.require_offered("restore")
    save_chain(bench.open(), 4)
    plan = bench.open().plan_restore(bench.open().get("c2"))
    head = _carry_out(bench.open(), plan)
    _is_head(bench, head)
    require(_carry_out(bench.open(), plan) == head, "delivered twice a restore acts twice")
    _is_head(bench, head)
    _keeps_what_came_later(bench)
    _obeyed_once(bench)
    _refuses_the_stale_run(bench)


def _carry_out(store: Store, plan: RestorePlan) -> Head:
    return store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="op-1",
        reason="drift",
        now=NOON + timedelta(hours=1),
        directive=DIRECTIVE,
    )


def _is_head(bench: Bench, head: Head) -> None:
    found = bench.open().head(None, "main")
    require(found == head, "the head is not what the restore said")
    said = (head.checkpoint_id, head.operation_id, head.reason)
    require(said == ("c2", "op-1", "drift"), f"the head after the restore is {said}")


def _keeps_what_came_later(bench: Bench) -> None:
    listed = [record.id for record in bench.open().history(None, "main")]
    require(listed == ["c4", "c3", "c2", "c1"], f"after the restore {listed} are listed")
    for number in range(1, 5):
        bench.require_loads(f"c{number}", state(number))


def _obeyed_once(bench: Bench) -> None:
    head = bench.open().head(None, "main")
    if head is None:
        return
    require(bench.open().take_directive(head) == DIRECTIVE, "the directive was lost")
    require(bench.open().take_directive(head) is None, "the directive is given twice")


def _refuses_the_stale_run(bench: Bench) -> None:
    store = bench.open()
    require_refused(
        lambda: store.put(draft(5, parent="c4"), state(5), expected_head="c4"),
        HeadMoved,
        "a run that did not hear of the restore saves over it",
    )
    store.put(draft(6, parent="c2"), state(6), expected_head="c2")
    bench.require_loads("c6", state(6))
