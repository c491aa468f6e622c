"""What must hold after every scenario, whatever befell it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

from checkpoints.connectors.marks import OPERATION
from dashboard.models import (
    AuditEvent,
    Checkpoint,
    Operation,
    OperationState,
    ThreadLock,
    TrashedBatch,
)
from dashboard.models.operations import OPEN_STATES
from dashboard.services.operations.plans import BatchesPlan, ErasePlan, PrunePlan, read_plan
from tests.faults.sweep.stores import Name, Thread
from tests.faults.sweep.worlds import Look, World

UNTOUCHED = (
    OperationState.FAILED,
    OperationState.REFUSED_STALE,
    OperationState.CANCELLED,
)
ENDED_BY_WORKER = (
    *("succeeded", "superseded", "partial", "failed"),
    *("refused_stale", "cancelled", "needs_attention"),
)
GRACE = timedelta(days=7)
RESTORES = ("restore", "undo")


def violations(world: World, *, settled: bool, before: Look) -> list[str]:
    """Return each invariant that does not hold, in words."""
    look = world.look()
    found = [*world.books.wrongs, *_late_delivery(world, look)]
    if not settled:
        found.append("an operation is open for ever")
    found += _locks()
    noted = _noted()
    rows = Operation.objects.select_related("source", "undo_of")
    for operation in rows.order_by("created_at"):
        found += _outcome(world, operation, look, before)
        if operation.state != OperationState.PENDING_APPROVAL:
            found += _audit(operation, noted[str(operation.pk)])
    erasable = _erasable()
    found += _nothing_lost(world, look, erasable)
    found += _bystander(world, look, before, erasable)
    found += _effects(world, look, before)
    found += _asked(world)
    found += _kept_to_the_plan(world, look)
    found += _index(world, look)
    found += _unreadable(world, look)
    return found


def _late_delivery(world: World, look: Look) -> list[str]:
    """Deliver every message once more; nothing may change."""
    rows = list(Operation.objects.order_by("pk").values_list("pk", "state", "fence"))
    for operation_id, _, _ in rows:
        world.run(operation_id)
    found = []
    if world.look() != look:
        found.append("a message that came once more changed the store")
    if rows != list(Operation.objects.order_by("pk").values_list("pk", "state", "fence")):
        found.append("a message that came once more changed an operation")
    return found


def _unreadable(world: World, look: Look) -> list[str]:
    """Read every listed checkpoint, and those in the trash once they are brought back."""
    if look.trash:
        _bring_all_back(world, look.trash)
    lost = world.lost_states([*look.listed, *look.trash])
    return [f"{name} does not hold any more what was saved" for name in lost]


def _bring_all_back(world: World, trash: Iterable[Name]) -> None:
    store = world.kind.open()
    with world._open_trash(world.source) as held:
        for operation_id in world.prunes():
            for agent_id, thread_id in {name[:2] for name in trash}:
                ids = [name[3] for name in trash if name[:2] == (agent_id, thread_id)]
                store.put_back(  # type: ignore[attr-defined]
                    agent_id, thread_id, ids, operation_id=str(operation_id), trash=held
                )
    store.close()


def _asked(world: World) -> Iterator[str]:
    """See that nothing ran which nobody asked for, or which nobody approved."""
    if not world.books.clicks and not world.source.project.requires_approval:
        return
    first = Operation.objects.order_by("created_at", "pk").first()
    same = Operation.objects.filter(target_id=first.target_id if first else "", kind="restore")
    if world.books.clicks and same.count() > world.books.clicks:
        yield f"one click made {same.count()} operations"
    guarded = Operation.objects.filter(source__project__requires_approval=True, approved_by=None)
    waiting = (OperationState.PENDING_APPROVAL, OperationState.CANCELLED)
    if guarded.exclude(state__in=waiting).exists():
        yield "it ran without its second person"


def _locks() -> Iterator[str]:
    if ThreadLock.objects.exists():
        yield "a thread stays locked"


def _outcome(world: World, operation: Operation, look: Look, before: Look) -> Iterator[str]:
    if operation.state == OperationState.PENDING_APPROVAL:
        return
    if operation.state in OPEN_STATES:
        yield f"{operation.kind} ends {operation.state}"
        return
    plan = read_plan(operation) if operation.kind not in {"restore"} else None
    if isinstance(plan, PrunePlan):
        yield from _pruned(operation, plan, look)
    elif isinstance(plan, ErasePlan):
        yield from _erased(operation, plan, look)
    elif isinstance(plan, BatchesPlan) and operation.kind == "undo":
        yield from _brought_back(operation, plan, look)
    elif operation.kind in RESTORES:
        yield from _restored(world, operation, look)
    elif operation.kind in {"fork", "edit_fork"}:
        yield from _forked(world, operation, look)
    elif operation.kind == "verify" and operation.state not in {"succeeded", *UNTOUCHED}:
        yield f"a verification ends {operation.state}: {operation.message}"


def _restored(world: World, operation: Operation, look: Look) -> Iterator[str]:
    key = world.kind.threads["main"]
    newest = Operation.objects.filter(kind__in=RESTORES).exclude(state__in=UNTOUCHED)
    if operation.state in UNTOUCHED or newest.order_by("-finished_at").first() != operation:
        return
    if operation.state not in {"succeeded", "superseded", "needs_attention"}:
        yield f"a restore ends {operation.state}: {operation.message}"
        return
    restored = operation.result.get("restored_id")
    left = operation.result.get("expected_head")
    stands = _follows(world, key, look.heads.get(key), restored, left)
    if operation.state == "succeeded" and not stands:
        yield f"it says that {restored} was restored, the head is {look.heads.get(key)}"
    if operation.state == "superseded" and stands:
        yield "it says that it was superseded, and it was not"


def _follows(
    world: World, key: Thread, head: str | None, base: str | None, left: str | None
) -> bool:
    store = world.kind.open()
    parents = {r.id: r.parent_id for r in store.history(*key) if not r.namespace}
    store.close()
    seen: set[str | None] = {left}
    while head is not None and head not in seen:
        if head == base:
            return True
        seen.add(head)
        head = parents.get(head)
    return False


def _forked(world: World, operation: Operation, look: Look) -> Iterator[str]:
    plan = operation.plan
    key = (plan["new_agent_id"], plan["new_thread_id"])
    there = [name for name in look.of(key) if not name[2]]
    known = {name[3] for name in look.of((plan["agent_id"], plan["thread_id"]))}
    written = {i for ids in operation.steps.values_list("written_ids", flat=True) for i in ids}
    extra = {name[3] for name in there} - known - written - set(world.books.saves.get(key, ()))
    if operation.state == "succeeded" and not there:
        yield "it says that it forked, and there is no thread"
    if operation.state in UNTOUCHED and there:
        yield f"it says {operation.state}, and the forked thread is there"
    if extra:
        yield f"the fork wrote {len(extra)} more than it journalled"


def _pruned(operation: Operation, plan: PrunePlan, look: Look) -> Iterator[str]:
    doomed = {
        (part.prune.agent_id, part.prune.thread_id, d.namespace, d.checkpoint_id)
        for part in plan.parts
        for d in part.prune.remove
    }
    listed = doomed & look.listed.keys()
    if operation.state == "succeeded" and listed and not _undone_by_others(operation):
        yield f"it says that all went, and {len(listed)} are listed"
    if operation.state in UNTOUCHED and len(listed) < len(doomed) and not _erased_since(operation):
        yield f"it says {operation.state}, and {len(doomed) - len(listed)} are gone"
    if operation.state == "partial":
        left = operation.steps.filter(done_at=None).values_list("written_ids", flat=True)
        stayed = set(operation.result["stayed"])
        wrong = {n for n in listed if n[3] not in stayed and list(n[:2]) not in list(left)}
        if wrong and not _undone_by_others(operation):
            yield f"{len(wrong)} are listed and not said to have stayed"
    if operation.state == "undone" and listed != doomed - _swept_of(operation):
        yield f"it is undone, and {len(doomed) - len(listed)} are not back"
    yield from _batches(operation, look)


def _swept_of(operation: Operation) -> set[Name]:
    """Return what sweeps have deleted of what a prune moved."""
    rows = operation.batches.filter(purged_at__isnull=False).select_related("thread__agent")
    return {
        (row.thread.agent.agent_id, row.thread.thread_id, "", name)
        for row in rows
        for name in row.checkpoint_ids
    }


def _undone_by_others(operation: Operation) -> bool:
    return operation.undos.exclude(state__in=UNTOUCHED).exists()


def _erased_since(operation: Operation) -> bool:
    return Operation.objects.filter(kind="erase", source=operation.source_id).exists()


def _batches(operation: Operation, look: Look) -> Iterator[str]:
    """Compare the books of the trash with the trash, where both can be told."""
    for row in TrashedBatch.objects.filter(operation=operation).select_related("thread__agent"):
        key = (row.thread.agent.agent_id, row.thread.thread_id)
        there = {name[3] for name in look.trash if name[:2] == key}
        if row.purged_at is None and row.returned_at is None and set(row.checkpoint_ids) - there:
            yield "the books name as trashed what is not in the trash"
        if row.purged_at is not None and there & set(row.checkpoint_ids):
            yield "the books name as deleted what is in the trash"


def _brought_back(operation: Operation, plan: BatchesPlan, look: Look) -> Iterator[str]:
    if operation.state != "succeeded":
        return
    for batch in plan.batches:
        ids = {n[3] for n in look.listed if n[:2] == (batch.agent_id, batch.thread_id)}
        if not set(batch.checkpoint_ids) <= ids:
            yield "it says that all came back, and some are not listed"
    if operation.undo_of is not None and operation.undo_of.state != "undone":
        yield f"its undo succeeded, and it is {operation.undo_of.state}"


def _erased(operation: Operation, plan: ErasePlan, look: Look) -> Iterator[str]:
    targets = {
        (thread.agent_id, thread.thread_id, target.namespace, target.checkpoint_id)
        for thread in plan.threads
        for target in thread.targets
    }
    left = targets & (look.listed.keys() | look.trash)
    if operation.state == "succeeded" and left:
        yield f"it says that all was erased, and {len(left)} are there"
    if operation.state in UNTOUCHED and left != targets:
        yield f"it says {operation.state}, and {len(targets - left)} are gone"
    if operation.state in {"succeeded", "partial"} and "receipt" not in operation.result:
        yield "there is no receipt"


def _nothing_lost(world: World, look: Look, erasable: Collection[Name]) -> Iterator[str]:
    """Everything that was ever acknowledged is listed, in the trash, swept or erased."""
    gone = world.books.states.keys() - look.listed.keys() - look.trash.keys() - set(erasable)
    excused = _swept() if gone else set()
    for name in gone - excused:
        yield f"{name} is lost"


def _erasable() -> set[Name]:
    found: set[Name] = set()
    for operation in Operation.objects.filter(kind="erase"):
        for thread in read_plan(operation).threads:  # type: ignore[attr-defined]
            found |= {
                (thread.agent_id, thread.thread_id, t.namespace, t.checkpoint_id)
                for t in thread.targets
            }
    return found


def _swept() -> set[Name]:
    """Return what may be deleted by now: due, and seen so by a sweep an hour before."""
    found: set[Name] = set()
    for row in TrashedBatch.objects.select_related("thread__agent"):
        due_at = row.trashed_at + GRACE
        sweeps = Operation.objects.filter(kind="sweep", created_at__gte=due_at)
        times = list(sweeps.order_by("created_at").values_list("created_at", flat=True))
        if len(times) > 1 and times[-1] - times[0] >= timedelta(hours=1):
            agent_id, thread_id = row.thread.agent.agent_id, row.thread.thread_id
            found |= {(agent_id, thread_id, "", name) for name in row.checkpoint_ids}
    return found


def _bystander(world: World, look: Look, before: Look, erasable: Collection[Name]) -> Iterator[str]:
    key = world.kind.threads["other"]
    expected = {n: s for n, s in before.of(key).items() if n not in erasable}
    if look.of(key).keys() < expected.keys():
        yield "another agent's thread was changed"


def _effects(world: World, look: Look, before: Look) -> Iterator[str]:
    """Count what restores did: native heads count their moves, elsewhere each leaves its mark."""
    key = world.kind.threads["main"]
    if not world.kind.counts_moves:
        yield from _copies(world, key)
        return
    if not before.versions.get(key) or Operation.objects.filter(kind="erase").exists():
        return
    saves = len(world.books.saves.get(key, ()))
    restores = [o for o in Operation.objects.filter(kind__in=RESTORES) if _moved_head(o)]
    sure = [o for o in restores if o.state in {"succeeded", "undone"}]
    moved = look.versions.get(key, 0) - world.books.baseline.versions[key]
    others = saves + world.books.moves_by_others
    if not others + len(sure) <= moved <= others + len(restores):
        yield f"the head moved {moved} times for {others} others and {len(restores)} restores"
    if not restores and not saves and look.heads.get(key) != before.heads.get(key):
        yield "the head is another one, and nobody restored"


def _kept_to_the_plan(world: World, look: Look) -> Iterator[str]:
    """See that nothing was done that nobody had seen: no other target, head or content."""
    key = world.kind.threads["main"]
    for operation in Operation.objects.filter(kind="restore", state="succeeded"):
        restored = operation.result["restored_id"]
        if world.kind.counts_moves and restored != operation.target_id:
            yield f"{restored} was restored, and {operation.target_id} was confirmed"
        saves = world.books.saves.get(key, ())
        if world.kind.counts_moves and not operation.follow_live:
            expected = operation.result["expected_head"]
            left = [s for s in saves if not _follows(world, key, s, restored, expected)]
            if left:
                yield f"a restore left {len(left)} saves behind that nobody had seen"
    for operation in Operation.objects.filter(state="superseded"):
        others = {*world.books.saves.get(key, ()), operation.previous_head_id}
        if operation.result.get("head_id") not in others:
            yield "it says that a live run overtook it, and it was another operation"
    for name in world.books.replaced & look.trash.keys():
        yield f"{name} is in the trash with another content than the plan saw"


def _copies(world: World, key: Thread) -> Iterator[str]:
    store = world.kind.open()
    marks = Counter(r.metadata.get(OPERATION) for r in store.history(*key) if not r.namespace)
    store.close()
    for operation in Operation.objects.filter(kind__in=RESTORES):
        copies = marks[str(operation.pk)]
        if copies > 1 or copies > _moved_head(operation):
            yield f"a restore that is {operation.state} wrote {copies} copies"
        if not copies and operation.state in {"succeeded", "undone"} and _moved_head(operation):
            yield f"a restore that is {operation.state} wrote nothing"


def _moved_head(operation: Operation) -> bool:
    of_prune = operation.undo_of is not None and operation.undo_of.kind == "prune"
    return not of_prune and operation.steps.filter(done_at__isnull=False).exists()


def _noted() -> defaultdict[str, Counter[str]]:
    """Count what the audit log notes, by operation."""
    noted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for target, action in AuditEvent.objects.values_list("target", "action"):
        noted[target][action.removeprefix("operation.")] += 1
    return noted


def _audit(operation: Operation, counted: Counter[str]) -> Iterator[str]:
    if counted["requested"] != 1:
        yield f"its request was noted {counted['requested']} times"
    ends = sum(counted[state] for state in ENDED_BY_WORKER if state != "superseded")
    cancelled_unbegun = operation.state == OperationState.CANCELLED and counted["cancel"] == 1
    if ends + counted["superseded"] == 0 and not cancelled_unbegun:
        yield f"its end ({operation.state}) was not noted"
    if ends > 1:
        yield f"its end was noted {ends} times"


def _index(world: World, look: Look) -> Iterator[str]:
    """Compare the index with the store; the last scan was after the last change."""
    rows = Checkpoint.objects.filter(thread__agent__source=world.source, removed_at=None)
    known = set(
        rows.values_list(
            "thread__agent__agent_id", "thread__thread_id", "namespace", "checkpoint_id"
        )
    )
    if known != set(look.listed):
        missing, extra = len(look.listed.keys() - known), len(known - look.listed.keys())
        yield f"the index lacks {missing} checkpoints and has {extra} that are gone"
