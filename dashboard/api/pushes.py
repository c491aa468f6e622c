"""Where agents report their checkpoints."""

from __future__ import annotations

from http import HTTPStatus

from django.utils import timezone
from ninja import Router, Status

from dashboard.api.access import PUSH, ApiRequest
from dashboard.api.schemas import PushIn, PushOut, StoredOut
from dashboard.services.ingest import Ingested, Push, PushedHead, ingest_push

router = Router(tags=["checkpoints"])


@router.post(
    "/checkpoints",
    auth=PUSH,
    response={200: PushOut, 201: PushOut},
    summary="Report checkpoints",
)
def push_checkpoints(request: ApiRequest, push: PushIn) -> Status[PushOut]:
    """Store the records of one or more checkpoints, all of them or none.

    The answer comes after the commit. The same push again answers 200 and changes nothing; a known
    id with another sha256 answers 409. States stay in their store.
    """
    ingested = ingest_push(token=request.auth.token, push=_to_push(push), now=timezone.now())
    created = HTTPStatus.CREATED if ingested.created else HTTPStatus.OK
    return Status(created, _answer(ingested))


def _to_push(push: PushIn) -> Push:
    given = [push.checkpoint] if push.checkpoint else push.checkpoints
    head = push.head
    return Push(
        source_url=push.source.url,
        source_name=push.source.name,
        records=[record.to_record() for record in given],
        head=PushedHead(checkpoint_id=head.checkpoint_id, version=head.version) if head else None,
    )


def _answer(ingested: Ingested) -> PushOut:
    stored = [StoredOut(id=pk, url=f"/checkpoints/{pk}/") for pk in ingested.rows]
    return PushOut(created=ingested.created, duplicates=ingested.duplicates, checkpoints=stored)
