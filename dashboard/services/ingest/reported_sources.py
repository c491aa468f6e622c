"""The source that a report is about; one that nobody has added yet is only reported about."""

from __future__ import annotations

from datetime import datetime

import checkpoints
from checkpoints.stores.urls import StoreUrl, absolute_url, parse_url
from dashboard.models import Source
from dashboard.services.ingest.cleaning import UnusableRecord, check_id, text

MAX_NAME_CHARACTERS = 200


def find_source(url: str) -> Source | None:
    """Return the source of a URL, if there is one. Raises UnusableRecord for what is no URL."""
    _parse(url)
    return Source.objects.filter(url=absolute_url(url)).first()


def reported_source(url: str, *, name: str, now: datetime) -> Source:
    """Return the source of a URL, made now if nobody knew it. Raises UnusableRecord."""
    parsed = _parse(url)
    place = absolute_url(url)
    known = Source.objects.filter(url=place).first()
    if known is None:
        new = _new(parsed, place, name, now)
        Source.objects.bulk_create([new], ignore_conflicts=True)
    return known or Source.objects.get(url=place)


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
        parsed = parse_url(url)
    except checkpoints.PermanentStoreError as error:
        raise UnusableRecord("source.url", str(error)) from error
    if parsed.path.parts and not parsed.path.is_absolute():
        raise UnusableRecord("source.url", "must hold an absolute path (four slashes)")
    return parsed
