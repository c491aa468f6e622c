"""What a restore means, told from values alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from checkpoints.impact import MOST, Few, Impact, Interrupt, impact_of, sentences
from checkpoints.impact.texts import LONGEST, path_text, question_text, shortened
from checkpoints.records import (
    Checkpoint,
    Effect,
    RestoreMode,
    RestorePlan,
    RestoreTarget,
    Status,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def history(count: int, **target: Any) -> list[Checkpoint]:
    """Return checkpoints c0, c1, … newest first; c0 is restored."""
    records = [
        Checkpoint(
            id=f"c{step}",
            agent_id="a",
            thread_id="t",
            step=step,
            step_name=f"work {step}",
            created_at=NOON + timedelta(minutes=step),
            **(target if step == 0 else {}),
        )
        for step in range(count)
    ]
    return records[::-1]


def plan(count: int, **values: Any) -> RestorePlan:
    return RestorePlan(
        agent_id="a",
        thread_id="t",
        mode=RestoreMode.MOVE_HEAD,
        targets=(RestoreTarget(checkpoint_id="c0", namespace="", sha256=None),),
        expected_head=f"c{count - 1}",
        superseded=tuple(f"c{step}" for step in range(count - 1, 0, -1)),
        **values,
    )


def impact(target: Any, head: Any, *, count: int = 3, records: Any = None, **more: Any) -> Impact:
    return impact_of(
        plan=plan(count),
        target_state=target,
        head_state=head,
        history=history(count) if records is None else records,
        **more,
    )


def call(name: str, call_id: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "args": arguments, "id": call_id}]}


def answer(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id}


def effect(name: str, at: str | None, minutes: int) -> Effect:
    moment = NOON + timedelta(minutes=minutes)
    return Effect(
        agent_id="a", thread_id="t", name=name, key="k", recorded_at=moment, checkpoint_id=at
    )


def test_the_diff_leads_from_the_head_to_what_is_restored() -> None:
    diff = impact({"n": 1, "only before": 0}, {"n": 2, "since": 0}).diff
    assert (diff.added, diff.removed, diff.changed, diff.total) == (1, 1, 1, 3)
    assert diff.fields == ("n", "only before", "since")
    first = diff.lines.items[0]
    assert (first.path, first.before, first.after) == ("n", "2", "1")


def test_the_steps_since_the_target_are_named_oldest_first() -> None:
    steps = impact({}, {}).reruns
    assert [(step.name, step.checkpoint_id) for step in steps] == [
        ("work 1", "c1"),
        ("work 2", "c2"),
    ]


def test_a_step_without_a_name_has_its_number() -> None:
    records = [Checkpoint(id="c1", agent_id="a", thread_id="t", step=1, created_at=NOON)]
    assert [step.name for step in impact({}, {}, records=records).reruns] == ["step 1"]


def test_what_a_plan_says_of_steps_stands_in_where_the_history_is_gone() -> None:
    found = impact_of(
        plan=plan(3, rerun_steps=("plan", "act")), target_state={}, head_state={}, history=[]
    )
    assert [step.name for step in found.reruns] == ["plan", "act"]


def test_what_was_done_at_the_target_or_since_is_named() -> None:
    effects = [
        effect("mail", "c1", 1),
        effect("pay", "c0", 0),
        effect("before", "earlier", -9),
        effect("elsewhere", "c9", 5),
        effect("pruned since", "gone", 2),
    ]
    records = [*history(3), *history(10)[:1]]
    found = impact({}, {}, records=records, effects=effects).effects
    assert [one.name for one in found] == ["pay", "mail", "pruned since"]


def test_calls_since_the_target_are_named_and_those_before_are_not() -> None:
    before = [call("search", "c1", q="a"), answer("c1")]
    since = [call("search", "c2", q="b"), answer("c2"), call("mail", "c3")]
    found = impact({"messages": before}, {"messages": [*before, *since]}).tool_calls
    assert [(one.name, one.arguments, one.has_result) for one in found] == [
        ("search", '{"q": "b"}', True),
        ("mail", "{}", False),
    ]
    assert not any(one.is_pending for one in found)


def test_a_call_that_waits_at_the_target_comes_first() -> None:
    waiting = [call("old", "c0"), call("search", "c1"), answer("c1"), call("pay", "c2")]
    later = [*waiting, answer("c2"), call("mail", "c3")]
    first, second = impact({"messages": waiting}, {"messages": later}).tool_calls
    assert (first.name, first.is_pending, first.has_result) == ("pay", True, True)
    assert (second.name, second.is_pending) == ("mail", False)


def test_a_call_that_the_head_has_forgotten_is_found_in_between() -> None:
    between = {"messages": [call("mail", "c1"), answer("c1")]}
    [found] = impact({"messages": []}, {"messages": []}, states_since=[between]).tool_calls
    assert (found.name, found.has_result) == ("mail", True)


def test_the_agents_own_count_of_tools_is_compared() -> None:
    found = impact(
        {"tool_usage_counts": {"search": 2, "python": 1}},
        {"tool_usage_counts": {"search": 5, "python": 1, "odd": "x", "mail": 1}},
    ).tool_counts
    assert [(one.name, one.times) for one in found] == [("search", 3), ("mail", 1)]


def test_a_question_that_waits_at_the_target_is_asked_again() -> None:
    waiting = history(3, status=Status.WAITING, next_steps=("approve",))
    assert impact({}, {}, records=waiting).interrupts.items == (Interrupt(step="approve"),)
    known = [Interrupt(question="May I?")]
    assert impact({}, {}, records=waiting, interrupts=known).interrupts.items == tuple(known)
    assert not impact({}, {}, records=waiting, interrupts=[]).interrupts


def test_a_state_that_cannot_be_read_is_said_and_the_rest_is_told() -> None:
    found = impact(None, {"messages": [call("mail", "c1")]}, notes=["and more"])
    assert len(found.notes) == 2
    assert found.diff.total == 0
    assert found.reruns.total == 2
    assert len(impact({}, None).notes) == 1


def test_each_list_is_bounded_and_says_how_many_more() -> None:
    many = MOST + 10
    messages = [call("mail", f"c{n}") for n in range(many)]
    found = impact(
        {},
        {"messages": messages} | {str(n): n for n in range(many)},
        count=many + 1,
        effects=[effect("pay", "c1", n) for n in range(many)],
    )
    for few in (found.tool_calls, found.reruns, found.effects):
        assert (len(few), few.more, few.total) == (MOST, 10, many)
    assert len(found.diff.lines) == MOST


def test_it_can_be_written_as_json() -> None:
    found = impact({"a": {1, 2}}, {"a": b"bytes"}, effects=[effect("pay", "c1", 1)])
    written = json.loads(json.dumps(found.to_dict()))
    assert written["effects"]["items"][0]["name"] == "pay"
    assert written["reruns"] == {"items": written["reruns"]["items"], "more": 0}


def test_few_of_a_list_count_the_others() -> None:
    assert Few.of(range(5), 2) == Few((0, 1), 3)
    assert not Few.of([], 2)


def test_large_values_are_shortened_to_one_line() -> None:
    assert len(shortened({"text": "x" * 100_000, "more": ["y" * 1000] * 1000})) == LONGEST
    assert "\n" not in shortened("a\nb\x1b[31m")
    assert shortened({"__type__": "a.b.AIMessage", "value": {"content": "hi", "name": None}}) == (
        '{"AIMessage": {"content": "hi"}}'
    )
    nested: Any = 1
    for _ in range(5000):
        nested = [nested]
    assert "…" in shortened(nested)


def test_paths_and_questions_are_written_as_people_do() -> None:
    assert path_text(("messages", 3, "content")) == "messages[3].content"
    assert path_text(()) == "the whole state"
    wrapped = {"__type__": "langgraph.types.Interrupt", "value": {"value": "Go on?", "id": "x"}}
    assert question_text([wrapped]) == "Go on?"
    assert question_text({"question": "Go on?", "amount": 3}) == (
        '{"question": "Go on?", "amount": 3}'
    )


def test_it_can_be_said_in_sentences() -> None:
    waiting = [call("pay", "c1", sum=3)]
    later = [*waiting, answer("c1"), call("mail", "c2"), call("mail", "c3")]
    found = impact(
        {"messages": waiting, "tool_usage_counts": {}},
        {"messages": later, "tool_usage_counts": {"mail": 2}},
        effects=[effect("wire\nmoney", "c1", 1)],
        interrupts=[Interrupt(question="May I?")],
        notes=["more cannot be told"],
    )
    assert sentences(found) == [
        "In the state 4 values change, in messages, tool_usage_counts",
        "Steps taken again: work 1, work 2",
        "Done outside since, and not undone: wire\\nmoney (k)",
        'Tools called first of all: pay {"sum": 3}',
        "Tools called since, perhaps called again: mail × 2",
        "Tools used since, by the agent's own count: mail × 2",
        "Asked again: May I?",
        "more cannot be told",
    ]
    assert sentences(impact({}, {}, records=[])) == []


def test_sentences_name_a_few_and_count_the_others() -> None:
    found = impact({}, {"messages": [call(f"tool {n}", f"c{n}") for n in range(60)]})
    [line] = [line for line in sentences(found) if "Tools" in line]
    assert line.endswith("tool 7 and 52 more")
