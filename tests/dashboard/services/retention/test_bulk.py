"""Acting on what a query finds."""

from __future__ import annotations

from itertools import count
from typing import Any
from uuid import uuid4

import pytest

import checkpoints
from dashboard.access import Forbidden, LoginTooOld
from dashboard.models import AuditEvent, Checkpoint, Operation, Project, Role, User
from dashboard.selectors.selections import select
from dashboard.services import retention
from dashboard.services.operations.plans import PrunePlan
from dashboard.services.retention import RetentionRefused, bulk
from tests.dashboard.people import join
from tests.dashboard.yards import Yard


def seen(yard: Yard, text: str, user: User | None = None) -> dict[str, Any]:
    """Return what a page would send: who, the query, and what it found."""
    person = user or yard.user
    found = select(user=person, text=text, now=yard.clock())
    return {"user": person, "text": text, "digest": found.digest, "now": yard.clock()}


def pins(yard: Yard) -> list[str]:
    store = checkpoints.open_native_store(yard.url)
    found = [pin.reason for pin in store.pins()]
    store.close()
    return found


def prune(yard: Yard, text: str) -> retention.Drafted:
    return retention.draft_prunes(**seen(yard, text), idempotency_key=uuid4().hex)


def test_a_selection_is_drafted_as_a_prune_of_nothing_else(yard: Yard) -> None:
    (draft,) = prune(yard, "agent:billing step<3").drafts

    plan = PrunePlan.from_dict(draft.plan)
    (part,) = plan.parts
    assert [d.reason for d in part.prune.remove] == ["selected by agent:billing step<3"] * len(
        part.prune.remove
    )
    assert (
        plan.doomed == Checkpoint.objects.filter(thread=yard.thread("billing"), step__lt=3).count()
    )
    assert draft.state == "draft"


def test_what_is_pinned_or_a_head_stays_although_it_was_selected(yard: Yard) -> None:
    retention.pin(**seen(yard, "agent:billing step:3"), reason="last good")

    (draft,) = prune(yard, "agent:billing").drafts

    kept = {k.reason for k in PrunePlan.from_dict(draft.plan).parts[0].prune.keep}
    assert kept == {"the head", "pinned: last good"}


def test_where_nothing_of_a_selection_can_go_the_source_is_named(yard: Yard) -> None:
    drafted = prune(yard, "head:yes")

    assert drafted.drafts == ()
    assert [source for source, _ in drafted.refused] == [yard.source]
    assert not Operation.objects.exists()


def test_a_prune_drafted_twice_by_one_click_is_one(yard: Yard) -> None:
    order = seen(yard, "agent:billing step<3")

    first = retention.draft_prunes(**order, idempotency_key="k")
    second = retention.draft_prunes(**order, idempotency_key="k")

    assert first.drafts == second.drafts


def test_pinning_writes_into_the_store_and_the_index_once(yard: Yard) -> None:
    first = retention.pin(**seen(yard, "agent:crawler"), reason="evidence")
    again = retention.pin(**seen(yard, "agent:crawler"), reason="evidence")

    assert (first.done, first.already) == (4, 0)
    assert (again.done, again.already) == (0, 4)
    assert pins(yard) == ["evidence"] * 4
    assert Checkpoint.objects.filter(pinned=True).count() == 4


def test_unpinning_takes_it_back(yard: Yard) -> None:
    retention.pin(**seen(yard, "agent:crawler"), reason="evidence")

    done = retention.unpin(**seen(yard, "pinned:yes step<2"), reason="done with")

    assert done.done > 0
    assert len(pins(yard)) == 4 - done.done
    assert Checkpoint.objects.filter(pinned=True).count() == 4 - done.done


def test_a_pin_needs_a_reason(yard: Yard) -> None:
    with pytest.raises(RetentionRefused, match="Say why"):
        retention.pin(**seen(yard, "agent:crawler"), reason="  ")
    assert pins(yard) == []


def test_what_the_store_no_longer_holds_is_named(yard: Yard) -> None:
    row = yard.thread("crawler").checkpoints.order_by("step")[0]
    Checkpoint.objects.filter(pk=row.pk).update(checkpoint_id="gone")

    done = retention.pin(**seen(yard, "agent:crawler"), reason="evidence")

    assert done.done == 3
    ((refused, why),) = done.refused
    assert (refused.pk, "gone" in why) == (row.pk, True)
    assert not Checkpoint.objects.get(pk=row.pk).pinned


def test_what_changed_since_it_was_seen_is_not_acted_on(yard: Yard) -> None:
    order = seen(yard, "agent:crawler")
    yard.thread("crawler").checkpoints.filter(step=1).update(removed_at=yard.clock())

    with pytest.raises(RetentionRefused, match="finds something else than it did"):
        retention.pin(**order, reason="evidence")
    assert pins(yard) == []


def test_too_many_are_not_pinned_in_part(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_PINNED", 3)

    with pytest.raises(RetentionRefused, match="At most 3 checkpoints"):
        retention.pin(**seen(yard, "agent:crawler"), reason="evidence")
    assert pins(yard) == []


def test_reading_back_counts_what_can_be_read(yard: Yard) -> None:
    done = retention.read_back(**seen(yard, "agent:billing"))

    assert (done.done, done.refused, done.left_out) == (8, [], 0)


def test_reading_back_names_what_cannot_be_read(yard: Yard) -> None:
    row = yard.thread("crawler").checkpoints.order_by("step")[0]
    Checkpoint.objects.filter(pk=row.pk).update(checkpoint_id="gone")

    done = retention.read_back(**seen(yard, "agent:crawler"))

    assert done.done == 3
    assert [refused.pk for refused, _ in done.refused] == [row.pk]


def test_reading_back_ends_in_time(yard: Yard) -> None:
    ticks = count(step=3.0)

    done = retention.read_back(**seen(yard, "agent:billing"), clock=lambda: next(ticks))

    assert (done.done, done.left_out) == (2, 6)


def test_what_was_done_is_audited_with_its_query(yard: Yard) -> None:
    retention.pin(**seen(yard, "agent:crawler"), reason="evidence")
    retention.unpin(**seen(yard, "agent:crawler"), reason="done")
    retention.read_back(**seen(yard, "agent:crawler"))

    events = AuditEvent.objects.filter(action__startswith="checkpoints.").order_by("sequence")
    assert [event.action for event in events] == [
        "checkpoints.pinned",
        "checkpoints.unpinned",
        "checkpoints.read_back",
    ]
    details = events[0].details
    assert (details["query"], details["reason"], details["done"]) == (
        "agent:crawler",
        "evidence",
        4,
    )


def test_who_may_only_read_acts_on_nothing(yard: Yard) -> None:
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    viewer.authenticated_at = yard.clock()
    with pytest.raises(Forbidden):
        retention.pin(**seen(yard, "agent:crawler", viewer), reason="evidence")
    assert pins(yard) == []


def test_what_one_may_only_read_elsewhere_is_left_out(yard: Yard) -> None:
    other = Project.objects.create(name="other", slug="other", created_at=yard.clock())
    person = join(User.objects.create_user("eve"), Role.OPERATOR, other)
    person = join(person, Role.VIEWER)

    with pytest.raises(RetentionRefused, match="nothing that you may operate on"):
        retention.pin(**seen(yard, "agent:crawler", person), reason="evidence")


def test_drafting_a_prune_asks_for_a_recent_login(yard: Yard) -> None:
    yard.user.authenticated_at = None
    with pytest.raises(LoginTooOld):
        prune(yard, "agent:crawler")
