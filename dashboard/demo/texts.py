"""Words for demo agents: varied enough that sizes and differences look like real ones."""

from __future__ import annotations

from random import Random

_SUBJECTS = (
    "the tidal survey", "kelp density", "the 2019 cohort", "a second reviewer", "the model",
    "the invoice", "the sensor array", "the control group", "our baseline", "the crawler",
)  # fmt: skip
_VERBS = (
    "confirms", "contradicts", "narrows", "explains", "delays", "reproduces", "questions",
    "extends", "replaces", "summarises",
)  # fmt: skip
_OBJECTS = (
    "the earlier estimate", "two of five sources", "the seasonal effect", "the outlier in March",
    "the published figure", "what the archive says", "the cost per page", "the missing samples",
    "the second hypothesis", "the open question",
)  # fmt: skip
_SITES = ("harbour.example", "archive.example", "tides.example", "journal.example")


def sentence(random: Random) -> str:
    """Return one sentence."""
    subject, verb, obj = (random.choice(words) for words in (_SUBJECTS, _VERBS, _OBJECTS))
    return f"{subject.capitalize()} {verb} {obj} ({random.randint(2, 98)} %)."


def paragraph(random: Random, sentences: int) -> str:
    """Return a few sentences."""
    return " ".join(sentence(random) for _ in range(sentences))


def address(random: Random) -> str:
    """Return the address of a page that does not exist."""
    return f"https://{random.choice(_SITES)}/{random.choice(_VERBS)}/{random.randint(100, 999)}"
