"""Saves that wait for the disk together: whoever comes first commits for all who wait.

There is one writer at a time. A save that finds nobody writing does its own work at once, with no
other thread to wake; those that come while it waits for the disk are done together by the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

from checkpoints.errors import CheckpointError, TransientStoreError
from checkpoints.forks import renew_in_children

T = TypeVar("T")
D = TypeVar("D")
MAX_GROUP = 256


class Job(Generic[D]):
    """One save that waits, and the ``group`` it answers for while its thread leads."""

    __slots__ = ("error", "group", "leads", "result", "settled", "turn", "work")

    def __init__(self, work: Callable[[D], Any]) -> None:
        self.work = work
        self.leads = self.settled = False
        self.group: list[Job[D]] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.turn = threading.Lock()
        self.turn.acquire()

    def run(self, db: D) -> None:
        """Do the work. It may raise CheckpointError only before it has written anything."""
        self.result, self.error = None, None
        try:
            self.result = self.work(db)
        except CheckpointError as error:
            self.error = error


class GroupCommit(Generic[D]):
    """Runs jobs in groups, each group in one transaction given by ``commit``.

    ``commit`` runs its jobs within one durable transaction, or raises with none of them kept.
    """

    def __init__(self, commit: Callable[[Sequence[Job[D]]], None]) -> None:
        self._commit = commit
        self._queue = threading.Lock()
        self._waiting: list[Job[D]] = []
        self._led = False
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin anew: the threads that waited are the parent's."""
        self._queue = threading.Lock()
        self._waiting.clear()
        self._led = False

    def submit(self, work: Callable[[D], T]) -> T:
        """Do one save, alone or in a group, and return its result once it is durable.

        Whatever breaks it off, even Ctrl-C, never keeps those who come after it waiting.
        """
        job: Job[D] = Job(work)
        try:
            with self._queue:
                self._waiting.append(job)
                job.leads, self._led = not self._led, True
            if not job.leads:
                job.turn.acquire()
            if job.leads:
                self._lead(job)
                self._finish(job)
        except BaseException:
            self._withdraw(job)
            raise
        if job.error is not None:
            raise job.error
        return cast(T, job.result)

    def _lead(self, leader: Job[D]) -> None:
        """Commit for all who wait now; whoever comes meanwhile leads next."""
        with self._queue:
            leader.group = self._waiting[:MAX_GROUP]
            del self._waiting[:MAX_GROUP]
        error = self._broken(leader.group)
        if error is not None:
            self._fail(leader.group, error)
        leader.settled = True

    def _finish(self, leader: Job[D]) -> None:
        """Let the first of those who wait lead, and tell the group how it went."""
        self._pass_on(leader)
        for job in leader.group:
            if not leader.settled:
                job.error = TransientStoreError(
                    "the save was broken off together with another thread's; it may be kept or "
                    "not, save it again under the same id"
                )
            if job.turn.locked():
                job.turn.release()

    def _withdraw(self, job: Job[D]) -> None:
        """Leave nothing behind of a save that breaks off, neither a place nor a duty."""
        with self._queue:
            if job in self._waiting:
                self._waiting.remove(job)
        self._finish(job)

    def _pass_on(self, leader: Job[D]) -> None:
        with self._queue:
            if leader.leads and self._waiting:
                following = self._waiting[0]
                leader.leads, following.leads = False, True
                following.turn.release()
            elif leader.leads:
                leader.leads = self._led = False

    def _fail(self, group: Sequence[Job[D]], error: Exception) -> None:
        """Try each save of a failed group by itself: only those that fail again have failed.

        Where the store is locked or away, the first that fails for it speaks for the others.
        """
        if len(group) == 1:
            group[0].error = error
            return
        away: TransientStoreError | None = None
        for job in group:
            alone = away or self._broken([job])
            if alone is not None:
                job.error = alone
            if isinstance(alone, TransientStoreError):
                away = alone

    def _broken(self, group: Sequence[Job[D]]) -> Exception | None:
        """Commit; return what it failed of, if it did."""
        try:
            self._commit(group)
        except Exception as error:  # noqa: BLE001 - each save is told of its own
            return error
        return None
