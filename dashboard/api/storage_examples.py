"""What is stored, as it looks, for the description. It fits its schema."""

from __future__ import annotations

from typing import Any

STORAGE: dict[str, Any] = {
    "scope": {"level": "source", "source": 3, "agent": None, "thread": None},
    "stored_bytes": 8_412_300_000,
    "checkpoints": 41_210,
    "grown_in_7_days": 912_000_000,
    "grown_in_30_days": None,
    "plain_bytes": 152_000_000_000,
    "packed_bytes": 8_410_000_000,
    "orphaned_bytes": 0,
    "free_bytes": 41_000_000,
    "trashed_bytes": 120_400,
    "first_swept_at": "2026-11-24T12:00:00Z",
    "series": {
        "grain": "day",
        "parts_are": "agent",
        "times": ["2026-11-19T23:00:04Z", "2026-11-20T23:00:03Z", "2026-11-21T12:00:02Z"],
        "total": [8_150_000_000, None, 8_411_000_000],
        "parts": [
            {"row": 7, "name": "crawler", "sizes": [7_900_000_000, None, 8_150_000_000]},
            {"row": None, "name": "all others", "sizes": [250_000_000, None, 261_000_000]},
        ],
    },
    "forecast": {
        "at": "2026-12-21T12:00:00Z",
        "expected": 12_400_000_000,
        "low": 11_000_000_000,
        "high": 13_900_000_000,
        "per_day": 131_000_000.5,
        "since": "2026-10-02T23:00:01Z",
        "samples": 51,
    },
    "quota": {
        "bytes": 20_000_000_000,
        "reached": "2027-02-16T03:00:00Z",
        "earliest": "2027-01-30T09:00:00Z",
        "latest": "2027-03-09T20:00:00Z",
    },
    "savings": {
        "freed_bytes": 1_900_000_000,
        "freed_checkpoints": 20_110,
        "threads": 12,
        "planned_at": "2026-11-21T02:10:00Z",
        "not_planned": 0,
    },
    "breakdown": {
        "by": "fields",
        "rows": [
            {
                "name": "messages",
                "under": "written by agent",
                "size": 131_000_000_000,
                "stored_bytes": None,
                "share_percent": 86.18,
                "grown_in_7_days": 15_000_000_000,
                "checkpoints": 41_210,
                "policy_would_free": None,
            }
        ],
    },
}
TWENTY_GB = {"bytes": 20_000_000_000}
QUOTA: dict[str, Any] = {
    "level": "source",
    "target": 3,
    "about": "source agents",
    "bytes": 20_000_000_000,
    "stored_bytes": 8_412_300_000,
    "changed_by": "ada",
    "changed_at": "2026-11-20T09:00:00Z",
}
QUOTAS = {"items": [QUOTA], "next": None}
NO_QUOTA = QUOTA | {"bytes": None, "changed_by": None, "changed_at": None}
