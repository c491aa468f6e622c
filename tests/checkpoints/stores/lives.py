"""What may happen in a store, in any order."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from checkpoints import Store
from checkpoints.testing import NOON, draft, entry

THREADS = ("a", "b")


def live(store: Store, seed: int) -> None:
    """Let many things happen in a store, chosen by a number."""
    random = Random(seed)
    for number in range(120):
        thread = random.choice(THREADS)
        now = NOON + timedelta(minutes=number)
        head = store.head("agent-1", thread)
        before = head.checkpoint_id if head else None
        listed = [c.id for c in store.history("agent-1", thread)] if head else []
        match random.randrange(9):
            case 0 | 1 | 2:
                given = draft(number, parent=before, thread_id=thread)
                store.put(given, {"n": number}, expected_head=before)
            case 3 | 4:
                key = f"k{random.randrange(9)}"
                named = random.choice([None, *listed])
                given_entry = entry(key, thread_id=thread, checkpoint_id=named, data={"n": number})
                store.record([given_entry], replace=random.random() < 0.5)
            case 5:
                keys = [f"k{random.randrange(9)}"]
                store.forget("agent-1", thread, kind="effect", keys=keys)
            case 6 if listed:
                store.erase("agent-1", thread, random.sample(listed, 1), now=now)
            case 7 if len(listed) > 1:
                target = store.get(random.choice(listed))
                store.set_head(target, expected=before, now=now, operation_id=f"op-{number}")
            case 8 if random.random() < 0.3:
                store.erase("agent-1", thread, now=now)
