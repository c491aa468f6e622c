"""``python -m tests.faults.append_events COUNT NAME`` appends that many events to the audit log."""

from __future__ import annotations

import sys

import django

django.setup()

from django.utils import timezone  # noqa: E402

from dashboard.services import audit  # noqa: E402


def main(count: int, name: str) -> None:
    for number in range(count):
        now = timezone.now()
        audit.record(user=None, action=name, target=str(number), details={}, now=now)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
