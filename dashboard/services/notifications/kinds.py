"""The kinds of happenings that are told of, with the words that people choose them by. Pure."""

from __future__ import annotations

KINDS = {
    "drift.opened": "Drift found",
    "drift.grew": "Drift grew",
    "drift.resolved": "Drift is over",
    "objective.missed": "Recovery point too old",
    "objective.met": "Recovery point is young enough again",
    "drill.failed": "Restore drill failed",
    "drill.proven": "Restore proven again",
    "source.failed": "Source cannot be read",
    "source.recovered": "Source can be read again",
    "operation.failed": "Operation failed",
    "operation.needs_attention": "Operation needs attention",
}
