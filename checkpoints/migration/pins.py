"""Pinning in the new store what is pinned in the old one."""

from __future__ import annotations

from checkpoints.errors import CheckpointNotFound
from checkpoints.migration.listing import Listing
from checkpoints.records import Finding, Pin
from checkpoints.stores.base import ReadableStore, Store


def settle_pins(old: ReadableStore, new: Store, listing: Listing, findings: list[Finding]) -> None:
    """Set each pin with its reason and time, once; name those whose checkpoint is not there."""
    if not isinstance(old, Store):
        return
    there = {pin.checkpoint_id: pin for pin in new.pins()}
    for pin in old.pins():
        if pin.checkpoint_id in listing.seen and there.get(pin.checkpoint_id) != pin:
            _set(new, pin, findings)


def _set(new: Store, pin: Pin, findings: list[Finding]) -> None:
    try:
        new.pin(new.get(pin.checkpoint_id), reason=pin.reason, now=pin.pinned_at)
    except CheckpointNotFound:
        findings.append(
            Finding(
                kind="pin_not_set",
                message=f"{pin.checkpoint_id} is not in the new store and was not pinned there",
                checkpoint_id=pin.checkpoint_id,
            )
        )
