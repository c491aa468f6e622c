"""Which lane a checkpoint is drawn on."""

from __future__ import annotations

from dashboard.selectors.branches import MOST, Node, lay_out


def nodes(*pairs: tuple[str, str]) -> list[Node]:
    return [Node(name, parent, moment) for moment, (name, parent) in enumerate(pairs)]


def test_the_heads_ancestry_stays_on_the_first_lane() -> None:
    lanes = lay_out(nodes(("a", ""), ("b", "a"), ("c", "b")), head_id="c")
    assert lanes == {"a": 0, "b": 0, "c": 0}


def test_what_a_restore_left_behind_becomes_a_branch() -> None:
    lanes = lay_out(nodes(("a", ""), ("b", "a"), ("c", "b"), ("d", "a")), head_id="d")
    assert lanes == {"a": 0, "d": 0, "b": 1, "c": 1}


def test_a_branch_that_ended_gives_its_lane_to_the_next() -> None:
    lanes = lay_out(nodes(("a", ""), ("b", "a"), ("c", "a"), ("d", "c"), ("e", "c")), head_id="e")
    assert (lanes["b"], lanes["d"]) == (1, 1)


def test_branches_of_the_same_time_lie_beside_each_other() -> None:
    lanes = lay_out(
        nodes(("a", ""), ("b", "a"), ("c", "a"), ("b2", "b"), ("c2", "c"), ("d", "a")),
        head_id="d",
    )
    assert lanes["b"] == lanes["b2"] != lanes["c"] == lanes["c2"]


def test_no_more_lanes_are_used_than_can_be_shown() -> None:
    pairs = [("root", ""), *((f"n{n}", "root") for n in range(20)), ("head", "root")]
    same_moment = [Node(name, parent, 1.0) for name, parent in pairs]
    assert max(lay_out(same_moment, head_id="head").values()) <= MOST


def test_a_circle_of_parents_ends() -> None:
    assert lay_out(nodes(("a", "b"), ("b", "a")), head_id="a") == {"a": 0, "b": 0}
