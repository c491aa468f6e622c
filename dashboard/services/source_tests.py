"""Looking at a store before it is a source: what lies there, and what stands in the way."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

import checkpoints
from checkpoints.connectors.detection import (
    Candidate,
    NothingRecognised,
    NothingThere,
    detect,
)
from checkpoints.stores.urls import absolute_url
from dashboard import access
from dashboard.addresses import hosts_of, server_kind, take_apart, with_credentials
from dashboard.credentials import NONE, Credentials
from dashboard.hosts import reach_out
from dashboard.models import User
from dashboard.refusals import Refusal, refusal_of
from dashboard.stores import check_address, check_place, open_url, reach_of
from dashboard.unspoken import hide, unspoken

MAX_COUNTED = 10_000
SEVERAL = "more than one store lies there: choose below"
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the list of what was tried: ``ok`` is None for what was not come to."""

    name: str
    ok: bool | None
    said: str = ""

    @property
    def words(self) -> str:
        """What it is called when it worked out."""
        return _WORDS[self.name][0]

    @property
    def refused(self) -> str:
        """What it is called when it did not."""
        return _WORDS[self.name][1]


_WORDS = {
    "reached": ("Reached", "Not reached"),
    "opened": ("Opened", "Not opened"),
    "recognised": ("Recognised", "Not recognised"),
    "readable": ("Readable", "Not readable"),
    "restorable": ("Can restore", "Read only"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTest:
    """What opening a store showed. ``threads`` is None when it could not be opened.

    ``url`` opens it, without credentials; ``candidates`` are all kinds that fit, ``chosen`` is the
    URL of one. ``undecided`` says that somebody must choose; ``code`` names what stands in the way.
    """

    ok: bool
    kind: str
    message: str
    url: str = ""
    chosen: str = ""
    title: str = ""
    code: str = ""
    threads: int | None = None
    counted_all: bool = True
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    undecided: bool = False
    credentials: Credentials = NONE


class _Stopped(Exception):
    """A step did not work out; the checklist says why."""


@dataclass(slots=True)
class _Look:
    """A look under way: what was tried so far."""

    address: str
    credentials: Credentials
    choice: str
    steps: dict[str, Step] = field(default_factory=dict)
    refusal: Refusal | None = None
    candidates: tuple[Candidate, ...] = ()
    chosen: Candidate | None = None
    undecided: bool = False
    threads: int | None = None
    counted_all: bool = True
    capabilities: checkpoints.Capabilities | None = None

    def look(self) -> None:
        """Take every step that can be taken."""
        with self._step("reached"):
            self.address, self.credentials = take_apart(self.address, self.credentials)
            with unspoken(self.credentials):
                self._note("reached", self._reach())
        self._recognise()
        if self.chosen is None or self.undecided:
            raise _Stopped
        with self._step("readable"):
            self._read(self.chosen.url)

    @property
    def _on_server(self) -> bool:
        return server_kind(self.address) is not None

    def _reach(self) -> str:
        if not self._on_server:
            return check_address(self.address)
        hosts = list(hosts_of(check_place(self.address), self.credentials))
        found = reach_of(check_place(self.address), self.credentials)
        for host, port in hosts:
            if port is not None:
                reach_out(found.addresses_of(host), port, host=host)
        return ", ".join(f"{host}, port {port}" if port else host for host, port in hosts)

    def _recognise(self) -> None:
        with self._step("opened" if self._on_server else "recognised"):
            try:
                self.candidates = self._detected()
            except NothingThere:
                raise
            except NothingRecognised:
                self._note("opened", "")
                raise
        if self._on_server:
            self._note("opened", "")
        self._choose()

    def _detected(self) -> tuple[Candidate, ...]:
        """Return what lies there, addresses without credentials."""
        if not self._on_server:
            return detect(self.address)
        reach = reach_of(check_place(self.address), self.credentials)
        found = detect(with_credentials(self.address, self.credentials), reach=reach)
        return tuple(
            Candidate(url=take_apart(one.url)[0], title=one.title, because=one.because)
            for one in found
        )

    def _choose(self) -> None:
        scheme = self.address.partition("://")[0]
        named = next((one for one in self.candidates if one.url == self.choice), None)
        first = self.candidates[0]
        one = len(self.candidates) == 1 or first.url.startswith(f"{scheme}://")
        self.chosen = named or first
        self.undecided = named is None and not one
        said = f"as {self.chosen.title}, because {self.chosen.because}"
        self._note("recognised", SEVERAL if self.undecided else said)

    def _read(self, url: str) -> None:
        store = open_url(url, self.credentials)
        try:
            found = sum(1 for _ in itertools.islice(store.threads(), MAX_COUNTED + 1))
            self.capabilities = store.capabilities
        finally:
            store.close()
        self.threads, self.counted_all = min(found, MAX_COUNTED), found <= MAX_COUNTED
        self._note("opened", "")
        more = "" if self.counted_all else "more than "
        self._note("readable", f"{more}{self.threads:,} thread{'s' if self.threads != 1 else ''}")
        refused = self.capabilities.reasons.get("restore", "")
        said = "" if self.capabilities.restore else refused or "its kind cannot be restored from"
        self.steps["restorable"] = Step("restorable", ok=self.capabilities.restore, said=said)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            hide(error, self.credentials)
            self.refusal = refusal_of(error, on_server=self._on_server)
            if not isinstance(error, checkpoints.CheckpointError):
                logger.warning("store not opened", exc_info=error)
            at = _where(error, name)
            self.steps[at] = Step(at, ok=False, said=self.refusal.sentence)
            raise _Stopped from None

    def _note(self, name: str, said: str) -> None:
        self.steps[name] = Step(name, ok=True, said=said)


def _where(error: Exception, name: str) -> str:
    """Return the step that an error stopped; nothing at a path is a path that is not reached."""
    if isinstance(error, NothingThere):
        return "reached"
    return "recognised" if isinstance(error, NothingRecognised) else name


def look_at(
    *, user: User, address: str, credentials: Credentials = NONE, choice: str = ""
) -> SourceTest:
    """Look for a store where an address leads, open it for reading, and say what is there.

    ``choice`` is the URL of one of the kinds that a test before this one found.
    """
    access.require(user, "operate")
    look = _Look(address=address, credentials=credentials, choice=choice)
    with contextlib.suppress(_Stopped):
        look.look()
    return _told(look)


def _told(look: _Look) -> SourceTest:
    chosen = look.chosen
    return SourceTest(
        ok=look.capabilities is not None,
        kind=chosen.url.partition("://")[0] if chosen else "",
        message=_message(look),
        url=absolute_url(chosen.url) if chosen else "",
        chosen=chosen.url if chosen else "",
        title=chosen.title if chosen else "",
        code=look.refusal.code if look.refusal else "undecided" if look.undecided else "",
        threads=look.threads,
        counted_all=look.counted_all,
        capabilities=look.capabilities.to_dict() if look.capabilities else {},
        steps=tuple(look.steps.get(name, Step(name, ok=None)) for name in _WORDS),
        candidates=look.candidates,
        undecided=look.undecided,
        credentials=look.credentials,
    )


def _message(look: _Look) -> str:
    if look.refusal is not None:
        return look.refusal.sentence
    if look.undecided:
        counts = Counter(one.title for one in look.candidates)
        found = ", ".join(f"{title} ({n})" if n > 1 else title for title, n in counts.items())
        return f"More than one store fits: {found}. Say which it is."
    refused = look.steps["restorable"]
    if refused.ok:
        return "It can be read and restored from."
    return f"It can be read but not restored from: {refused.said}."
