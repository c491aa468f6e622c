"""Finding what an order names, among what its maker may see.

What lies in another project is not there: all of these raise NotFound for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import access
from dashboard.models import Agent, Checkpoint, Source, Thread, User
from dashboard.selectors.errors import NotFound, no_agent, no_checkpoint
from dashboard.services.operations import Scope
from dashboard.services.orders.errors import OrderInvalid

AT_A_TIME = 500


def find_source(user: User, number: int) -> Source:
    """Return a source. Raises NotFound."""
    rows = access.visible(user, Source.objects.select_related("project"))
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such source. It may have been removed; see the list.")
    return found


def find_agent(user: User, number: int) -> Agent:
    """Return an agent with its source. Raises NotFound."""
    rows = Agent.objects.select_related("source__project")
    found = access.visible(user, rows, "source__project").filter(pk=number).first()
    if found is None:
        raise no_agent()
    return found


def find_thread(user: User, number: int) -> Thread:
    """Return a thread with its agent and source. Raises NotFound."""
    rows = Thread.objects.select_related("agent__source__project")
    found = access.visible(user, rows, "agent__source__project").filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such thread in the index. Look for it at its agent.")
    return found


def find_checkpoints(user: User, numbers: Sequence[int]) -> list[Checkpoint]:
    """Return checkpoints with their threads, all of them or none. Raises NotFound."""
    rows = Checkpoint.objects.select_related("thread__agent__source__project")
    seen = access.visible(user, rows, "thread__agent__source__project")
    found: list[Checkpoint] = []
    for begin in range(0, len(numbers), AT_A_TIME):
        found.extend(seen.filter(pk__in=numbers[begin : begin + AT_A_TIME]))
    if len(found) < len(set(numbers)):
        raise no_checkpoint()
    return found


def find_checkpoint(user: User, number: int) -> Checkpoint:
    """Return a checkpoint with its thread, agent and source. Raises NotFound."""
    return find_checkpoints(user, [number])[0]


def find_scope(user: User, *, source: int | None, agent: int | None, thread: int | None) -> Scope:
    """Return how far an order reaches; one of the three says it. Raises NotFound, OrderInvalid."""
    if [source, agent, thread].count(None) != 2:
        raise OrderInvalid("source", "give one of 'source', 'agent' and 'thread'")
    if source is not None:
        return Scope(source=find_source(user, source))
    if agent is not None:
        row = find_agent(user, agent)
        return Scope(source=row.source, agent=row)
    found = find_thread(user, thread or 0)
    return Scope(source=found.agent.source, agent=found.agent, thread=found)
