"""What a thread that LangGraph's saver wrote cannot do without, whoever deletes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph_native.lineages import Lineage
from checkpoints.connectors.langgraph_native.places import (
    SAVED_AS,
    Name,
    Place,
    place_of,
    places_of,
)
from checkpoints.connectors.langgraph_native.reading import COUNTERS, ENVELOPE
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.base import ReadableStore, Store

Placed = tuple[Place, Checkpoint]
GOES_ON = "its namespace goes on from it"
BUILT_FROM = "channels of a checkpoint that stays are built from it"
MARKED = "a record that stays says how its step ended"


def exempt(records: Sequence[Checkpoint], head: Head | None) -> dict[str, str]:
    """Return what each namespace of a thread goes on from; nothing for other threads.

    ``records`` come newest first.
    """
    placed = places_of(_own(records))
    newest = {place.namespace: record.id for place, record in reversed(placed)}
    standing = next((r for r in records if head and r.id == head.checkpoint_id), None)
    current = _current(placed, Place.of(standing) if standing else None)
    return dict.fromkeys([*newest.values(), *current], GOES_ON)


def needed_by(
    store: ReadableStore, records: Sequence[Checkpoint], kept: Collection[str]
) -> dict[str, str]:
    """Return which other records those that are kept cannot be read without, and why.

    These are what delta channels are built from, and what marks stand for. Raises
    CorruptCheckpoint where it cannot be told.
    """
    own = _own(records)
    if not own or not isinstance(store, Store):
        return {}
    by_name = {place.name: (place, record) for place, record in places_of(own)}
    staying = [place for r in own if r.id in kept and (place := Place.of(r))]
    meant = [by_name[place.name] for place in staying if place.name in by_name]
    found = {record.id: MARKED for _, record in meant}
    for one in meant:
        built = _built_from(store, by_name, *one)
        found |= {record.id: BUILT_FROM for record in built if record.id not in found}
    return {name: why for name, why in found.items() if name not in kept}


def to_fork(store: Store, checkpoint: Checkpoint) -> list[Checkpoint]:
    """Return what a new thread that begins at a checkpoint must hold, that checkpoint first.

    What its delta channels are built from comes with it, and what each subgraph goes on from there
    with what that is built from; behind each other in such an order that parents come later. A
    mark means its checkpoint, a subgraph's checkpoint its root. Raises PlanRefused where that was
    deleted, CorruptCheckpoint where it cannot be told.
    """
    records = _own(store.history(checkpoint.agent_id, checkpoint.thread_id))
    placed = places_of(records)
    by_name = {place.name: (place, record) for place, record in placed}
    place = place_of(checkpoint)
    root = ("", place.root or place.id) if place.namespace else place.name
    if root not in by_name:
        raise PlanRefused(
            f"{checkpoint.id} belongs to a checkpoint of its graph that was deleted; nothing was "
            "written"
        )
    standing = by_name[root]
    current = set(_current(placed, standing[0])) - {standing[1].id}
    begun = [standing, *(one for one in placed if one[1].id in current)]
    found = {one[1].id: one[1] for one in begun}
    for one in begun:
        found |= {record.id: record for record in _built_from(store, by_name, *one)}
    return list(found.values())


def _own(records: Sequence[Checkpoint]) -> list[Checkpoint]:
    return [record for record in records if SAVED_AS in record.metadata]


def _current(placed: Sequence[Placed], standing: Place | None) -> Iterator[str]:
    """Yield what the namespaces go on from when the thread stands at a checkpoint."""
    if standing is None:
        return
    lineage = Lineage()
    for place, _ in reversed(placed):
        lineage.add(place)
    root = (standing.root or standing.id) if standing.namespace else standing.id
    for namespace in {place.namespace for place, _ in placed}:
        if not namespace:
            yield from (place.record_id for place, _ in placed if place.name == ("", root))
        elif (found := lineage.newest(namespace, root)) is not None:
            yield found.record_id


def _built_from(
    store: Store, by_name: Mapping[Name, Placed], place: Place, record: Checkpoint
) -> Iterator[Checkpoint]:
    """Yield the ancestors that hold what a checkpoint's delta channels are built from."""
    missing = _not_stored_in(store, record)
    seen = {place.id}
    while missing and place.parent not in seen:
        found = by_name.get((place.namespace, place.parent or ""))
        if found is None:
            return
        place, record = found
        seen.add(place.id)
        yield record
        missing -= set(store.fields(record))


def _not_stored_in(store: Store, record: Checkpoint) -> set[str]:
    """Return the delta channels that were written to and have no value in a checkpoint."""
    counters = record.metadata.get(COUNTERS)
    if not isinstance(counters, Mapping) or not counters:
        return set()
    state = store.fields(record)
    written = _written(state.get(ENVELOPE))
    return {name for name in counters if written is None or name in written} - set(state)


def _written(envelope: Any) -> Collection[Any] | None:
    """Return the channels that a checkpoint says were written; None where that is unreadable.

    Then all of its delta channels count: rather too much is kept than too little.
    """
    match envelope:
        case [str(name), bytes(data)]:
            try:
                values = inert.decode_typed(name, data)
            except CorruptCheckpoint:
                return None
        case _:
            return None
    versions = values.get("channel_versions") if isinstance(values, Mapping) else None
    return versions if isinstance(versions, Mapping) else None
