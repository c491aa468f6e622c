"""Pages of retention policies: those that are set, and which applies to what."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from dashboard.access import may, projects, require, visible
from dashboard.models import Agent, Project, RetentionPolicy, Source, Thread, User
from dashboard.selectors.errors import no_agent
from dashboard.selectors.keyset import Order, page_after
from dashboard.selectors.retention import (
    LEVELS,
    Effective,
    Target,
    in_words,
    level_of,
    read_book,
    target_of,
)

BY_NAME = Order(field="agent_id", descending=False, kind=str)
LARGEST = Order(field="checkpoint_count", kind=int)
ROWS = 50
POLICIES_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """A policy that is set, and what it is set on."""

    policy: RetentionPolicy
    target: Target

    @property
    def words(self) -> tuple[str, ...]:
        """What it keeps, rule by rule."""
        return in_words(self.policy.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveRow:
    """What applies to an agent, a source or a thread. ``own`` counts policies of its threads."""

    target: Target
    effective: Effective
    checkpoints: int
    stored_bytes: int
    own: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesPage:
    """The policies, and what applies to each agent; those of one source where it is chosen."""

    policies: tuple[PolicyRow, ...]
    more_policies: int
    outer: tuple[EffectiveRow, ...]
    agents: tuple[EffectiveRow, ...]
    next_key: str
    source_id: int | None
    text: str
    operated: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPoliciesPage:
    """What applies to each thread of an agent, the largest first."""

    row: EffectiveRow
    threads: tuple[EffectiveRow, ...]
    next_key: str
    may_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPage:
    """One target: its own policy if it has one, and what applies without it."""

    target: Target
    own: RetentionPolicy | None
    effective: Effective
    without: Effective
    may_set: bool


def policies_page(
    *, user: User, source_id: int | None = None, text: str = "", after: str = ""
) -> PoliciesPage:
    """Return the policies and the agents they apply to. Raises NotFound for an unknown key."""
    require(user, "read")
    mine = list(projects(user))
    book = read_book(mine)
    set_ones = sorted(book.by_target.values(), key=_outermost_first)
    found = page_after(_agents(user, source_id, text), BY_NAME, after, size=ROWS)
    sources = visible(user, Source.objects.select_related("project")).order_by("name", "pk")
    outer: list[Project | Source] = [*mine, *sources]
    return PoliciesPage(
        policies=tuple(_policy_row(policy) for policy in set_ones[:POLICIES_SHOWN]),
        more_policies=max(0, len(set_ones) - POLICIES_SHOWN),
        outer=tuple(
            EffectiveRow(
                target=target_of(row),
                effective=book.of(target_of(row)),
                checkpoints=0,
                stored_bytes=0,
            )
            for row in outer
        ),
        agents=tuple(
            EffectiveRow(
                target=target_of(agent),
                effective=book.of_agent(agent),
                checkpoints=agent.checkpoint_count,
                stored_bytes=agent.stored_bytes,
                own=vars(agent)["own_total"],
            )
            for agent in found.rows
        ),
        next_key=found.next_key,
        source_id=source_id,
        text=text,
        operated=frozenset(projects(user, "operate").values_list("pk", flat=True)),
    )


def agent_policies_page(*, user: User, agent_pk: int, after: str = "") -> AgentPoliciesPage:
    """Return what applies to an agent's threads. Raises NotFound."""
    rows = Agent.objects.select_related("source__project").filter(pk=agent_pk)
    agent = visible(user, rows, "source__project").first()
    if agent is None:
        raise no_agent()
    book = read_book([agent.source.project])
    threads = Thread.objects.select_related("agent__source__project").filter(agent=agent)
    found = page_after(threads, LARGEST, after, size=ROWS)
    return AgentPoliciesPage(
        row=EffectiveRow(
            target=target_of(agent),
            effective=book.of_agent(agent),
            checkpoints=agent.checkpoint_count,
            stored_bytes=agent.stored_bytes,
        ),
        threads=tuple(
            EffectiveRow(
                target=target_of(thread),
                effective=book.of_thread(thread),
                checkpoints=thread.checkpoint_count,
                stored_bytes=thread.stored_bytes,
            )
            for thread in found.rows
        ),
        next_key=found.next_key,
        may_set=may(user, "operate", agent.source.project),
    )


def policy_page(*, user: User, target: Target) -> PolicyPage:
    """Return what is set on a target and what applies to it."""
    book = read_book([target.project])
    return PolicyPage(
        target=target,
        own=book.own(target),
        effective=book.of(target),
        without=book.with_one(target, None).of(target),
        may_set=may(user, "operate", target.project),
    )


def _agents(user: User, source_id: int | None, text: str) -> QuerySet[Agent]:
    rows = Agent.objects.select_related("source__project")
    rows = rows.annotate(
        own_total=Count("threads", filter=Q(threads__retention__isnull=False), distinct=True)
    )
    if source_id is not None:
        rows = rows.filter(source=source_id)
    if text:
        rows = rows.filter(agent_id__icontains=text)
    return visible(user, rows, "source__project")


def _policy_row(policy: RetentionPolicy) -> PolicyRow:
    level, _ = level_of(policy)
    return PolicyRow(policy=policy, target=target_of(getattr(policy, level)))


def _outermost_first(policy: RetentionPolicy) -> tuple[int, str, int]:
    level, pk = level_of(policy)
    return -LEVELS.index(level), policy.name, pk
