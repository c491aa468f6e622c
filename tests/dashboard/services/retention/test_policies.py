"""Which policy applies to what, and who may set it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from checkpoints import RetentionPolicy as Rules
from dashboard.access import Forbidden, Hidden, LoginTooOld
from dashboard.models import AuditEvent, Project, RetentionPolicy, Role, Source, User
from dashboard.selectors.retention import effective, read_book, target_of
from dashboard.services import retention
from dashboard.services.operations.plans import PrunePlan
from tests.dashboard.people import join
from tests.dashboard.yards import Yard

FEW = Rules.keep_last(3)
FEWER = Rules.keep_last(2)
ALL = Rules()


def test_the_narrowest_policy_applies_and_names_what_it_overrides(yard: Yard) -> None:
    yard.set(target_of(yard.project), FEW, "far")
    yard.set(yard.target(), FEWER, "near")
    yard.set(target_of(yard.thread("billing")), ALL, "nearest")

    found = read_book([yard.project]).of_thread(yard.thread("billing"))

    assert (found.level, str(found.policy)) == ("thread", "nearest")
    assert [(level, str(policy)) for level, policy in found.overrides] == [
        ("source", "near"),
        ("project", "far"),
    ]


def test_a_thread_inherits_from_its_agent_then_its_source_then_its_project(yard: Yard) -> None:
    levels = [target_of(yard.project), yard.target(), yard.target("billing")]
    inherited = []
    for target in levels:
        yard.set(target, FEW)
        inherited.append(read_book([yard.project]).of_thread(yard.thread("billing")).level)
    assert inherited == ["project", "source", "agent"]


def test_where_there_is_no_policy_everything_is_kept() -> None:
    assert effective([("thread", None), ("project", None)]).rules.keeps_all


def test_keeping_everything_is_a_policy_that_overrides(yard: Yard) -> None:
    yard.set(yard.target(), FEW)
    yard.set(yard.target("billing"), ALL)

    draft = retention.draft_by_policies(
        user=yard.user, target=yard.target(), idempotency_key=uuid4().hex, now=yard.clock()
    )

    plan = PrunePlan.from_dict(draft.plan)
    assert [part.prune.agent_id for part in plan.parts] == ["crawler"]
    assert plan.doomed == 1


def test_each_thread_is_planned_by_its_own_policy(yard: Yard) -> None:
    yard.set(yard.target(), FEW)
    yard.set(yard.target("billing"), FEWER)

    draft = retention.draft_by_policies(
        user=yard.user, target=yard.target(), idempotency_key=uuid4().hex, now=yard.clock()
    )

    plan = PrunePlan.from_dict(draft.plan)
    assert {p.prune.agent_id: len(p.prune.keep) for p in plan.parts} == {"billing": 2, "crawler": 3}


def test_where_nothing_lets_anything_go_no_plan_is_made(yard: Yard) -> None:
    with pytest.raises(retention.RetentionRefused, match="Everything in the source agents is kept"):
        retention.draft_by_policies(
            user=yard.user, target=yard.target(), idempotency_key=uuid4().hex, now=yard.clock()
        )


def test_setting_again_changes_the_policy_and_the_log_keeps_both(yard: Yard) -> None:
    yard.set(yard.target(), FEW, "three")
    yard.set(yard.target(), FEWER, "two")

    assert RetentionPolicy.objects.get().policy == FEWER
    details = AuditEvent.objects.filter(action="retention.set").latest("sequence").details
    assert details["before"] == {"name": "three", "rules": FEW.to_dict()}
    assert details["after"] == {"name": "two", "rules": FEWER.to_dict()}


def test_removing_lets_the_next_one_apply_again(yard: Yard) -> None:
    yard.set(target_of(yard.project), FEW)
    yard.set(yard.target(), FEWER)

    retention.remove_policy(user=yard.user, target=yard.target(), now=yard.clock())

    assert read_book([yard.project]).of_source(yard.source).level == "project"
    assert AuditEvent.objects.filter(action="retention.removed").exists()
    with pytest.raises(retention.RetentionRefused, match="no policy of its own"):
        retention.remove_policy(user=yard.user, target=yard.target(), now=yard.clock())


def test_a_policy_is_about_one_thing(yard: Yard) -> None:
    with pytest.raises(IntegrityError, match="a_policy_has_one_target"):
        RetentionPolicy.objects.create(
            project=yard.project,
            source=yard.source,
            name="both",
            changed_by=yard.user,
            changed_at=yard.clock(),
        )


def test_who_may_only_read_sets_nothing(yard: Yard) -> None:
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    stranger = User.objects.create_user("stranger")
    for user, refusal in ((viewer, Forbidden), (stranger, Hidden)):
        with pytest.raises(refusal):
            retention.set_policy(
                user=user, target=yard.target(), name="few", policy=FEW, now=yard.clock()
            )
    assert not RetentionPolicy.objects.exists()


def test_a_policy_that_a_schedule_carries_out_asks_for_a_recent_login(yard: Yard) -> None:
    schedule = yard.hourly(target_of(yard.project))
    yard.user.authenticated_at = yard.clock() - timedelta(days=1)
    with pytest.raises(LoginTooOld):
        yard.set(yard.target("billing"), FEW)

    retention.pause(user=yard.user, schedule_pk=schedule, now=yard.clock())
    yard.set(yard.target("billing"), FEW)


def test_a_schedule_of_another_source_asks_for_nothing_here(yard: Yard) -> None:
    other = Source.objects.create(name="other", url="sqlite:///o.db", created_at=yard.clock())
    yard.hourly(target_of(other))

    assert retention.carried_out_by(yard.target("billing")) == []
    assert len(retention.carried_out_by(target_of(yard.project))) == 1


def test_policies_of_another_project_do_not_apply(yard: Yard) -> None:
    other = Project.objects.create(name="other", slug="other", created_at=yard.clock())
    yard.set(yard.target(), FEW)

    assert read_book([other]).by_target == {}
