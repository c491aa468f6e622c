"""``python -m tests.faults.sweep``: play scenarios and print what was found.

``--only sqlite/prune/crash@31`` plays one again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time

from tests.faults.sweep.environment import set_up


def main() -> int:
    chosen = _arguments()
    set_up()
    from tests.faults.sweep import boundaries

    boundaries.install()
    if chosen.only:
        return _again(chosen.only, tell=chosen.tell)
    return _mutants(chosen) if chosen.mutants else _sweep(chosen)


def _mutants(chosen: argparse.Namespace) -> int:
    """Switch each feature off; a mutant that nothing shows is an error."""
    from tests.faults.sweep.mutants import MUTANTS
    from tests.faults.sweep.runner import Sweep
    from tests.faults.sweep.stores import all_kinds

    unseen = False
    for mutant in MUTANTS:
        if chosen.feature and mutant.feature not in chosen.feature:
            continue
        sweep = Sweep(kind=all_kinds()[mutant.kind], seed=chosen.seed, combinations=mutant.faults)
        with contextlib.nullcontext() if chosen.intact else mutant.off():
            tally = sweep.run(chosen.scenarios, [mutant.act])
        unseen |= not tally.wrong
        print(
            json.dumps({"feature": mutant.feature, "played": tally.played, "wrong": tally.wrong}),
            flush=True,
        )
    return unseen


def _again(name: str, *, tell: bool) -> int:
    from tests.faults.sweep.acts import ACTS
    from tests.faults.sweep.plays import Fault
    from tests.faults.sweep.runner import Sweep
    from tests.faults.sweep.stores import all_kinds

    kind, act, text = name.split("/", 2)
    faults = [Fault.parse(one) for one in text.split("+")] if text != "peace" else []
    sweep = Sweep(kind=all_kinds()[kind], seed=0, tell=print if tell else lambda _: None)
    found = sweep.play_one(ACTS[act], faults)
    print("\n".join(found) or "nothing is wrong")
    return bool(found)


def _sweep(chosen: argparse.Namespace) -> int:
    from tests.faults.sweep.runner import Sweep, until
    from tests.faults.sweep.stores import all_kinds

    wrong = False
    for one in chosen.kinds:
        name, _, wanted = one.partition("=")
        begun, used = time.monotonic(), time.process_time()
        stop = until(chosen.seconds)
        sweep = Sweep(kind=all_kinds()[name], seed=chosen.seed, stop=stop)
        sweep.combinations = [tuple(names.split("+")) for names in chosen.faults]
        tally = sweep.run(int(wanted or chosen.scenarios), chosen.acts)
        wrong |= bool(tally.wrong)
        print(
            json.dumps(
                {
                    "kind": name,
                    "played": tally.played,
                    "seconds": round(time.monotonic() - begun, 1),
                    "processor_seconds": round(time.process_time() - used, 1),
                    "by_act": tally.by_act,
                    "by_fault": tally.by_fault,
                    "wrong": tally.wrong,
                }
            ),
            flush=True,
        )
    return wrong


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sweep", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["memory"], metavar="KIND[=SCENARIOS]")
    parser.add_argument("--acts", action="append", default=[])
    parser.add_argument("--faults", action="append", default=[], metavar="FAULT[+FAULT]")
    parser.add_argument("--scenarios", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutants", action="store_true", help="switch each feature off in turn")
    parser.add_argument("--feature", action="append", default=[], help="with --mutants: only this")
    parser.add_argument("--intact", action="store_true", help="with --mutants: leave it on")
    parser.add_argument("--only", metavar="SCENARIO", help="one scenario by its name")
    parser.add_argument("--tell", action="store_true", help="with --only: tell all that happens")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
