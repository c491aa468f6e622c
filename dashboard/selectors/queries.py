"""A small language to find checkpoints by: ``agent:billing kind:recovery size>1MB age<2d``.

Words are joined by *and*. A word is text, or a field, an operator and a value; a value in quotes
may hold blanks, a ``*`` at its end stands for any rest. What is typed becomes values of the ORM's
filters and never a part of a statement; how much is read of it is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TypeVar

from django.db.models import F, Q

import checkpoints
from dashboard import quantities

LONGEST = 1000
MOST_WORDS = 20
LONGEST_VALUE = 300
OPERATORS = (">=", "<=", ":", ">", "<", "=")
_LOOKUPS = {":": "", "=": "", ">": "__gt", "<": "__lt", ">=": "__gte", "<=": "__lte"}
_OLDER = {">": "__lt", "<": "__gt", ">=": "__lte", "<=": "__gte"}
_YES = {"yes": True, "true": True, "no": False, "false": False}
_SHOWN = 40
Read = TypeVar("Read")


class BadWord(ValueError):
    """A word of a query is not understood; the message names it and says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a query: text alone has no field."""

    text: str
    value: str
    field: str = ""
    operator: str = ""
    quoted: bool = False

    @property
    def shown(self) -> str:
        """The word as it was typed, cut for a message."""
        return self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query that was understood. ``removed`` says that it asks for what is gone, too."""

    text: str
    words: tuple[Word, ...]
    condition: Q
    asks_for_removed: bool


def parse(text: str, now: datetime) -> Query:
    """Understand a query. Raises BadWord, which names the first word that makes no sense."""
    if len(text) > LONGEST:
        raise BadWord(f"A query has at most {LONGEST} characters; this one has {len(text):,}.")
    if any(character < " " or character == "\x7f" for character in text.replace("\t", " ")):
        raise BadWord("The query holds a control character, which no name here has. Take it out.")
    words = tuple(_words(text))
    if len(words) > MOST_WORDS:
        raise BadWord(f"A query has at most {MOST_WORDS} words; this one has {len(words)}.")
    condition = Q()
    for word in words:
        condition &= _condition(word, now)
    asks = any(word.field == "removed" for word in words)
    return Query(text=text.strip(), words=words, condition=condition, asks_for_removed=asks)


def _words(text: str) -> list[Word]:
    """Split at blanks that stand outside quotes."""
    found, place = [], 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        word, place = _word(text, place)
        found.append(word)
    return found


def _word(text: str, begin: int) -> tuple[Word, int]:
    """Return the word that begins here, and where the next may begin."""
    place, field, operator = begin, "", ""
    while place < len(text) and (text[place].isalnum() or text[place] == "_"):
        place += 1
    operator = next((o for o in OPERATORS if text.startswith(o, place)), "")
    if operator:
        field, place = text[begin:place].lower(), place + len(operator)
    else:
        place = begin
    quoted = text.startswith('"', place)
    value, end = _quoted(text, place) if quoted else _bare(text, place)
    word = Word(text=text[begin:end], value=value, field=field, operator=operator, quoted=quoted)
    _check(word)
    return word, end


def _check(word: Word) -> None:
    if word.operator and not word.field:
        raise BadWord(
            f"“{word.shown}” begins with {word.operator}: a field's name comes first, such as "
            "size>1MB."
        )
    if len(word.value) > LONGEST_VALUE:
        raise BadWord(
            f"“{word.shown}” is too long: a value has at most {LONGEST_VALUE} characters."
        )
    if word.operator and not word.value:
        raise BadWord(f"“{word.shown}” has no value; write one behind the {word.operator}.")


def _bare(text: str, begin: int) -> tuple[str, int]:
    end = begin
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[begin:end], end


def _quoted(text: str, begin: int) -> tuple[str, int]:
    """Read up to the closing quote; a backslash takes the next character as it is."""
    value, place = [], begin + 1
    while place < len(text) and text[place] != '"':
        place += text[place] == "\\" and place + 1 < len(text)
        value.append(text[place])
        place += 1
    if place >= len(text):
        shown = text[begin : begin + _SHOWN]
        raise BadWord(f'The quote that begins at “{shown}” is never closed; add a " behind it.')
    return "".join(value), place + 1


def _condition(word: Word, now: datetime) -> Q:
    if not word.field:
        return _text(word.value)
    if word.field not in _FIELDS:
        raise BadWord(
            f"“{word.shown}” is not understood: there is no field “{word.field[:_SHOWN]}”"
            f"{_meant(word.field)} Put it in quotes to look for it as text."
        )
    return _FIELDS[word.field](word, now)


def _meant(field: str) -> str:
    near = get_close_matches(field[:_SHOWN], _FIELDS, n=1)
    if near:
        return f". Did you mean {near[0]}?"
    return f"; there are {', '.join(sorted(_FIELDS))}."


def _text(value: str) -> Q:
    return (
        Q(thread__agent__agent_id__icontains=value)
        | Q(thread__thread_id__icontains=value)
        | Q(step_name__icontains=value)
        | Q(run_id=value)
        | Q(checkpoint_id=value)
    )


def _named(path: str) -> Callable[[Word, datetime], Q]:
    """Return the filter of a name: the whole of it, or with a ``*`` at the end its beginning."""

    def condition(word: Word, _now: datetime) -> Q:
        _require_equal(word)
        if word.value.endswith("*") and not word.quoted:
            return Q(**{f"{path}__startswith": word.value[:-1]})
        return Q(**{path: word.value})

    return condition


def _chosen(path: str, choices: tuple[str, ...]) -> Callable[[Word, datetime], Q]:
    def condition(word: Word, _now: datetime) -> Q:
        _require_equal(word)
        value = word.value.lower().replace("-", "_")
        if value not in choices:
            raise BadWord(f"“{word.shown}” is not understood: {word.field} is {_listed(choices)}.")
        return Q(**{path: value})

    return condition


def _number(path: str) -> Callable[[Word, datetime], Q]:
    def condition(word: Word, _now: datetime) -> Q:
        value = _read(quantities.whole, word)
        return Q(**{f"{path}{_LOOKUPS[word.operator]}": value})

    return condition


def _size(word: Word, _now: datetime) -> Q:
    return Q(**{f"stored_size{_LOOKUPS[word.operator]}": _read(quantities.size, word)})


def _age(word: Word, now: datetime) -> Q:
    if word.operator not in _OLDER:
        raise BadWord(f"“{word.shown}” is not understood: write age>2d or age<36h.")
    moment = now - _read(quantities.age, word)
    return Q(**{f"created_at{_OLDER[word.operator]}": moment})


def _yes(condition: Q) -> Callable[[Word, datetime], Q]:
    def of(word: Word, _now: datetime) -> Q:
        _require_equal(word)
        wanted = _YES.get(word.value.lower())
        if wanted is None:
            raise BadWord(f"“{word.shown}” is not understood: {word.field} is yes or no.")
        return condition if wanted else ~condition

    return of


def _require_equal(word: Word) -> None:
    if word.operator not in (":", "="):
        raise BadWord(
            f"“{word.shown}” is not understood: {word.field} has no order; write "
            f"{word.field}:{word.value[:_SHOWN]}."
        )


def _read(read: Callable[[str], Read], word: Word) -> Read:
    try:
        return read(word.value)
    except ValueError as error:
        raise BadWord(f"“{word.shown}” is not understood: {error}.") from None


def _listed(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


_FIELDS: Mapping[str, Callable[[Word, datetime], Q]] = {
    "age": _age,
    "agent": _named("thread__agent__agent_id"),
    "damaged": _yes(~Q(damage="")),
    "head": _yes(Q(pk=F("thread__head"))),
    "id": _named("checkpoint_id"),
    "iteration": _number("iteration"),
    "kind": _chosen("kind", tuple(kind.value for kind in checkpoints.Kind)),
    "name": _named("step_name"),
    "pinned": _yes(Q(pinned=True)),
    "project": _named("thread__agent__source__project__slug"),
    "removed": _yes(Q(removed_at__isnull=False)),
    "run": _named("run_id"),
    "size": _size,
    "source": _named("thread__agent__source__name"),
    "status": _chosen("status", tuple(status.value for status in checkpoints.Status)),
    "step": _number("step"),
    "thread": _named("thread__thread_id"),
}
FIELDS: tuple[tuple[str, str], ...] = (
    ("agent:billing", "the agent; agent:bill* for all that begin so"),
    ("thread:invoice-7", "the thread; names with blanks go in quotes"),
    ("run:r42 · name:generation", "the run, the step's name"),
    ("source:agents · project:default", "where it is stored"),
    ("kind:recovery", "routine, pre_operation or recovery"),
    ("status:failed", "what the run was when it was saved"),
    ("step>=10 · iteration<3", "numbers, with > < >= <= or ="),
    ("size>1MB", "stored bytes: KB, MB, GB"),
    ("age>2d", "how long ago: min, h, d, w"),
    ("pinned:no · head:no · damaged:yes", "yes or no"),
    ("removed:yes", "what is in the trash or gone; left out otherwise"),
    ("anything else", "in the names of agent, thread or step; the whole of a run or id"),
)
"""What can be written, with what it means, for people."""
