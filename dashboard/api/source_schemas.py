"""What is taken and shown of sources. What opens them is taken and never shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StrictStr

from dashboard.api.operation_schemas import Number, kept_text

Address = Annotated[StrictStr, Field(min_length=1, max_length=4000), AfterValidator(kept_text)]
Text = Annotated[StrictStr, Field(max_length=200), AfterValidator(kept_text)]
Secret = Annotated[SecretStr, Field(max_length=10_000)]


class _Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class CredentialsIn(_Strict):
    """What opens a store: a server's user and password, and the keys of an encrypted one.

    Of a bucket they are the access key and its secret, on Azure the account and its key; on Google
    Cloud the password alone, a service account's JSON. They are kept encrypted and never shown.
    """

    user: Annotated[StrictStr, Field(max_length=500)] = ""
    password: Secret = SecretStr("")
    store_keys: Secret = SecretStr("")

    def values(self) -> dict[str, str]:
        """Return what was given."""
        return {
            "user": self.user,
            "password": self.password.get_secret_value(),
            "store_keys": self.store_keys.get_secret_value(),
        }


class SourceTestIn(_Strict):
    """An address to try: a path, a store's URL or a server's. ``choice`` is a candidate's URL."""

    address: Address
    credentials: CredentialsIn = CredentialsIn()
    choice: Annotated[StrictStr, Field(max_length=8000)] = ""


class NewSourceIn(SourceTestIn):
    """A source to add. ``project`` may be left out by who operates only one."""

    name: Text = ""
    project: Number | None = None


class SourceStepOut(Schema):
    """One step of a test; ``ok`` is null for one that was not come to."""

    name: Literal["reached", "opened", "recognised", "readable", "restorable"]
    ok: bool | None
    said: str


class SourceCandidateOut(Schema):
    """A kind of store that fits, by the URL that chooses it."""

    url: str
    title: str
    because: str


class SourceTestOut(Schema):
    """What opening a store showed. ``code`` names what stands in the way, empty for nothing."""

    ok: bool
    code: str
    message: str
    kind: str
    title: str
    url: str
    threads: int | None
    steps: list[SourceStepOut]
    candidates: list[SourceCandidateOut]


class SourceOut(Schema):
    """A source. ``credentials`` says whether any are kept, and whether they can still be read.

    ``remaining`` is about how many checkpoints are still to be read, null where nobody knows.
    """

    id: int
    name: str
    kind: str
    url: str
    project: int
    connected: bool
    credentials: Literal["none", "kept", "lost"]
    health: str
    health_message: str
    capabilities: dict[str, Any]
    agents: int
    checkpoints: int
    remaining: int | None
    stored_bytes: int
    is_being_read: bool
    last_synced_at: datetime | None
    created_at: datetime


class SourcesOut(Schema):
    """All sources that you may see, by name."""

    items: list[SourceOut]
