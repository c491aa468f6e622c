"""What an erasure promises, of whatever store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.errors import CheckpointNotFound
from checkpoints.plans import ThreadErased, ThreadErasure
from checkpoints.records import RestoreTarget
from checkpoints.stores.operable import Trash
from checkpoints.testing.samples import NOON
from checkpoints.testing.suite.operable import GoOn, Made, MakeThread, OperableCase, head_id
from checkpoints.testing.suite.pruning import lying, removed

LATER = NOON + timedelta(hours=1)


class Erasures(OperableCase):
    """What is erased is gone for good, and what is not is named."""

    def test_an_erasure_takes_what_it_names_and_no_more(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(6)
        before = self.states(open_operated(), made)
        erasure = erasure_of(open_operated(), made, self.may_be_erased(made))
        done = erased(open_operated(), erasure, trash)
        assert (set(done.erased), done.remaining) == (set(erasure.targets), {})
        gone = {target.checkpoint_id for target in erasure.targets}
        assert self.states(open_operated(), made) == {
            n: s for n, s in before.items() if n not in gone
        }

    def test_an_erasure_delivered_twice_acts_once(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        erasure = erasure_of(open_operated(), made, self.may_be_erased(made))
        first = erased(open_operated(), erasure, trash)
        left = self.states(open_operated(), made)
        assert erased(open_operated(), erasure, trash) == first
        assert self.states(open_operated(), made) == left

    def test_a_whole_thread_is_erased_with_its_head(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(4)
        erasure = replace(erasure_of(open_operated(), made, made.ids), whole=True)
        done = erased(open_operated(), erasure, trash)
        assert (len(done.erased), done.remaining) == (4, {})
        assert open_operated().head(made.agent_id, made.thread_id) is None
        with pytest.raises(CheckpointNotFound):
            open_operated().history(made.agent_id, made.thread_id)

    def test_an_erasure_takes_what_lies_in_the_trash(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(6)
        going = self.may_be_erased(made)
        erasure = erasure_of(open_operated(), made, going)
        removed(open_operated(), made, going[:1], trash)
        done = erased(open_operated(), erasure, trash)
        assert (len(done.erased), done.remaining) == (len(going), {})
        assert lying(open_operated(), made, trash) == {}

    def test_what_is_not_what_the_plan_saw_stays_and_is_named(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        erasure = erasure_of(open_operated(), made, self.may_be_erased(made))
        first, *others = erasure.targets
        wrong = replace(erasure, targets=(replace(first, sha256="0" * 64), *others))
        done = erased(open_operated(), wrong, trash)
        assert set(done.remaining) == {first.checkpoint_id}
        assert first.checkpoint_id in self.states(open_operated(), made)

    def test_what_was_saved_since_the_plan_stays_and_is_named(
        self,
        open_operated: Callable[[], Any],
        make_thread: MakeThread,
        go_on: GoOn,
        trash: Trash | None,
    ) -> None:
        made = make_thread(4)
        erasure = replace(erasure_of(open_operated(), made, made.ids), whole=True)
        new = go_on(made.agent_id, made.thread_id)
        done = erased(open_operated(), erasure, trash)
        assert new in done.remaining
        assert head_id(open_operated(), made.agent_id, made.thread_id) == new

    def may_be_erased(self, made: Made) -> list[str]:
        """Return which of a thread's checkpoints can be erased without the others."""
        return list(made.ids[: len(made.ids) // 2])


def erasure_of(store: Any, made: Made, ids: Sequence[str]) -> ThreadErasure:
    """Return a plan that erases these, as the store has them now."""
    records = [store.get(name, thread_id=made.thread_id) for name in ids]
    targets = tuple(
        RestoreTarget(checkpoint_id=record.id, namespace=record.namespace, sha256=record.sha256)
        for record in records
    )
    return ThreadErasure(agent_id=made.agent_id, thread_id=made.thread_id, targets=targets)


def erased(store: Any, erasure: ThreadErasure, trash: Trash | None) -> ThreadErased:
    """Carry a plan out."""
    done: ThreadErased = store.erase_thread(erasure, operation_id="op-1", now=LATER, trash=trash)
    return done
