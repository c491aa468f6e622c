"""Idempotency keys: each belongs to the first content that it came with."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from dashboard.models import RequestKey, User
from dashboard.services.operations.errors import KeyReused


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as it is kept, and the digest of what was asked for by it.

    One that its caller chose may come again; any other was made for a single request.
    """

    name: str
    digest: str
    is_chosen: bool

    @classmethod
    def of(cls, text: str, content: Mapping[str, Any]) -> Self:
        """Return the key that a caller chose for a content; of an empty text a key of its own."""
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
        name = _sha256(text or uuid.uuid4().hex)
        return cls(name=name, digest=_sha256(canonical), is_chosen=bool(text))


def claim_key(*, user: User, key: Key, now: datetime) -> None:
    """Give a key to its content. Raises KeyReused when it belongs to another already."""
    if not key.is_chosen:
        return
    row, _ = RequestKey.objects.get_or_create(
        user=user, name=key.name, defaults={"digest": key.digest, "created_at": now}
    )
    if row.digest != key.digest:
        raise KeyReused(
            "This idempotency key came with another request before; nothing was asked for. Choose "
            "a new one."
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
