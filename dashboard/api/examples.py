"""Bodies and answers as they look, for the description. Each fits its schema."""

from __future__ import annotations

from typing import Any

PLAN_HASH = "5b1f3c2d9a7e4f60b8c1d2e3f4a5968778695a4b3c2d1e0f9e8d7c6b5a493827"
CONTENT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OPERATION_ID = "6d1c5f0e-53b1-4a53-9d4e-0c1f6b7f2a11"
UNDO_ID = "b2a7c9d4-1d52-4c8e-8a35-7f90c3f6ad02"
NOON = "2026-11-21T12:00:00Z"
LATER = "2026-11-21T12:00:09Z"
SOURCE = {"url": "sqlite:////srv/agents/crawler.db", "name": "crawler"}
RECORD: dict[str, Any] = {
    "id": "0198f2c4-7d1e-7a52-9a0b-3f5b7c1d2e4f",
    "agent_id": "crawler",
    "thread_id": "main",
    "step": 12,
    "created_at": NOON,
    "kind": "routine",
    "status": "running",
    "sha256": CONTENT,
    "size": 20480,
    "stored_size": 5120,
    "metrics": {"pages": 1204},
}

PUSH = {
    "source": SOURCE,
    "checkpoint": RECORD,
    "head": {"checkpoint_id": RECORD["id"], "version": 12},
}
PUSHED = {"created": 1, "duplicates": 0, "checkpoints": [{"id": 81, "url": "/checkpoints/81/"}]}
PUSHED_AGAIN = PUSHED | {"created": 0, "duplicates": 1}

FAILURE_ITEM: dict[str, Any] = {
    "id": "0198f2c4-9b3c-7c11-8d2e-5a6b7c8d9e0f",
    "agent_id": "crawler",
    "thread_id": "main",
    "at": NOON,
    "error_type": "TimeoutError",
    "message": "the site did not answer within 30 seconds",
}
REPORTS = {"source": SOURCE, "items": [{"type": "failure", **FAILURE_ITEM}]}
FAILURE = {"source": SOURCE, "failure": FAILURE_ITEM}
DIRECTIVE = {
    "id": "c2b0f6b4-2f55-4f0e-9a36-1f6f9f1f8a77",
    "agent_id": "crawler",
    "thread_id": "main",
    "strategy": "restore_checkpoint",
    "parameters": {"checkpoint_id": RECORD["id"]},
    "reason": "It went astray after step 12.",
    "issued_at": NOON,
}
REPORTED = {"accepted": 1, "duplicates": 0, "refused": [], "directives": [DIRECTIVE]}
FAILED = REPORTED
FAILED_AGAIN = FAILED | {"accepted": 0, "duplicates": 1}
DIRECTIVES = {"directives": [DIRECTIVE]}

AGENTS = {
    "items": [
        {
            "id": 7,
            "agent_id": "crawler",
            "source": 3,
            "status": "running",
            "last_checkpoint_at": NOON,
            "checkpoint_count": 81,
            "stored_bytes": 414720,
        }
    ],
    "next": None,
}
CHECKPOINT = {
    "id": 81,
    "checkpoint_id": RECORD["id"],
    "agent": 7,
    "agent_id": "crawler",
    "thread": 9,
    "thread_id": "main",
    "is_head": False,
    "namespace": "",
    "parent_id": "0198f2c4-7a00-7b41-8c2d-4e5f6a7b8c9d",
    "run_id": "",
    "step": 12,
    "step_name": "",
    "iteration": None,
    "kind": "routine",
    "status": "running",
    "created_at": NOON,
    "received_at": LATER,
    "size": 20480,
    "stored_size": 5120,
    "sha256": CONTENT,
    "metrics": {"pages": 1204},
    "metadata": {},
    "next_steps": [],
    "written_by": [],
    "damage": "",
    "pinned": False,
    "removed_at": None,
    "removed_reason": "",
    "restore_refused": "",
}

ORDERS: dict[str, Any] = {
    "Try a restore": {"kind": "restore", "checkpoint": 81, "dry_run": True},
    "Restore at once": {
        "kind": "restore",
        "checkpoint": 81,
        "reason": "It went astray after step 12.",
        "idempotency_key": "ticket-4711",
    },
    "Fork": {
        "kind": "fork",
        "checkpoint": 81,
        "thread_id": "second-try",
        "reason": "To try another prompt.",
    },
    "Fork with an edited state": {
        "kind": "edit_fork",
        "checkpoint": 81,
        "thread_id": "smaller-steps",
        "edits": [
            {"path": ["settings", "pages_at_once"], "value": 5},
            {"path": ["queue", 0], "remove": True},
        ],
        "dry_run": True,
    },
    "Prune by a policy": {
        "kind": "prune",
        "agent": 7,
        "policy": {"last": {"routine": 3}, "within": {"recovery": 604800.0}},
        "dry_run": True,
    },
    "Prune by the policies that apply": {"kind": "prune", "source": 3, "dry_run": True},
    "Prune a selection": {"kind": "prune", "checkpoints": [12, 13, 14], "dry_run": True},
    "Prune what a query finds": {
        "kind": "prune",
        "source": 3,
        "query": "agent:crawler kind:routine age>30d",
        "dry_run": True,
    },
    "Verify": {"kind": "verify", "source": 3, "deep": True, "reason": "After the disk was full."},
    "Erase what belongs to a user": {
        "kind": "erase",
        "source": 3,
        "user_id": "customer-17",
        "dry_run": True,
    },
    "Undo": {"kind": "undo", "operation": OPERATION_ID, "reason": "It was right after all."},
    "Sweep": {"kind": "sweep", "source": 3, "reason": "The disk is full."},
}
CONFIRMATION = {"plan_hash": PLAN_HASH, "reason": "It went astray after step 12."}
APPROVAL = {"plan_hash": PLAN_HASH}
UNDO = {"reason": "It was right after all."}

DRAFT: dict[str, Any] = {
    "id": OPERATION_ID,
    "kind": "restore",
    "state": "draft",
    "phase": "",
    "source": 3,
    "agent": 7,
    "thread": 9,
    "about": "crawler",
    "target_id": RECORD["id"],
    "previous_head_id": "0198f2d1-1111-7a52-9a0b-3f5b7c1d2e4f",
    "undo_of": None,
    "requested_by": "ada",
    "reason": "",
    "approval_required": False,
    "approved_by": None,
    "follow_live": False,
    "plan_hash": PLAN_HASH,
    "plan_damage": "",
    "counts": {"restored": 1, "become_branch": 2},
    "name_to_type": "",
    "message": "",
    "result": {},
    "undo_refused": "Only what succeeded can be undone; this is Draft.",
    "attempts": 0,
    "created_at": NOON,
    "expires_at": "2026-11-21T12:15:00Z",
    "started_at": None,
    "finished_at": None,
    "seen_at": None,
    "log": [],
    "steps": [],
    "steps_count": 0,
}
ASKED = {"at": NOON, "level": "info", "message": "Restore asked for by ada: It went astray."}
QUEUED = DRAFT | {
    "state": "queued",
    "reason": "It went astray after step 12.",
    "expires_at": None,
    "log": [ASKED],
}
SUCCEEDED = QUEUED | {
    "state": "succeeded",
    "phase": "verifying",
    "message": "The head is the restored checkpoint.",
    "result": {"restored_id": RECORD["id"]},
    "undo_refused": "",
    "attempts": 1,
    "started_at": NOON,
    "finished_at": LATER,
    "steps": [
        {"position": 0, "action": "restore", "begun_at": NOON, "done_at": LATER, "failure": ""}
    ],
    "steps_count": 1,
}
SEEN = SUCCEEDED | {"seen_at": LATER}
CANCELLED = QUEUED | {
    "state": "cancelled",
    "message": "Cancelled before it began. Nothing was changed.",
    "finished_at": LATER,
}
PLAN: dict[str, Any] = {
    "operation": OPERATION_ID,
    "kind": "restore",
    "plan_hash": PLAN_HASH,
    "counts": DRAFT["counts"],
    "details": {
        "agent_id": "crawler",
        "thread_id": "main",
        "expected_head": DRAFT["previous_head_id"],
        "mode": "move_head",
        "rerun_steps": ["fetch", "parse"],
    },
    "notes": [],
    "items": [
        {
            "action": "restore",
            "agent_id": "crawler",
            "thread_id": "main",
            "checkpoint_id": RECORD["id"],
            "namespace": "",
            "reason": "",
            "sha256": CONTENT,
            "stored_size": None,
        }
    ],
    "next": None,
}
IMPACT: dict[str, Any] = {
    "impact": {
        "diff": {
            "added": 0,
            "removed": 0,
            "changed": 1,
            "fields": ["queue"],
            "lines": {
                "items": [
                    {"path": "queue[0]", "kind": "changed", "before": '"/b"', "after": '"/a"'}
                ],
                "more": 0,
            },
        },
        "next_steps": ["fetch"],
        "reruns": {"items": [{"name": "fetch", "checkpoint_id": None}], "more": 0},
        "effects": {"items": [], "more": 0},
        "notes": [],
    },
    "problem": "",
    "fenced": True,
    "writers": [{"agent_id": "crawler", "run_id": "run-8", "saved_at": NOON, "alive": True}],
}
DRAFTED = {"operation": DRAFT, "plan": PLAN, "impact": IMPACT}
ORDERED = {"operation": QUEUED, "plan": PLAN, "impact": None}
UNDOING: dict[str, Any] = {"kind": "undo", "undo_of": OPERATION_ID, "follow_live": True}
UNDO_TRIED = {
    "operation": DRAFT | UNDOING | {"id": None, "expires_at": None, "undo_refused": ""},
    "plan": PLAN | {"operation": None, "kind": "undo"},
    "impact": None,
}
UNDO_ORDERED = {
    "operation": QUEUED | UNDOING | {"id": UNDO_ID, "reason": UNDO["reason"]},
    "plan": PLAN | {"operation": UNDO_ID, "kind": "undo"},
    "impact": None,
}
OPERATIONS = {
    "items": [
        {
            name: SUCCEEDED[name]
            for name in (
                *("id", "kind", "state", "phase", "source", "agent", "thread", "about"),
                *("target_id", "undo_of", "requested_by", "reason", "message"),
                *("approval_required", "created_at", "expires_at", "started_at", "finished_at"),
            )
        }
    ],
    "next": None,
}
RECEIPT = {
    "receipt": {
        "operation": OPERATION_ID,
        "source": SOURCE["url"],
        "scope": {"user_id": "customer-17"},
        "reason": "They asked for it.",
        "requested_by": "ada",
        "finished_at": LATER,
        "threads": [
            {
                "agent_id": "crawler",
                "thread_id": "main",
                "erased_at": LATER,
                "erased": [{"checkpoint_id": RECORD["id"], "namespace": "", "sha256": CONTENT}],
                "remaining": {},
                "failure": "",
            }
        ],
        "sha256": PLAN_HASH,
    },
    "holds": True,
}

EVENTS = {
    "items": [
        {
            "sequence": 412,
            "at": NOON,
            "user": 2,
            "actor": "ada",
            "action": "operation.requested",
            "target": OPERATION_ID,
            "project": 1,
            "details": {"kind": "restore", "about": "crawler", "reason": QUEUED["reason"]},
            "previous": PLAN_HASH,
            "hash": CONTENT,
        }
    ],
    "next": "412~412",
}
VERIFICATION = {
    "holds": False,
    "at": NOON,
    "events": 412,
    "hash": CONTENT,
    "findings": [{"kind": "edited", "sequence": 97, "message": "event 97 was changed"}],
}

RULES = {"last": {"routine": 3}, "within": {"recovery": 604800.0}}
WORDS = ["the last 3 routine", "recovery younger than 7 days"]
POLICY = {
    "level": "source",
    "target": 3,
    "about": "source crawler",
    "name": "a week back",
    "rules": RULES,
    "words": WORDS,
    "changed_by": "ada",
    "changed_at": NOON,
}
POLICIES = {"items": [POLICY], "next": None}
EFFECTIVE = {
    "level": "agent",
    "target": 7,
    "about": "agent crawler",
    "own": None,
    "effective": POLICY,
    "rules": RULES,
    "words": WORDS,
    "overrides": [],
}
POLICY_SET = {"name": "a week back", "policy": RULES}
KEEP_ALL = {"name": "keep everything", "policy": {}}
SIMULATE = {"policy": {"newest": 10}}
SIMULATION = {
    "threads": 1,
    "left_out": 0,
    "overridden": 0,
    "doomed": 71,
    "kept": 10,
    "removed_bytes": 363520,
    "touched": 1,
    "items": [
        {
            "agent": "crawler",
            "thread": 9,
            "thread_id": "main",
            "doomed": 71,
            "kept": 10,
            "removed_bytes": 363520,
            "notes": [],
        }
    ],
    "refused": [],
}
RUN: dict[str, Any] = {
    "due_at": NOON,
    "started_at": NOON,
    "finished_at": LATER,
    "prunes": [
        {
            "source": 3,
            "outcome": "pruning",
            "message": "",
            "operation": OPERATION_ID,
            "at": LATER,
        }
    ],
}
RUN_BEGUN = RUN | {"started_at": None, "finished_at": None, "prunes": []}
RHYTHM = {"name": "nightly", "minute_of_day": 180, "most_percent": 30}
NEW_SCHEDULE = {"level": "source", "target": 3, **RHYTHM}
SCHEDULE: dict[str, Any] = {
    "id": 1,
    "level": "source",
    "target": 3,
    "about": "source crawler",
    "rhythm": "daily at 03:00 UTC",
    "every_hours": None,
    "weekday": None,
    **RHYTHM,
    "next_run_at": "2026-11-22T03:00:00Z",
    "paused_at": None,
    "created_by": "ada",
    "last_run": RUN,
}
SCHEDULE_ADDED = SCHEDULE | {"last_run": None}
SCHEDULE_PAUSED = SCHEDULE | {"paused_at": NOON}
SCHEDULES = {"items": [SCHEDULE]}
