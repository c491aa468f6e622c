"""What people, models and tools write: prose, markdown, code, links, names, other languages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from benchmarks.agents.vocabulary import Vocabulary, invented_word, words_of

_SCRIPTS = (
    words_of("ка ло ни ра ст во пре ми го да не по ль ть ем ых ая ов"),
    list("のはにをでとがもしたてるいうかなこれそ日本大学時間会社東京情報検索結果確認"),
    words_of("über schl ung keit eng ein der mög lich ge ver wer zu für ach ß ent"),
    words_of("ción ar el que más los ñ ado est por per año ía mente ll"),
)
_ENDS = (".", ".", ".", ".", "?", "!", ":", ";")


class Writer:
    """Writes texts of about a wanted length in characters, the same for the same ``random``."""

    def __init__(self, random: Random, vocabulary: Vocabulary) -> None:
        self.random = random
        self._vocabulary = vocabulary
        self._said: deque[list[str]] = deque([["as", "it", "was"]], maxlen=60)

    def sentence(self) -> str:
        """Return a sentence with numbers, names and phrases that were said before."""
        if self._vocabulary.sayings and self.random.random() < 0.5:
            return self.random.choice(self._vocabulary.sayings)
        drawn = self._vocabulary.draw(self.random, self.random.randint(4, 20))
        words = [self._varied(word) for word in drawn]
        if self.random.random() < 0.55:
            place = self.random.randrange(len(words))
            words[place:place] = self._phrase()
        self._said.append(words)
        text = " ".join(words)
        return text[0].upper() + text[1:] + self.random.choice(_ENDS)

    def prose(self, size: int) -> str:
        """Return sentences of about ``size`` characters, in paragraphs."""
        parts: list[str] = []
        length = 0
        while length < size:
            parts.append(self.sentence())
            parts.append(self.random.choices((" ", "\n\n"), weights=(6, 1))[0])
            length += len(parts[-2]) + len(parts[-1])
        return "".join(parts)[: max(size, 1)].rstrip()

    def words(self, count: int) -> str:
        """Return a few words."""
        return " ".join(self._vocabulary.draw(self.random, count))

    def noun(self) -> str:
        """Return a word as a key or a name in code has it."""
        return max(self._vocabulary.draw(self.random, 3), key=len)

    def name(self) -> str:
        """Return a name that nobody bears."""
        first, last = invented_word(self.random), invented_word(self.random)
        return f"{first.capitalize()} {last.capitalize()}"

    def hexadecimal(self, length: int) -> str:
        """Return an id such as services make."""
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def uuid(self) -> str:
        """Return a UUID."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def moment(self) -> str:
        """Return a time of the year 2026, in ISO 8601."""
        seconds = self.random.randrange(365 * 86_400 * 1_000) / 1_000
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()

    def url(self) -> str:
        """Return an address with a path and sometimes a query."""
        path = "/".join(self.noun() for _ in range(self.random.randint(1, 4)))
        query = f"?id={self.random.randrange(10**7)}&ref={self.hexadecimal(6)}"
        host = f"{self.noun()}.{self.random.choice(('com', 'org', 'io', 'co.uk', 'net'))}"
        return f"https://{host}/{path}{query if self.random.random() < 0.3 else ''}"

    def markdown(self, size: int) -> str:
        """Return headings, lists, tables and emphasis of about ``size`` characters."""
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            parts.append(self.random.choice(self._blocks)(self))
        return "\n\n".join(parts)[: max(size, 1)]

    def code(self, size: int) -> str:
        """Return Python of about ``size`` characters."""
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            parts.append(self._function())
        return "\n\n\n".join(parts)[: max(size, 1)]

    def foreign(self, size: int) -> str:
        """Return about ``size`` characters in something like another language."""
        syllables = self.random.choice(_SCRIPTS)
        gap = "" if len(syllables[0]) == 1 else " "
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            word = "".join(self.random.choices(syllables, k=self.random.randint(1, 5)))
            parts.append(word + gap)
        return "".join(parts)[: max(size, 1)]

    def _phrase(self) -> list[str]:
        said = self.random.choice(self._said)
        begin = self.random.randrange(len(said))
        return said[begin : begin + 6]

    def _varied(self, word: str) -> str:
        chance = self.random.random()
        if chance > 0.14:
            return word
        if chance > 0.06:
            return f"{word},"
        return self.random.choice((self._number, self.name, self.noun, self._code_name))()

    def _number(self) -> str:
        shapes: tuple[Callable[[], object], ...] = (
            lambda: self.random.randrange(2_000),
            lambda: f"{self.random.uniform(0, 100):.2f}",
            lambda: f"{self.random.randrange(1, 90_000):,}",
            lambda: f"{self.random.randrange(100)} %",
            lambda: f"20{self.random.randrange(10, 27)}-{self.random.randrange(1, 13):02}",
        )
        return str(self.random.choice(shapes)())

    def _code_name(self) -> str:
        return f"`{self.noun()}_{self.noun()}`"

    def _function(self) -> str:
        name, value, other = self.noun(), self.noun(), self.noun()
        lines = [f"def {name}_{value}({value}: str, {other}: int = {self.random.randrange(99)}):"]
        lines.append(f'    """{self.words(6)}"""')
        lines.extend(
            f"    {self.noun()} = {other}.{self.noun()}({value}, {self._number()})"
            for _ in range(self.random.randint(1, 6))
        )
        return "\n".join([*lines, f"    return {value}"])

    def _list(self) -> str:
        count = self.random.randint(2, 6)
        return "\n".join(f"- **{self.noun()}**: {self.sentence()}" for _ in range(count))

    def _heading(self) -> str:
        return f"## {self.words(3).capitalize()}\n\n{self.prose(self.random.randint(80, 400))}"

    def _table(self) -> str:
        rows = [f"| {self.noun()} | {self._number()} | {self.words(4)} |" for _ in range(4)]
        return "\n".join([f"| {self.noun()} | {self.noun()} | {self.noun()} |", "|-|-|-|", *rows])

    def _fence(self) -> str:
        return f"```python\n{self._function()}\n```"

    _blocks = (_list, _heading, _heading, _table, _fence)
