"""Kinds of finding."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import checkpoints
from checkpoints.findings import KINDS, FindingKind, Severity, kind_of
from tests.checkpoints import findings_page

SOURCES = Path(checkpoints.__file__).parent
MAKERS = {"Finding", "finding", "_finding", "_found", "Unreadable"}


def kinds_yielded(code: ast.AST) -> Iterator[str]:
    """Yield each kind that is written out where a finding is made."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and name_of(node.func) in MAKERS:
            given = [word.value for word in node.keywords if word.arg == "kind"]
            first = [] if name_of(node.func) == "Finding" else node.args[:1]
            for value in [*given, *first]:
                yield from constants(value)


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def constants(value: ast.expr) -> Iterator[str]:
    choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    for choice in choices:
        if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
            yield choice.value


def test_each_kind_that_a_store_yields_says_what_it_means() -> None:
    yielded = {
        kind
        for path in SOURCES.rglob("*.py")
        if "finding" in (text := path.read_text()).lower()
        for kind in kinds_yielded(ast.parse(text))
    }
    assert len(yielded) > 20
    assert yielded - KINDS.keys() == set()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_text_is_a_sentence_that_fits_on_a_card(kind: FindingKind) -> None:
    assert kind.title[0].isupper()
    assert len(kind.title) <= 50
    assert not kind.title.endswith(".")
    for text in (kind.consequence, kind.remedy):
        assert text.endswith(".")
        assert len(text) <= 300


def test_a_kind_that_is_not_known_gets_plain_texts() -> None:
    kind = kind_of("odd_thing")
    assert (kind.name, kind.title, kind.severity) == ("odd_thing", "Odd thing", Severity.RISK)
    assert kind.consequence
    assert kind.remedy


def test_the_way_in_which_a_finding_was_found_may_stand_before_its_kind() -> None:
    assert kind_of("verify:truncated") is KINDS["truncated"]


def test_the_reference_names_every_kind_as_it_is() -> None:
    assert findings_page.PAGE.read_text() == findings_page.page()
