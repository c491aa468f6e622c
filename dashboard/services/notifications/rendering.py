"""A message as a person reads it and as a program does. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.services.notifications.wording import line, paragraph, shortened

TEXT_CHARACTERS = 1_000
KIND_WORDS = {
    "news": "",
    "digest": "After quiet hours: ",
    "reminder": "Still open: ",
    "test": "Test: ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One subject of a message. ``over`` says that it is acknowledged or over by now."""

    key: str
    kind: str
    severity: str
    title: str
    text: str
    since: str
    path: str
    agent: str = ""
    over: bool = False
    happened: int = 1

    @classmethod
    def made(cls, **values: Any) -> Item:
        """Return an item whose words may leave the house."""
        values["title"] = line(values["title"])
        values["text"] = paragraph(values["text"], TEXT_CHARACTERS)
        values["agent"] = line(values["agent"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is sent: the same each time that it is tried. ``link`` makes a path absolute."""

    id: str
    kind: str
    severity: str
    project: str
    title: str
    items: tuple[Item, ...]
    more: int
    created_at: datetime
    site: str

    @property
    def more_words(self) -> str:
        """How many subjects stand beyond those that are named."""
        return f"and {self.more} more: {self.site}/" if self.more else ""

    def text(self, most: int) -> str:
        """Return the words beneath the title, of so many characters at most.

        Where they do not fit, whole subjects give way, and the last line still counts them.
        """
        shown: list[str] = []
        for position, item in enumerate(self.items):
            left = self.more + len(self.items) - position - 1
            block = self._block(item)
            tail = f"\n\nand {left} more: {self.site}/" if left else ""
            if len("\n\n".join([*shown, block])) + len(tail) > most:
                return self._cut(shown, block, left, most)
            shown.append(block)
        return "\n\n".join([*shown, *filter(None, [self.more_words])])

    def payload(self) -> dict[str, Any]:
        """Return the message for a program."""
        return {
            "id": self.id,
            "type": f"notification.{self.kind}",
            "timestamp": self.created_at.isoformat(),
            "project": self.project,
            "title": self.title,
            "severity": self.severity,
            "items": [self._data(item) for item in self.items],
            "more": self.more,
            "url": f"{self.site}/",
        }

    def _cut(self, shown: list[str], block: str, left: int, most: int) -> str:
        if shown:
            return "\n\n".join([*shown, f"and {left + 1} more: {self.site}/"])[:most]
        tail = f"\n\nand {left} more: {self.site}/" if left else ""
        return shortened(block, most - len(tail)) + tail

    def _block(self, item: Item) -> str:
        facts = [f"{item.severity} severity", f"since {item.since}"]
        if item.agent:
            facts.insert(0, f"agent {item.agent}")
        if item.over:
            facts.append("acknowledged or over by now")
        lines = (item.title, item.text, " · ".join(facts), f"{self.site}{item.path}")
        return "\n".join(part for part in lines if part)

    def _data(self, item: Item) -> dict[str, Any]:
        return {
            "key": item.key,
            "kind": item.kind,
            "severity": item.severity,
            "title": item.title,
            "text": item.text,
            "agent": item.agent or None,
            "since": item.since,
            "over": item.over,
            "happened": item.happened,
            "url": f"{self.site}{item.path}",
        }


def headline(kind: str, items: Sequence[Item], more: int) -> str:
    """Return a message's title: the subject's own, or how many there are and the worst of them."""
    first = items[0].title if items else ""
    others = len(items) + more - 1
    title = f"{first} (and {others} more)" if others else first
    return line(f"{KIND_WORDS[kind]}{title}")


def item_of(values: Mapping[str, Any]) -> Item:
    """Return an item as a row keeps it."""
    return Item(**values)
