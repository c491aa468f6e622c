"""States are read a level at a time; a damaged one is shown as such."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from datetime import datetime
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

import checkpoints
from checkpoints.integrations.langgraph import HoldfastSaver
from dashboard.models import Checkpoint, User
from dashboard.selectors.errors import NotFound
from dashboard.services import states
from dashboard.services.ingest import ingest_push
from dashboard.services.states.pages import LEVEL
from dashboard.services.states.places import Place
from dashboard.services.tokens import NewToken
from dashboard.stores import SourceNotConnected
from tests.benches import Bench, Clock, register
from tests.dashboard.records import push

STATE = {
    "messages": [{"role": "user", "text": "hello"}] * 300,
    "note": "x" * 5_000,
    "budget": 1.5,
    "empty": {},
    "when": datetime(2026, 1, 1),  # noqa: DTZ001
}


@pytest.fixture
def bench(db: None, tmp_path: Path) -> Bench:
    url = f"sqlite:///{tmp_path}/agents.db"
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        manager.create_checkpoint(state=STATE)
        manager.create_checkpoint(state={**STATE, "budget": 2.5})
    return register(url, thread_id="main", clock=Clock())


def address(bench: Bench, *keys: str | int, row: int = 0) -> tuple[Place, ...]:
    """Return what a reader who unfolds these keys one after the other comes to."""
    places: tuple[Place, ...] = ()
    for key in keys:
        page = states.state_page(user=bench.user, checkpoint_pk=bench.rows()[row].pk, places=places)
        places = next(node.places for node in page.children if node.key == key)
    return places


def test_the_top_of_a_state_shows_types_sizes_and_previews(bench: Bench) -> None:
    page = states.state_page(user=bench.user, checkpoint_pk=bench.rows()[0].pk, places=())

    shown = {node.key: node for node in page.children}
    assert list(shown) == list(STATE)
    assert (shown["messages"].type_name, shown["messages"].size) == ("list", 300)
    assert shown["messages"].has_children
    assert (shown["note"].size, shown["note"].cut) == (5_000, True)
    assert not shown["empty"].has_children


def test_a_long_list_comes_in_parts(bench: Bench) -> None:
    row = bench.rows()[0]

    place = address(bench, "messages")
    first = states.state_page(user=bench.user, checkpoint_pk=row.pk, places=place)
    assert first.next_start == LEVEL
    rest = states.state_page(
        user=bench.user, checkpoint_pk=row.pk, places=place, start=first.next_start
    )

    assert [node.key for node in (*first.children, *rest.children)] == list(range(300))
    assert rest.next_start is None


def test_a_long_text_can_be_read_whole(bench: Bench) -> None:
    page = states.state_page(
        user=bench.user, checkpoint_pk=bench.rows()[0].pk, places=address(bench, "note")
    )

    assert page.whole == "x" * 5_000


def test_an_address_leads_into_lists(bench: Bench) -> None:
    page = states.state_page(
        user=bench.user,
        checkpoint_pk=bench.rows()[0].pk,
        places=address(bench, "messages", 7, "role"),
    )

    assert page.whole == "user"
    assert page.path == ("messages", 7, "role")


@pytest.mark.parametrize("place", [Place.of(0, "note"), Place.of(99, "messages")])
def test_an_address_of_what_is_no_longer_there_is_said_to_be_one(
    bench: Bench, place: Place
) -> None:
    with pytest.raises(states.NoSuchPath, match="has changed"):
        states.state_page(user=bench.user, checkpoint_pk=bench.rows()[0].pk, places=(place,))


def test_the_address_of_a_value_under_very_long_keys_is_short(db: None, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    key = "k" * 50_000
    with checkpoints.CheckpointManager("agent", store=url) as manager:
        manager.create_checkpoint(state={key: {key: {key: "found"}}})
    bench = register(url, thread_id="main", clock=Clock())

    places = address(bench, key, key, key)
    page = states.state_page(user=bench.user, checkpoint_pk=bench.rows()[0].pk, places=places)

    assert page.whole == "found"
    assert len(states.places_text(places)) < 40


def test_an_address_is_read_as_it_was_written(bench: Bench) -> None:
    places = address(bench, "messages", 7, "role")

    assert states.read_places(states.places_text(places)) == places
    assert states.read_places("") == ()


@pytest.mark.parametrize(
    "text",
    ["[]", "1", "1-xyz", "0-00000000.", "1" * 16 + "-00000000", ".".join(["0-00000000"] * 65)],
)
def test_a_text_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(states.NoPlace):
        states.read_places(text)


def test_an_unknown_checkpoint_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        states.state_page(user=bench.user, checkpoint_pk=10**9, places=())


def test_two_states_are_compared(bench: Bench) -> None:
    left, right = bench.rows()

    page = states.diff_page(user=bench.user, left_pk=left.pk, right_pk=right.pk)

    assert [(change.path, change.before, change.after) for change in page.changes] == [
        (("budget",), 1.5, 2.5)
    ]


def test_a_store_that_is_only_reported_is_not_opened(
    token: NewToken, person: User, now: datetime
) -> None:
    (pk,) = ingest_push(token=token.token, push=push(), now=now).rows

    with pytest.raises(SourceNotConnected):
        states.state_page(user=person, checkpoint_pk=pk, places=())


def test_a_corrupt_checkpoint_is_marked_and_its_bytes_can_be_had(
    db: None, samples: Path, tmp_path: Path
) -> None:
    file = tmp_path / "graph.sqlite"
    shutil.copy(samples / "langgraph.sqlite", file)
    bench = register(f"langgraph+sqlite:///{file}", thread_id="support-001", clock=Clock())
    row = bench.rows()[0]
    with sqlite3.connect(file) as database:
        database.execute(
            "UPDATE checkpoints SET checkpoint = x'c1' WHERE checkpoint_id = ?",
            [row.checkpoint_id],
        )

    with pytest.raises(checkpoints.CorruptCheckpoint):
        states.state_page(user=bench.user, checkpoint_pk=row.pk, places=())

    row.refresh_from_db()
    assert row.damage
    assert states.raw_bytes(user=bench.user, checkpoint_pk=row.pk).data == b"\xc1"
    assert Checkpoint.objects.exclude(damage="").count() == 1


def test_values_of_other_programs_are_described_and_never_built(
    db: None, samples: Path, tmp_path: Path
) -> None:
    file = tmp_path / "graph.sqlite"
    shutil.copy(samples / "langgraph.sqlite", file)
    bench = register(f"langgraph+sqlite:///{file}", thread_id="typed-5", clock=Clock())
    loaded = set(sys.modules)

    page = states.state_page(user=bench.user, checkpoint_pk=bench.rows()[-1].pk, places=())

    assert any(node.described and "." in node.type_name for node in page.children)
    assert {name for name in set(sys.modules) - loaded if "langchain" in name} == set()


def test_what_a_graph_saved_is_shown_as_its_messages(db: None, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/graph.db"
    graph = StateGraph(MessagesState)
    graph.add_node("answer", lambda _: {"messages": [AIMessage("hello", id="m2")]})
    graph.add_edge(START, "answer")
    with HoldfastSaver(url) as saver:
        graph.compile(checkpointer=saver).invoke(
            {"messages": [HumanMessage("hi", id="m1")]}, {"configurable": {"thread_id": "t"}}
        )
    bench = register(url, thread_id="t", clock=Clock())

    row = bench.rows()[-1]
    assert row.step_name == "answer"
    places = address(bench, "messages", 1, "value", row=-1)
    page = states.state_page(user=bench.user, checkpoint_pk=row.pk, places=places)
    assert {node.key: node.preview for node in page.children}["content"] == "hello"
