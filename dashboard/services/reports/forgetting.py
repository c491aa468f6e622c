"""Forgetting what an agent reported of checkpoints that were erased."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from dashboard.models import Directive, Effect, Failure, MetricsPoint, Resume

AT_ONCE = 500


def forget_reports(
    *, thread_pk: int, checkpoint_ids: Sequence[str], whole: bool, run_id: str = ""
) -> None:
    """Delete what was reported of these checkpoints, or with ``whole`` all of the thread's.

    Of a run that was erased its failures and resumes go too, whatever checkpoint they name.
    """
    reported = (Failure.objects, Effect.objects, Resume.objects)
    with transaction.atomic():
        if whole:
            for rows in (*reported, MetricsPoint.objects, Directive.objects):
                rows.filter(thread=thread_pk).delete()
            return
        if run_id:
            for rows in (Failure.objects, Resume.objects):
                rows.filter(thread=thread_pk, run_id=run_id).delete()
        for start in range(0, len(checkpoint_ids), AT_ONCE):
            ids = checkpoint_ids[start : start + AT_ONCE]
            for rows in reported:
                rows.filter(thread=thread_pk, checkpoint_id__in=ids).delete()
