"""Which retention policy applies to what, where it comes from and what it overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard, get_args

from django.db.models import Q, QuerySet

import checkpoints
from dashboard import access, formats, quantities
from dashboard.models import Agent, Project, RetentionPolicy, Source, Thread, User
from dashboard.selectors.errors import NotFound

Level = Literal["thread", "agent", "source", "project"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""What can have a policy, narrowest first: each takes the place of those after it."""
EVERYTHING = "Keep everything"
_PROJECT_AT: Mapping[Level, str] = {
    "project": "pk",
    "source": "project",
    "agent": "source__project",
    "thread": "agent__source__project",
}
_THREAD = "thread__agent__source__project"
_CALENDAR = (("hourly", "hour"), ("daily", "day"), ("weekly", "week"), ("monthly", "month"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a policy or a schedule is about, with its place in its project."""

    project: Project
    source: Source | None = None
    agent: Agent | None = None
    thread: Thread | None = None

    @property
    def level(self) -> Level:
        """How far in it lies."""
        return next(level for level in LEVELS if getattr(self, level) is not None)

    @property
    def row(self) -> Project | Source | Agent | Thread:
        """The row itself."""
        found: Project | Source | Agent | Thread = getattr(self, self.level)
        return found

    @property
    def name(self) -> str:
        """Its name, as people call it."""
        return str(self.row)

    @property
    def words(self) -> str:
        """Its level and name."""
        return f"{self.level} {self.name}"

    def threads(self) -> list[Thread]:
        """Return the rows of the threads in it, largest first, with all that they lie in."""
        within = {
            "project": "agent__source__project",
            "source": "agent__source",
            "agent": "agent",
            "thread": "pk",
        }
        rows = _rows("thread").filter(**{within[self.level]: self.row.pk})
        return list(rows.order_by("-checkpoint_count", "pk"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The policy that applies, on which level it is set, and what it overrides, nearest first.

    Where there is none, everything is kept.
    """

    policy: RetentionPolicy | None = None
    level: Level | None = None
    overrides: tuple[tuple[Level, RetentionPolicy], ...] = ()

    @property
    def rules(self) -> checkpoints.RetentionPolicy:
        """The rules that apply; none keeps everything."""
        return self.policy.policy if self.policy is not None else checkpoints.RetentionPolicy()

    @property
    def words(self) -> tuple[str, ...]:
        """What is kept, rule by rule."""
        return in_words(self.rules)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All policies of some projects, by what they are about."""

    by_target: Mapping[tuple[Level, int], RetentionPolicy]

    def of_thread(self, thread: Thread) -> Effective:
        """Return what applies to a thread whose agent and source are loaded."""
        return effective([("thread", self._at("thread", thread.pk)), *self._agent(thread.agent)])

    def of_agent(self, agent: Agent) -> Effective:
        """Return what applies to an agent's threads that have no policy of their own."""
        return effective(self._agent(agent))

    def of_source(self, source: Source) -> Effective:
        """Return what applies to a source's agents that have no policy of their own."""
        return effective(self._source(source))

    def of(self, target: Target) -> Effective:
        """Return what applies to a target."""
        if target.thread is not None:
            return self.of_thread(target.thread)
        if target.agent is not None:
            return self.of_agent(target.agent)
        if target.source is not None:
            return self.of_source(target.source)
        return effective([("project", self._at("project", target.project.pk))])

    def own(self, target: Target) -> RetentionPolicy | None:
        """Return the policy that is set on a target itself."""
        return self._at(target.level, target.row.pk)

    def with_one(self, target: Target, policy: RetentionPolicy | None) -> PolicyBook:
        """Return the book as it would be with another policy on a target, or with none."""
        key = (target.level, target.row.pk)
        others = {name: one for name, one in self.by_target.items() if name != key}
        return PolicyBook(others if policy is None else {**others, key: policy})

    def _at(self, level: Level, pk: int) -> RetentionPolicy | None:
        return self.by_target.get((level, pk))

    def _agent(self, agent: Agent) -> list[tuple[Level, RetentionPolicy | None]]:
        return [("agent", self._at("agent", agent.pk)), *self._source(agent.source)]

    def _source(self, source: Source) -> list[tuple[Level, RetentionPolicy | None]]:
        return [
            ("source", self._at("source", source.pk)),
            ("project", self._at("project", source.project.pk)),
        ]


def effective(line: Sequence[tuple[Level, RetentionPolicy | None]]) -> Effective:
    """Return the first policy of a line that begins with the narrowest target. Pure.

    A policy takes the whole place of those further out; rules are never mixed.
    """
    found = [(level, policy) for level, policy in line if policy is not None]
    if not found:
        return Effective()
    (level, policy), *others = found
    return Effective(policy=policy, level=level, overrides=tuple(others))


def read_book(projects: Iterable[int | Project]) -> PolicyBook:
    """Read all policies of some projects, in one query."""
    pks = [project.pk if isinstance(project, Project) else project for project in projects]
    within = Q()
    for level in LEVELS:
        path = level if level == "project" else f"{level}__{_PROJECT_AT[level]}"
        within |= Q(**{f"{path}__in": pks})
    rows = RetentionPolicy.objects.filter(within).select_related(
        "changed_by", "project", "source__project", "agent__source__project", _THREAD
    )
    return PolicyBook({level_of(row): row for row in rows})


def level_of(policy: RetentionPolicy) -> tuple[Level, int]:
    """Return what a policy is about: the level, and the number of the row."""
    for level in LEVELS:
        pk = getattr(policy, f"{level}_id")
        if pk is not None:
            return level, pk
    raise ValueError("a policy is about something")


def is_level(text: str) -> TypeGuard[Level]:
    """Say whether a text names a level."""
    return text in LEVELS


def find_target(*, user: User, level: str, pk: int) -> Target:
    """Return what a policy may be about, for somebody who may see it. Raises NotFound."""
    if not is_level(level):
        raise NotFound("A policy is about a project, a source, an agent or a thread.")
    rows = access.visible(user, _rows(level).filter(pk=pk), _PROJECT_AT[level])
    found = rows.first()
    if found is None:
        raise NotFound(f"There is no such {level}. Choose one in the list.")
    return target_of(found)


def _rows(level: Level) -> QuerySet[Any]:
    """Return all rows of a level with what they lie in."""
    if level == "project":
        return Project.objects.all()
    if level == "source":
        return Source.objects.select_related("project")
    if level == "agent":
        return Agent.objects.select_related("source__project")
    return Thread.objects.select_related("agent__source__project")


def target_of(row: Project | Source | Agent | Thread) -> Target:
    """Return a row with all that it lies in."""
    thread = row if isinstance(row, Thread) else None
    agent = thread.agent if thread is not None else row if isinstance(row, Agent) else None
    source = agent.source if agent is not None else row if isinstance(row, Source) else None
    if source is not None:
        return Target(project=source.project, source=source, agent=agent, thread=thread)
    if isinstance(row, Project):
        return Target(project=row)
    raise TypeError(f"nothing can be kept of {row!r}")


def in_words(policy: checkpoints.RetentionPolicy) -> tuple[str, ...]:
    """Return what a policy keeps, one phrase for each rule."""
    if policy.keeps_all:
        return ("everything",)
    return (*_by_kind(policy), *_of_all(policy))


def _by_kind(policy: checkpoints.RetentionPolicy) -> list[str]:
    last = [
        f"the last {count} {kind}" if count else f"no {kind}" for kind, count in policy.last.items()
    ]
    within = [
        f"{kind} younger than {quantities.shown_age(age)}" for kind, age in policy.within.items()
    ]
    return [*last, *within]


def _of_all(policy: checkpoints.RetentionPolicy) -> list[str]:
    phrases = [] if policy.newest is None else [f"the newest {policy.newest}"]
    for name, unit in _CALENDAR:
        count = getattr(policy, name)
        if count is not None:
            phrases.append(f"one of each of the last {count} {unit}s")
    if policy.max_bytes is not None:
        phrases.append(f"at most {formats.size(policy.max_bytes)} of a thread")
    return phrases
