"""Pages of storage: policies, schedules, prunes by policy and the trash."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client

from checkpoints import Kind
from checkpoints import RetentionPolicy as Rules
from dashboard.models import (
    Operation,
    Project,
    PruneSchedule,
    RetentionPolicy,
    Role,
    ScheduledRun,
    TrashedBatch,
    User,
)
from dashboard.selectors.retention import target_of
from dashboard.services import operations, retention
from tests.dashboard.people import join, log_in
from tests.dashboard.yards import Yard, make_yard

HTMX = {"HX-Request": "true"}
HOSTILE = """<img src=x onerror=alert(1)>"'`{{7*7}}{% debug %}</script>"""
FORM = {"name": "lean", "keeps": "some", "newest": "3"}


@pytest.fixture
def yard(person: User, tmp_path: Path) -> Yard:
    yard = make_yard(tmp_path)
    yard.user.authenticated_at = yard.clock()
    return yard


def policy_path(yard: Yard, name: str = "") -> str:
    level = "agent" if name else "source"
    return f"/storage/policies/{level}/{yard.target(name).row.pk}/"


def drafted(browser: Client, yard: Yard) -> Operation:
    """Set a policy, ask for the preview by the page's button and return the draft."""
    yard.set(yard.target(), Rules.keep_last(3))
    answer = browser.post(f"/storage/prune/source/{yard.source.pk}/", {"idempotency_key": "k"})
    operation = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{operation.pk}/"
    return operation


def confirm(yard: Yard, operation: Operation) -> None:
    operations.confirm(
        user=yard.user,
        operation_id=operation.pk,
        plan_hash=operation.plan_hash,
        reason="too many",
        now=yard.clock(),
    )


def test_every_page_of_storage_answers(browser: Client, yard: Yard) -> None:
    operation = drafted(browser, yard)
    schedule = yard.hourly()
    thread = yard.thread("billing")
    paths = [
        "/storage/",
        "/storage/trash/",
        f"/storage/trash/?source={yard.source.pk}",
        "/storage/policies/",
        f"/storage/policies/?source={yard.source.pk}&q=bill",
        f"/storage/policies/agents/{thread.agent_id}/",
        f"/storage/policies/project/{yard.project.pk}/",
        policy_path(yard),
        policy_path(yard, "billing"),
        f"/storage/policies/thread/{thread.pk}/",
        "/storage/schedules/",
        f"/storage/schedules/add/source/{yard.source.pk}/",
        f"/storage/schedules/{schedule}/",
        f"/operations/{operation.pk}/plan/",
        f"/operations/{operation.pk}/plan/?show=stays&thread=0",
    ]
    assert {path: browser.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_a_policy_is_set_by_its_form_and_shown_where_it_applies(
    browser: Client, yard: Yard
) -> None:
    answer = browser.post(policy_path(yard), {**FORM, "within_recovery": "36h", "max_bytes": "2MB"})

    assert answer.status_code == 302
    policy = RetentionPolicy.objects.get().policy
    assert policy.newest == 3
    assert policy.max_bytes == 2_000_000
    assert policy.within[Kind.RECOVERY].total_seconds() == 36 * 3600
    body = browser.get(f"/storage/policies/agents/{yard.agent('billing').pk}/").content.decode()
    assert "lean" in body
    assert "inherited from the source" in body


def test_what_was_set_stands_in_the_form(browser: Client, yard: Yard) -> None:
    browser.post(policy_path(yard), {**FORM, "within_recovery": "36h", "max_bytes": "2MB"})

    body = browser.get(policy_path(yard)).content.decode()

    for value in ('value="3"', 'value="36h"', 'value="2 MB"', 'value="lean"'):
        assert value in body


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"newest": ""}, "Give a rule"),
        ({"newest": "0"}, "greater than or equal to 1"),
        ({"within_routine": "soon"}, "This cannot be read"),
        ({"max_bytes": "9" * 30}, "at most 24 characters"),
        ({"max_bytes": "many MB"}, "This cannot be read"),
        ({"newest": "9" * 5000}, "Enter a whole number"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_beside_its_field(
    browser: Client, yard: Yard, form: dict[str, str], problem: str
) -> None:
    answer = browser.post(policy_path(yard), {**FORM, **form})

    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not RetentionPolicy.objects.exists()


def test_a_policy_is_shown_as_command_request_and_code(browser: Client, yard: Yard) -> None:
    browser.post(policy_path(yard), {**FORM, "within_recovery": "36h"})

    body = unescape(browser.get(policy_path(yard)).content.decode())

    assert f"holdfast prune {yard.url} --keep-last 3 --keep-within recovery=129600s" in body
    assert f"PUT /api/v1/policies/source/{yard.source.pk}" in body
    assert "within={Kind.RECOVERY: timedelta(hours=36)}" in body


def test_keeping_everything_needs_no_rule(browser: Client, yard: Yard) -> None:
    browser.post(policy_path(yard), {"name": "all", "keeps": "all", "newest": "3"})

    assert RetentionPolicy.objects.get().keeps_all


def test_a_simulation_says_what_would_go_and_sets_nothing(browser: Client, yard: Yard) -> None:
    path = f"{policy_path(yard)}simulate/"

    part = browser.post(path, FORM, headers=HTMX).content.decode()
    page = browser.post(path, FORM)

    assert "6 checkpoints would go now" in part
    assert "<html" not in part
    assert page.status_code == 200
    assert "6 checkpoints would go now" in page.content.decode()
    assert not RetentionPolicy.objects.exists()


def test_a_simulation_of_rules_that_cannot_be_says_so(browser: Client, yard: Yard) -> None:
    part = browser.post(
        f"{policy_path(yard)}simulate/", {**FORM, "max_bytes": "lots"}, headers=HTMX
    )

    assert "Nothing can be said yet" in part.content.decode()


def test_removing_a_policy_leaves_the_outer_one(browser: Client, yard: Yard) -> None:
    yard.set(target_of(yard.project), Rules.keep_last(9), "outer")
    yard.set(yard.target(), Rules.keep_last(3), "inner")

    answer = browser.post(f"{policy_path(yard)}remove/", follow=True)

    assert "has no policy of its own any more" in answer.content.decode()
    assert RetentionPolicy.objects.get().name == "outer"


def test_a_prune_by_policy_leads_to_a_preview_and_changes_nothing(
    browser: Client, yard: Yard
) -> None:
    operation = drafted(browser, yard)

    assert operation.state == "draft"
    assert yard.thread("billing").checkpoints.filter(removed_at=None).count() == 8


def test_where_everything_is_kept_no_preview_is_made(browser: Client, yard: Yard) -> None:
    answer = browser.post(f"/storage/prune/source/{yard.source.pk}/", follow=True)

    assert "Everything in the source agents is kept" in answer.content.decode()
    assert not Operation.objects.exists()


def test_each_checkpoint_of_a_plan_is_listed_with_its_reason(browser: Client, yard: Yard) -> None:
    path = f"/operations/{drafted(browser, yard).pk}/plan/"

    goes = browser.get(path).content.decode()
    stays = browser.get(f"{path}?show=stays").content.decode()

    assert goes.count("not among the newest 3") == 6
    assert stays.count("the head") == 2
    assert stays.count("of the newest 3") == 4


def test_a_long_plan_is_paged_without_a_gap(browser: Client, yard: Yard) -> None:
    operation = drafted(browser, yard)
    part = operation.plan["parts"][0][0]
    part["remove"] = [[f"c{n}", "", 0, None, 1] for n in range(250)]
    operation.save(update_fields=["plan"])
    path = f"/operations/{operation.pk}/plan/"
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        body = browser.get(f"{path}?after={after}", headers=HTMX).content.decode()
        seen += re.findall(r'title="(c\d+)"', body)
        found = re.search(r"\?after=(\d+)", body)
        after = found[1] if found else None

    assert seen == [f"c{n}" for n in range(250)]


def test_somebody_elses_draft_is_not_shown(browser: Client, yard: Yard) -> None:
    operation = drafted(browser, yard)
    other = log_in(join(User.objects.create_user("bob")))

    assert other.get(f"/operations/{operation.pk}/plan/").status_code == 404


def test_what_was_pruned_is_brought_back_from_the_trash(browser: Client, yard: Yard) -> None:
    operation = drafted(browser, yard)
    confirm(yard, operation)
    yard.run(operation)
    assert TrashedBatch.objects.count() == 2
    body = browser.get("/storage/trash/").content.decode()
    assert "2 threads" in body
    assert "Bring back" in body

    form = {"reason": "wrong", "idempotency_key": uuid4().hex}
    browser.post(f"/operations/{operation.pk}/undo/", form)
    yard.run(Operation.objects.get(kind="undo"))

    assert "The trash is empty" in browser.get("/storage/trash/").content.decode()
    assert yard.thread("billing").checkpoints.filter(removed_at=None).count() == 8


def test_a_schedule_is_added_changed_paused_run_and_removed(browser: Client, yard: Yard) -> None:
    add = f"/storage/schedules/add/source/{yard.source.pk}/"
    daily = {"name": "nightly", "rhythm": "day", "at": "03:30", "most_percent": "20"}
    place = browser.post(add, daily).headers["Location"]
    schedule = PruneSchedule.objects.get()
    assert (schedule.minute_of_day, schedule.most_percent) == (210, 20)
    assert "daily at 03:30 UTC" in browser.get("/storage/schedules/").content.decode()

    browser.post(place, {**daily, "rhythm": "hours", "every_hours": "6"})
    assert "every 6 hours" in browser.get(place).content.decode()
    browser.post(f"{place}pause/")
    assert "paused" in browser.get("/storage/schedules/").content.decode()
    browser.post(f"{place}resume/")
    browser.post(f"{place}run/")
    assert ScheduledRun.objects.count() == 1
    browser.post(f"{place}remove/")
    assert not PruneSchedule.objects.exists()


def test_a_run_shows_what_it_came_to(browser: Client, yard: Yard) -> None:
    yard.set(yard.target(), Rules.keep_last(2))
    schedule = yard.hourly()
    yard.clock.pass_by(3600)
    yard.round()

    body = browser.get(f"/storage/schedules/{schedule}/").content.decode()

    assert "waits for approval" in body
    assert "more than the 50 %" in body


@pytest.mark.parametrize(
    "form",
    [
        {"name": "n", "rhythm": "hours", "most_percent": "50"},
        {"name": "n", "rhythm": "day", "most_percent": "50"},
        {"name": "n", "rhythm": "day", "at": "25:00", "most_percent": "50"},
        {"name": "n", "rhythm": "day", "at": "03:00", "most_percent": "101"},
        {"name": "n", "rhythm": "hours", "every_hours": "99999", "most_percent": "50"},
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    browser: Client, yard: Yard, form: dict[str, str]
) -> None:
    answer = browser.post(f"/storage/schedules/add/source/{yard.source.pk}/", form)

    assert answer.status_code == 422
    assert not PruneSchedule.objects.exists()


def test_what_takes_away_by_itself_asks_for_a_recent_login(person: User, yard: Yard) -> None:
    away = log_in(person, minutes_ago=60)
    form = {"name": "n", "rhythm": "hours", "every_hours": "1", "most_percent": "50"}

    answer = away.post(f"/storage/schedules/add/source/{yard.source.pk}/", form)

    assert answer.status_code == 302
    assert "confirm" in answer.headers["Location"]
    assert not PruneSchedule.objects.exists()


def test_a_viewer_sees_and_changes_nothing(yard: Yard) -> None:
    viewer = log_in(join(User.objects.create_user("viewer"), Role.VIEWER))

    assert viewer.get(policy_path(yard)).status_code == 200
    assert viewer.post(policy_path(yard), FORM).status_code == 403
    assert viewer.post(f"/storage/prune/source/{yard.source.pk}/").status_code == 403
    assert not RetentionPolicy.objects.exists()


def test_buttons_that_a_viewer_may_not_use_say_why(browser: Client, yard: Yard) -> None:
    viewer = log_in(join(User.objects.create_user("viewer"), Role.VIEWER))
    yard.set(yard.target(), Rules.keep_last(3))

    page, schedule = "/storage/", f"/storage/schedules/{yard.hourly()}/"

    assert "This needs the role operator" in viewer.get(page).content.decode()
    assert "you need the role operator" in viewer.get(schedule).content.decode()
    assert "role operator" not in browser.get(page).content.decode()
    assert "role operator" not in browser.get(schedule).content.decode()


def test_where_everything_is_kept_the_button_says_so(browser: Client, yard: Yard) -> None:
    assert "Set a policy first" in browser.get("/storage/").content.decode()
    yard.set(yard.target("billing"), Rules.keep_last(3))
    assert "Set a policy first" not in browser.get("/storage/").content.decode()


def test_another_projects_rows_are_not_there(yard: Yard) -> None:
    other = Project.objects.create(name="other", slug="other", created_at=yard.clock())
    client = log_in(join(User.objects.create_user("eve"), Role.ADMIN, other))
    yard.set(yard.target(), Rules.keep_last(3), "secret-policy")
    schedule = yard.hourly()
    draft = retention.draft_by_policies(
        user=yard.user, target=yard.target(), idempotency_key="k", now=yard.clock()
    )
    hidden = [
        policy_path(yard),
        f"/storage/policies/agents/{yard.agent('billing').pk}/",
        f"/storage/schedules/{schedule}/",
        f"/operations/{draft.pk}/plan/",
    ]
    assert [client.get(path).status_code for path in hidden] == [404] * len(hidden)
    for path in ("/storage/", "/storage/policies/", "/storage/schedules/", "/storage/trash/"):
        body = client.get(path).content.decode()
        assert "secret-policy" not in body
        assert "billing" not in body


def test_hostile_names_are_shown_as_text(browser: Client, yard: Yard) -> None:
    yard.source.name = HOSTILE[:200]
    yard.source.save()
    yard.set(yard.target(), Rules.keep_last(3), HOSTILE)
    for path in ("/storage/", "/storage/policies/", policy_path(yard), "/storage/schedules/"):
        body = browser.get(path).content.decode()
        assert "<img src=x" not in body, path
        assert "&lt;img src=x" in body, path


@pytest.mark.parametrize(
    "path",
    [
        "/storage/policies/planet/1/",
        "/storage/policies/source/999999/",
        f"/storage/policies/thread/{10**30}/",
        "/storage/schedules/999999/",
        "/storage/trash/?after=nonsense",
        "/storage/policies/?after=nonsense",
        "/operations/00000000-0000-0000-0000-000000000000/plan/",
    ],
)
def test_what_is_not_there_is_not_found(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 404
