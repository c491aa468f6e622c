"""What a prune promises, of whatever store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.errors import CheckpointNotFound
from checkpoints.plans import Doomed, ThreadPrune, ThreadPruned
from checkpoints.stores.operable import Trash
from checkpoints.testing.samples import NOON
from checkpoints.testing.suite.operable import GoOn, Made, MakeThread, OperableCase, head_id

LATER = NOON + timedelta(hours=1)


class Pruning(OperableCase):
    """What goes can come back, what stays reads back, and nothing goes that must not."""

    def test_what_goes_is_not_listed_and_what_stays_reads_back(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(6)
        before = self.states(open_operated(), made)
        going = self.may_go(open_operated(), made)
        done = removed(open_operated(), made, going, trash)
        assert (set(done.removed), done.stayed) == (set(going), {})
        left = {name: state for name, state in before.items() if name not in going}
        assert self.states(open_operated(), made) == left
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]

    def test_what_went_is_told_with_its_digests(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        going = self.may_go(open_operated(), made)
        digests = {name: self.record(open_operated(), made, name).sha256 for name in going}
        removed(open_operated(), made, going, trash)
        assert lying(open_operated(), made, trash) == digests

    def test_a_prune_delivered_twice_acts_once(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        prune = plan_of(open_operated(), made, self.may_go(open_operated(), made))
        first = carried_out(open_operated(), prune, trash)
        listed = self.states(open_operated(), made)
        again = carried_out(open_operated(), prune, trash)
        assert (set(again.removed), again.stayed) == (set(first.removed), {})
        assert self.states(open_operated(), made) == listed

    def test_the_head_stays_whatever_a_plan_says(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(3)
        done = removed(open_operated(), made, [made.ids[-1]], trash)
        assert (done.removed, set(done.stayed)) == ((), {made.ids[-1]})
        assert head_id(open_operated(), made.agent_id, made.thread_id) == made.ids[-1]
        assert made.ids[-1] in open_operated().exempt(made.agent_id, made.thread_id)

    def test_what_is_not_what_the_plan_saw_stays(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        prune = plan_of(open_operated(), made, self.may_go(open_operated(), made))
        wrong = (replace(prune.remove[0], sha256="0" * 64), *prune.remove[1:])
        done = carried_out(open_operated(), replace(prune, remove=wrong), trash)
        assert set(done.stayed) == {prune.remove[0].checkpoint_id}
        assert prune.remove[0].checkpoint_id in self.states(open_operated(), made)

    def test_what_was_never_there_is_named(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(4)
        prune = plan_of(open_operated(), made, self.may_go(open_operated(), made)[:1])
        extra = replace(prune.remove[0], checkpoint_id="never-there")
        done = carried_out(open_operated(), replace(prune, remove=(*prune.remove, extra)), trash)
        assert set(done.stayed) == {"never-there"}

    def test_an_agent_that_saves_meanwhile_loses_nothing(
        self,
        open_operated: Callable[[], Any],
        make_thread: MakeThread,
        go_on: GoOn,
        trash: Trash | None,
    ) -> None:
        made = make_thread(5)
        prune = plan_of(open_operated(), made, self.may_go(open_operated(), made))
        new = go_on(made.agent_id, made.thread_id)
        carried_out(open_operated(), prune, trash)
        assert head_id(open_operated(), made.agent_id, made.thread_id) == new
        newer = go_on(made.agent_id, made.thread_id)
        assert {made.ids[-1], new, newer} <= set(self.states(open_operated(), made))

    def test_what_went_comes_back_as_it_was(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(6)
        records, states = (
            open_operated().history(made.agent_id, made.thread_id),
            self.states(open_operated(), made),
        )
        going = self.may_go(open_operated(), made)
        removed(open_operated(), made, going, trash)
        for _ in range(2):
            assert put_back(open_operated(), made, going, trash) == {}
        back = open_operated().history(made.agent_id, made.thread_id)
        assert [(r.id, r.parent_id, r.sha256) for r in back] == [
            (r.id, r.parent_id, r.sha256) for r in records
        ]
        assert self.states(open_operated(), made) == states
        assert lying(open_operated(), made, trash) == {}

    def test_a_prune_delivered_again_after_its_undo_acts_no_more(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        prune = plan_of(open_operated(), made, self.may_go(open_operated(), made))
        carried_out(open_operated(), prune, trash)
        put_back(open_operated(), made, [one.checkpoint_id for one in prune.remove], trash)
        before = self.states(open_operated(), made)
        done = carried_out(open_operated(), prune, trash)
        assert (done.removed, len(done.stayed)) == ((), len(prune.remove))
        assert self.states(open_operated(), made) == before

    def test_what_is_purged_does_not_come_back_and_the_rest_does(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(6)
        states = self.states(open_operated(), made)
        first, *others = self.may_go(open_operated(), made)
        removed(open_operated(), made, [first, *others], trash)
        for _ in range(2):
            purged(open_operated(), made, [first], trash)
        assert set(lying(open_operated(), made, trash)) == set(others)
        assert set(put_back(open_operated(), made, [first, *others], trash)) == {first}
        assert self.states(open_operated(), made) == {n: s for n, s in states.items() if n != first}

    def test_what_is_listed_is_not_purged(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(4)
        before = self.states(open_operated(), made)
        assert purged(open_operated(), made, made.ids, trash) == 0
        assert self.states(open_operated(), made) == before

    def test_what_was_purged_is_not_found_again(
        self, open_operated: Callable[[], Any], make_thread: MakeThread, trash: Trash | None
    ) -> None:
        made = make_thread(5)
        going = self.may_go(open_operated(), made)
        removed(open_operated(), made, going, trash)
        purged(open_operated(), made, going, trash)
        for name in going:
            with pytest.raises(CheckpointNotFound):
                self.record(open_operated(), made, name)
        assert list(open_operated().verify()) == []

    def may_go(self, store: Any, made: Made) -> list[str]:
        """Return which of a thread's checkpoints may go together: the older half of them."""
        return list(made.ids[: len(made.ids) // 2])


def plan_of(store: Any, made: Made, ids: Sequence[str]) -> ThreadPrune:
    """Return a plan that removes these, as the store has them now."""
    records = [store.get(name, thread_id=made.thread_id) for name in ids]
    head = store.head(made.agent_id, made.thread_id)
    return ThreadPrune(
        agent_id=made.agent_id,
        thread_id=made.thread_id,
        expected_head=head.checkpoint_id if head else None,
        keep=(),
        remove=tuple(
            Doomed(
                checkpoint_id=record.id,
                reason="age",
                namespace=record.namespace,
                sha256=record.sha256,
                stored_size=record.stored_size,
            )
            for record in records
        ),
    )


def carried_out(store: Any, prune: ThreadPrune, trash: Trash | None) -> ThreadPruned:
    """Carry a plan out."""
    done: ThreadPruned = store.remove(prune, operation_id="op-1", now=LATER, trash=trash)
    return done


def removed(store: Any, made: Made, ids: Sequence[str], trash: Trash | None) -> ThreadPruned:
    """Plan the removal of these and carry it out."""
    return carried_out(store, plan_of(store, made, ids), trash)


def put_back(store: Any, made: Made, ids: Sequence[str], trash: Trash | None) -> dict[str, str]:
    """Bring these back."""
    left: dict[str, str] = store.put_back(
        made.agent_id, made.thread_id, list(ids), operation_id="op-1", trash=trash
    )
    return left


def purged(store: Any, made: Made, ids: Sequence[str], trash: Trash | None) -> int:
    """Delete these for good."""
    freed: int = store.purge(
        made.agent_id, made.thread_id, list(ids), operation_id="op-1", trash=trash
    )
    return freed


def lying(store: Any, made: Made, trash: Trash | None) -> dict[str, str | None]:
    """Return what lies in the trash."""
    found: dict[str, str | None] = store.trashed(
        made.agent_id, made.thread_id, operation_id="op-1", trash=trash
    )
    return found
