"""One of several processes that all want every operation.

``python -m tests.faults.claimants THREADS START`` waits for the file START, lets each thread try
to claim every operation, and prints the ids of those that it got.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import django

django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.models import Operation  # noqa: E402
from dashboard.services.operations import claims  # noqa: E402


def main(threads: int, start: Path) -> None:
    wanted = list(Operation.objects.order_by("pk").values_list("pk", flat=True))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not start.exists():
        time.sleep(0.001)
    with ThreadPoolExecutor(threads) as pool:
        for claimed in pool.map(claim_all, [wanted] * threads):
            sys.stdout.writelines(f"{operation_id}\n" for operation_id in claimed)


def claim_all(wanted: list[UUID]) -> list[UUID]:
    try:
        return [operation_id for operation_id in wanted if claim(operation_id)]
    finally:
        connection.close()


def claim(operation_id: UUID) -> bool:
    return claims.claim(operation_id=operation_id, worker="w", now=timezone.now()) is not None


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
