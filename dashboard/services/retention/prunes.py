"""From the policies that apply to what is planned: thread by thread, each with its own rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dashboard import access
from dashboard.models import Operation, User
from dashboard.selectors.retention import PolicyBook, Target, read_book
from dashboard.services import operations
from dashboard.services.operations import PruneOf, Scope
from dashboard.services.retention.errors import RetentionRefused

BY_POLICIES = "by the policies"


def wanted_by(book: PolicyBook, scope: Scope) -> list[PruneOf]:
    """Return what the policies want done in a scope; threads that keep everything are left out."""
    threads = Target(
        project=scope.source.project, source=scope.source, agent=scope.agent, thread=scope.thread
    ).threads()
    held = (thread for thread in threads if thread.checkpoint_count)
    found = ((thread, book.of_thread(thread).rules) for thread in held)
    return [PruneOf(thread=thread, policy=rules) for thread, rules in found if not rules.keeps_all]


def scope_of(target: Target) -> Scope:
    """Return a target as an operation's scope. Raises RetentionRefused for a whole project."""
    if target.source is None:
        raise RetentionRefused("Prune one source at a time; nothing was asked for.")
    return Scope(source=target.source, agent=target.agent, thread=target.thread)


def draft_by_policies(
    *, user: User, target: Target, idempotency_key: str, now: datetime
) -> Operation:
    """Plan what the policies that apply do not keep of a source, an agent or a thread.

    Raises Forbidden, Hidden, LoginTooOld, RetentionRefused where every policy keeps everything,
    or OperationRefused.
    """
    access.require(user, "operate", target.project)
    scope = scope_of(target)
    wanted = wanted_by(read_book([target.project]), scope)
    require_some(wanted, target)
    return operations.draft_prune(
        user=user,
        scope=scope,
        wanted=wanted,
        idempotency_key=idempotency_key,
        now=now,
        about=BY_POLICIES,
    )


def require_some(wanted: Sequence[PruneOf], target: Target) -> None:
    """Raise RetentionRefused when no policy lets anything go."""
    if not wanted:
        raise RetentionRefused(
            f"Everything in the {target.words} is kept: no policy that applies there lets anything "
            "go. Set one first; nothing was asked for."
        )
