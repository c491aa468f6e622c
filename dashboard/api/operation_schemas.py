"""What orders look like, and what is shown of operations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)

import checkpoints
from dashboard.api.bodies import BodyRefused, parse_json
from dashboard.services import orders

MAX_SELECTED = 10_000
MAX_EDITS = 1_000
MAX_CHARACTERS = 1_000
MAX_INTEGER = 2**63 - 1
MAX_SECONDS = 100 * 366 * 24 * 3600
_UNKEPT = re.compile(r"[\x00\ud800-\udfff]")


def kept_text(text: str) -> str:
    """Return a text that every database keeps. Raises ValueError for any other."""
    if _UNKEPT.search(text):
        raise ValueError("holds a NUL or half of a surrogate pair")
    return text


def _kept_value(value: Any) -> Any:
    """Return a JSON value that every store and database keeps. Raises ValueError for others."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            pending += one
        else:
            _check_plain(one)
    return value


def _check_plain(value: Any) -> None:
    if isinstance(value, str):
        kept_text(value)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("holds a whole number of more than 64 bits; send it as a text")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is too large")


def _step(value: Any) -> Any:
    """Return a step of a path: a key or a position. Raises ValueError for anything else."""
    if isinstance(value, str):
        return kept_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER:
        return value
    raise ValueError("must be a key, or a position from 0 on")


Number = Annotated[StrictInt, Field(ge=1, le=MAX_INTEGER)]
Count = Annotated[StrictInt, Field(ge=1, le=2**53)]
Words = Annotated[StrictStr, Field(max_length=MAX_CHARACTERS), AfterValidator(kept_text)]
Name = Annotated[Words, Field(min_length=1)]
Value = Annotated[Any, AfterValidator(_kept_value)]
Step = Annotated[StrictInt | StrictStr, BeforeValidator(_step)]
Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]


class _Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class StateEditIn(_Strict):
    """One change of a forked state: the value at a path of keys and positions, or its removal."""

    path: Annotated[list[Step], Field(max_length=64)]
    value: Value = None
    remove: StrictBool = False

    def to_edit(self) -> checkpoints.Edit:
        """Return the edit."""
        return checkpoints.Edit(path=tuple(self.path), value=self.value, remove=self.remove)


class PolicyIn(_Strict):
    """What to keep: ``last`` counts, ``within`` seconds, by kind. What one rule keeps stays."""

    last: dict[checkpoints.Kind, Annotated[StrictInt, Field(ge=0, le=2**53)]] = {}
    within: dict[checkpoints.Kind, Seconds] = {}
    newest: Count | None = None
    hourly: Count | None = None
    daily: Count | None = None
    weekly: Count | None = None
    monthly: Count | None = None
    max_bytes: Count | None = None

    def to_policy(self) -> checkpoints.RetentionPolicy:
        """Return the policy."""
        return checkpoints.RetentionPolicy.from_dict(self.dict(exclude_none=True))


class _OnceIn(_Strict):
    """What holds for everything that can be ordered again under its key."""

    dry_run: StrictBool = False
    reason: Words = ""
    plan_hash: Annotated[StrictStr, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    idempotency_key: Words = ""

    def content(self, what: str) -> dict[str, Any]:
        """Return what belongs to its key: everything in it but the key itself."""
        return {what: self.dict(exclude={"idempotency_key"})}


class _OrderIn(_OnceIn):
    """What every order holds beside what it is about."""

    typed: Words = ""

    def terms(self) -> orders.Terms:
        """Return how it is to be placed."""
        return orders.Terms(
            dry_run=self.dry_run,
            reason=self.reason,
            typed=self.typed,
            plan_hash=self.plan_hash,
        )


class RestoreIn(_OrderIn):
    """Make an earlier checkpoint what the next run resumes from. What came later stays."""

    kind: Literal["restore"]
    checkpoint: Number
    follow_live: StrictBool = False

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.RestoreOrder(checkpoint=self.checkpoint, follow_live=self.follow_live)


class ForkIn(_OrderIn):
    """Begin a new thread, named ``thread_id``, at a checkpoint."""

    kind: Literal["fork"]
    checkpoint: Number
    thread_id: Name
    agent_id: Name | None = None

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.ForkOrder(
            checkpoint=self.checkpoint, thread_id=self.thread_id, agent_id=self.agent_id
        )


class EditForkIn(_OrderIn):
    """Begin a new thread at a checkpoint with some values of its state changed."""

    kind: Literal["edit_fork"]
    checkpoint: Number
    thread_id: Name
    agent_id: Name | None = None
    edits: Annotated[list[StateEditIn], Field(min_length=1, max_length=MAX_EDITS)]

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.ForkOrder(
            checkpoint=self.checkpoint,
            thread_id=self.thread_id,
            agent_id=self.agent_id,
            edits=tuple(edit.to_edit() for edit in self.edits),
        )


class PruneIn(_OrderIn):
    """Move to the trash what the policies that apply do not keep of a source, agent or thread.

    Or what this ``policy`` does not keep, in place of all others. Or ``checkpoints`` and nothing
    else; then say no reach. Or what a ``query`` finds, in one source.
    """

    kind: Literal["prune"]
    source: Number | None = None
    agent: Number | None = None
    thread: Number | None = None
    policy: PolicyIn | None = None
    checkpoints: Annotated[list[Number], Field(max_length=MAX_SELECTED)] = []
    query: Words = ""

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.PruneOrder(
            source=self.source,
            agent=self.agent,
            thread=self.thread,
            policy=self.policy.to_policy() if self.policy else None,
            selection=tuple(self.checkpoints),
            query=self.query,
        )


class VerificationIn(_OrderIn):
    """Read a source through; ``deep`` decodes every state too."""

    kind: Literal["verify"]
    source: Number
    deep: StrictBool = False

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.VerifyOrder(source=self.source, deep=self.deep)


class EraseIn(_OrderIn):
    """Erase for good what belongs to a run or a user in a source, or a whole thread.

    Only an administrator who logged in a short time ago may, and no token.
    """

    kind: Literal["erase"]
    source: Number | None = None
    run_id: Words = ""
    user_id: Words = ""
    agent_id: Words = ""
    thread: Number | None = None

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.EraseOrder(
            source=self.source,
            run_id=self.run_id,
            user_id=self.user_id,
            agent_id=self.agent_id,
            thread=self.thread,
        )


class SweepIn(_OrderIn):
    """Delete for good what is due in a source's trash."""

    kind: Literal["sweep"]
    source: Number

    def to_order(self) -> orders.Order:
        """Return the order."""
        return orders.SweepOrder(source=self.source)


class UndoIn(_OrderIn):
    """Take back what an operation did. Its dry run keeps no draft: ask with its ``plan_hash``."""

    kind: Literal["undo"]
    operation: UUID

    def to_order(self) -> orders.UndoOrder:
        """Return the order."""
        return orders.UndoOrder(operation=self.operation)


AnyOrderIn = Annotated[
    RestoreIn | ForkIn | EditForkIn | PruneIn | VerificationIn | EraseIn | SweepIn | UndoIn,
    Field(discriminator="kind"),
]


_ORDERS: TypeAdapter[AnyOrderIn] = TypeAdapter(AnyOrderIn)


def read_order(text: str, *, dry_run: bool) -> AnyOrderIn:
    """Read an order from a JSON text; ``dry_run`` makes it one. Raises OrderInvalid."""
    try:
        found = _ORDERS.validate_python(parse_json(text.encode("utf-8", "surrogatepass")))
    except BodyRefused as error:
        raise orders.OrderInvalid("", str(error).rstrip(".")) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        raise orders.OrderInvalid(place_of(first["loc"][1:]), message) from error
    found.dry_run = found.dry_run or dry_run
    return found


def place_of(steps: Iterable[str | int]) -> str:
    """Return a place in a body as people write it: ``checkpoints[3].step``."""
    said = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(said).removeprefix(".")


class ConfirmationIn(_Strict):
    """The plan that was seen, why it is to be done, and the name where one must be typed."""

    plan_hash: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: Words
    typed: Words = ""


class ApproveIn(_Strict):
    """The plan that is approved."""

    plan_hash: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]


class UndoOfIn(_OnceIn):
    """Why it is to be undone, and by which plan if one was seen."""

    def terms(self) -> orders.Terms:
        """Return how it is to be placed."""
        return orders.Terms(dry_run=self.dry_run, reason=self.reason, plan_hash=self.plan_hash)


class OperationItemOut(Schema):
    """An operation in a list. ``about`` says in words what it acts on."""

    id: UUID
    kind: str
    state: str
    phase: str
    source: int = Field(validation_alias="source_id")
    agent: int | None = Field(validation_alias="agent_id")
    thread: int | None = Field(validation_alias="thread_id")
    about: str
    target_id: str
    undo_of: UUID | None = Field(validation_alias="undo_of_id")
    requested_by: str = Field(validation_alias="asked_by")
    reason: str
    message: str
    approval_required: bool
    created_at: datetime
    expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


class OperationsOut(Schema):
    """A page of operations, the newest first; ``next`` asks for the page after it."""

    items: list[OperationItemOut]
    next: str | None


class LogOut(Schema):
    """A line of an operation's log."""

    at: datetime
    level: str
    message: str


class StepOut(Schema):
    """A step: ``failure`` says why it could not be done; before ``begun_at`` it touched nothing."""

    position: int
    action: str
    begun_at: datetime | None
    done_at: datetime | None
    failure: str


class OperationOut(Schema):
    """An operation, how far it is and what came of it.

    ``id`` is null only for the dry run of an undo, which is not kept. ``counts`` sum the plan up.
    ``name_to_type`` must be sent as ``typed`` to confirm a draft, when it is not empty.
    ``undo_refused`` says why it cannot be undone, ``plan_damage`` that its plan was altered.
    """

    id: UUID | None
    kind: str
    state: str
    phase: str
    source: int
    agent: int | None
    thread: int | None
    about: str
    target_id: str
    previous_head_id: str
    undo_of: UUID | None
    requested_by: str
    reason: str
    approval_required: bool
    approved_by: str | None
    follow_live: bool
    plan_hash: str
    plan_damage: str
    counts: dict[str, int]
    name_to_type: str
    message: str
    result: dict[str, Any]
    undo_refused: str
    attempts: int
    created_at: datetime
    expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    seen_at: datetime | None
    log: list[LogOut]
    steps: list[StepOut]
    steps_count: int


class PlanEntryOut(Schema):
    """What a plan does with one checkpoint: ``action`` is restore, branch, copy, remove, keep,
    erase, put_back or purge; ``reason`` says why.
    """

    action: str
    agent_id: str
    thread_id: str
    checkpoint_id: str
    namespace: str
    reason: str
    sha256: str | None
    stored_size: int | None


class PlanOut(Schema):
    """A page of a plan. ``details`` differ by kind; ``next`` asks for the entries after these."""

    operation: UUID | None
    kind: str
    plan_hash: str
    counts: dict[str, int]
    details: dict[str, Any]
    notes: list[str]
    items: list[PlanEntryOut]
    next: str | None


class WriterOut(Schema):
    """A run that saves into the thread, and whether it looks as if it went on."""

    agent_id: str
    run_id: str
    saved_at: datetime
    alive: bool


class ImpactOut(Schema):
    """What a restore would mean: the state's diff, steps and tool calls that are taken again,
    what was done outside and is not undone, questions that are asked again.

    ``problem`` says why ``impact`` is null. ``fenced`` says that the store refuses the next save of
    a run that does not know of the restore.
    """

    impact: dict[str, Any] | None
    problem: str
    fenced: bool
    writers: list[WriterOut]


class OrderedOut(Schema):
    """What an order came to: the operation, and the first entries of its plan.

    ``impact`` is told by the dry run of a restore.
    """

    operation: OperationOut
    plan: PlanOut
    impact: ImpactOut | None


class ReceiptOut(Schema):
    """What an erasure left behind. ``holds`` says whether it is as it was written."""

    receipt: dict[str, Any]
    holds: bool
