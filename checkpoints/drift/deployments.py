"""States whose form another deployment writes differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift import times
from checkpoints.drift.forms import MISSING, Form
from checkpoints.drift.inert import key_text
from checkpoints.drift.sensitivities import level, scaled
from checkpoints.drift.shapes import parent_of
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind

THRESHOLD: Final = 12.0
"""Logarithm of the likelihood ratio at the sensitivity of 0.5."""
LEAST_BEFORE: Final = 10
LEAST_AFTER: Final = 6
"""States of the earlier and of the later deployment without which nothing is said."""
MOST_AFTER: Final = 100
"""States of the later one after which nothing new is looked for."""
MOST_DEPLOYMENTS: Final = 6
_PRIOR: Final = 0.5
_NAMED: Final = 6


class _Difference(NamedTuple):
    path: str
    was: str
    now: str
    score: float


class DeploymentDetector:
    """Compares the states of a deployment with those of the one before, path by path.

    A path differs if the later states would be very unlikely under the shares of types that the
    earlier ones had. Each deployment is told of at most once.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._sensitivity = level(sensitivity)
        self._threshold = scaled(THRESHOLD, self._sensitivity)
        self._forms: dict[str, Form] = {}
        self._index = -1

    def update(
        self, deployment: str, state: Mapping[str, Any], at: At | None = None
    ) -> Signal | None:
        """Take a state and the name of what wrote it; say where its form differs from before."""
        self._index += 1
        name = key_text(deployment)
        form = self._form(name, at)
        form.add(state)
        before = self._forms.get(form.follows)
        if form.told or before is None:
            return None
        if before.states < LEAST_BEFORE or not LEAST_AFTER <= form.states <= MOST_AFTER:
            return None
        found = sorted(self._differences(before, form), key=lambda one: (-one.score, one.path))
        return self._signal(name, form, found, at) if found else None

    def _form(self, name: str, at: At | None) -> Form:
        if name not in self._forms:
            follows = next(reversed(self._forms), "")
            while len(self._forms) >= MOST_DEPLOYMENTS:
                del self._forms[next(iter(self._forms))]
            self._forms[name] = Form(follows=follows, since=self._index, since_at=times.kept(at))
        return self._forms[name]

    def _differences(self, before: Form, form: Form) -> Iterator[_Difference]:
        data = before.data() | form.data()
        for path in before.paths | form.paths:
            if parent_of(path) in data:
                continue
            was, now = before.shares(path), form.shares(path)
            score = _unlikely(was, now)
            if score > self._threshold and _most(was) != _most(now):
                yield _Difference(path, _most(was), _most(now), score)

    def _signal(self, name: str, form: Form, found: list[_Difference], at: At | None) -> Signal:
        form.told = True
        named = "; ".join(_words(one) for one in found[:_NAMED])
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return Signal(
            kind=SignalKind.DEPLOYMENT,
            metric="deployment",
            onset=form.since,
            index=self._index,
            score=found[0].score,
            threshold=self._threshold,
            onset_at=form.since_at,
            at=times.kept(at),
            evidence=Evidence(
                words=f"{name} writes other states than {form.follows}: {named}{more}",
                baseline_n=self._forms[form.follows].states,
                window=(form.since, self._index),
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types; paths, and no values."""
        return {
            "sensitivity": self._sensitivity,
            "index": self._index,
            "forms": {name: form.to_dict() for name, form in self._forms.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls(sensitivity=values["sensitivity"])
        made._index = values["index"]
        made._forms = {name: Form.from_dict(one) for name, one in values["forms"].items()}
        return made


def _unlikely(was: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Return the logarithm of how much better the later shares fit than the earlier ones."""
    before, after = sum(was.values()), sum(now.values())
    if before < LEAST_BEFORE or after < LEAST_AFTER:
        return 0.0
    kinds = len(now.keys() | was.keys())
    fit = sum(
        count * log(count / after * (before + kinds * _PRIOR) / (was.get(kind, 0) + _PRIOR))
        for kind, count in now.items()
        if count
    )
    return fit - log(after + 1) * (kinds - 1)


def _most(shares: Mapping[str, int]) -> str:
    return max(sorted(shares), key=lambda kind: shares[kind], default=MISSING)


def _words(one: _Difference) -> str:
    name = one.path or "the state"
    if one.now == MISSING:
        return f"{name} is missing"
    if one.was == MISSING:
        return f"{name} is new ({one.now})"
    return f"{name} is {one.now} instead of {one.was}"
