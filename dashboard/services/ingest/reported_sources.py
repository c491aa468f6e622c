"""The source that a report is about; one that nobody has added yet is only reported about."""

from __future__ import annotations

from datetime import datetime

import checkpoints
from checkpoints.stores.urls import StoreUrl, parse_url
from dashboard.addresses import place_of
from dashboard.models import ApiToken, Source
from dashboard.services.ingest.cleaning import UnusableRecord, check_id, text

MAX_NAME_CHARACTERS = 200


def find_source(url: str, *, token: ApiToken) -> Source | None:
    """Return the source of a URL in the token's project, if there is one. Raises UnusableRecord."""
    _parse(url)
    return Source.objects.filter(project=token.project_id, url=place_of(url)).first()


def reported_source(url: str, *, token: ApiToken, name: str, now: datetime) -> Source:
    """Return the source of a URL in the token's project, made now if nobody knew it there.

    What other projects know of the same store is neither read nor changed. Raises UnusableRecord.
    """
    parsed = _parse(url)
    known = find_source(url, token=token)
    if known is not None:
        return known
    new = _new(parsed, place_of(url), name, now)
    new.project = token.project
    Source.objects.bulk_create([new], ignore_conflicts=True)
    return Source.objects.get(project=token.project_id, url=new.url)


def _new(parsed: StoreUrl, place: str, name: str, now: datetime) -> Source:
    shown = text(name) or parsed.path.name or parsed.scheme
    return Source(
        url=place,
        name=shown[:MAX_NAME_CHARACTERS],
        kind=parsed.scheme,
        connected=False,
        created_at=now,
    )


def _parse(url: str) -> StoreUrl:
    check_id("source.url", url, required=True)
    try:
        place_of(url)
        parsed = parse_url(url)
    except checkpoints.PermanentStoreError as error:
        raise UnusableRecord("source.url", str(error)) from error
    if parsed.path.parts and not parsed.path.is_absolute():
        raise UnusableRecord("source.url", "must hold an absolute path (four slashes)")
    return parsed
