"""What people type in about retention: the rules of a policy, the rhythm of a schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any

from django import forms

import checkpoints
from dashboard import quantities
from dashboard.models.retention import MOST_PERCENT, WEEKDAYS

KINDS = tuple(kind.value for kind in checkpoints.Kind)
NUMBERS = ("newest", "hourly", "daily", "weekly", "monthly")
LARGEST = 10**9
SOME, ALL = "some", "all"
HOURLY, DAILY = "hours", "day"
EARLY = 3 * 60
"""The minute of the day that is proposed."""


class QuantityField(forms.CharField):
    """An age or a size, as people write it; its value is what :mod:`dashboard.quantities` reads."""

    def __init__(self, read: Callable[[str], Any], **options: Any) -> None:
        self.read = read
        widget = forms.TextInput(attrs={"size": 10, "autocomplete": "off"})
        super().__init__(required=False, max_length=quantities.LONGEST, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        """Return the quantity, or None when there is none."""
        text = super().clean(value)
        try:
            return self.read(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(f"This cannot be read: {error}.") from error


def _count(label: str, *, least: int = 1, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=least, max_value=LARGEST, help_text=help_text
    )


class PolicyForm(forms.Form):
    """The rules of a policy; an empty one is not applied."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="Stands beside what it keeps and in the audit log."
    )
    keeps = forms.ChoiceField(
        label="It keeps",
        choices=((SOME, "what the rules below name"), (ALL, "everything, whatever others say")),
        widget=forms.RadioSelect,
        initial=SOME,
    )
    newest = _count("Newest", help_text="the newest of the thread, whatever their kind")
    hourly = _count("Hours", help_text="the newest of each of the last hours that have any")
    daily = _count("Days", help_text="the newest of each of the last days (UTC) that have any")
    weekly = _count("Weeks", help_text="the newest of each of the last weeks that have any")
    monthly = _count("Months", help_text="the newest of each of the last months that have any")
    last_routine = _count("Last routine", least=0)
    last_pre_operation = _count("Last pre-operation", least=0)
    last_recovery = _count("Last recovery", least=0)
    within_routine = QuantityField(quantities.age, label="Routine younger than")
    within_pre_operation = QuantityField(quantities.age, label="Pre-operation younger than")
    within_recovery = QuantityField(quantities.age, label="Recovery younger than")
    max_bytes = QuantityField(
        quantities.size,
        label="At most",
        help_text=(
            "Comes last and overrules the others: the oldest go until what is stored of the thread "
            "fits. Such as 500 MB."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Put the rules together. A policy that keeps some needs one."""
        values = super().clean() or {}
        if values.get("keeps") == SOME and not self.errors and self._rules(values).keeps_all:
            raise forms.ValidationError("Give a rule, or choose to keep everything.")
        return values

    @property
    def policy(self) -> checkpoints.RetentionPolicy:
        """What a valid form says."""
        if self.cleaned_data["keeps"] == ALL:
            return checkpoints.RetentionPolicy()
        return self._rules(self.cleaned_data)

    @staticmethod
    def _rules(values: dict[str, Any]) -> checkpoints.RetentionPolicy:
        def by_kind(name: str) -> dict[checkpoints.Kind, Any]:
            found = {checkpoints.Kind(kind): values.get(f"{name}_{kind}") for kind in KINDS}
            return {kind: value for kind, value in found.items() if value is not None}

        numbers = {name: values.get(name) for name in (*NUMBERS, "max_bytes")}
        return checkpoints.RetentionPolicy(
            last=by_kind("last"), within=by_kind("within"), **numbers
        )


def policy_values(policy: checkpoints.RetentionPolicy, name: str) -> dict[str, Any]:
    """Return a policy as the form shows it."""
    return {
        "name": name,
        "keeps": ALL if policy.keeps_all else SOME,
        **{number: getattr(policy, number) for number in NUMBERS},
        **{f"last_{kind}": count for kind, count in policy.last.items()},
        **{f"within_{kind}": quantities.shown_age(age) for kind, age in policy.within.items()},
        "max_bytes": quantities.shown_size(policy.max_bytes) if policy.max_bytes else "",
    }


class ScheduleForm(forms.Form):
    """When a schedule runs, and how much it may remove by itself."""

    name = forms.CharField(label="Name", max_length=100)
    rhythm = forms.ChoiceField(
        label="It runs",
        choices=((DAILY, "at a time of the day"), (HOURLY, "every so many hours")),
        widget=forms.RadioSelect,
        initial=DAILY,
    )
    at = forms.TimeField(
        label="Time (UTC)",
        required=False,
        initial=time(*divmod(EARLY, 60)),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    weekday = forms.TypedChoiceField(
        label="On",
        required=False,
        coerce=int,
        empty_value=None,
        choices=(("", "every day"), *enumerate(WEEKDAYS)),
    )
    every_hours = _count("Hours between two runs")
    most_percent = forms.IntegerField(
        label="By itself at most, in percent",
        min_value=1,
        max_value=100,
        initial=MOST_PERCENT,
        help_text=(
            "Of a source's checkpoints. A run that would remove more waits until a person has "
            "looked at it."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Require what belongs to the rhythm that was chosen."""
        values = super().clean() or {}
        if values.get("rhythm") == HOURLY and values.get("every_hours") is None:
            self.add_error("every_hours", "Say how many hours lie between two runs.")
        if values.get("rhythm") == DAILY and values.get("at") is None:
            self.add_error("at", "Say at what time it runs.")
        return values

    @property
    def wanted(self) -> dict[str, Any]:
        """What a valid form says, as a schedule keeps it."""
        values = self.cleaned_data
        shared = {"name": values["name"], "most_percent": values["most_percent"]}
        if values["rhythm"] == HOURLY:
            return {**shared, "every_hours": values["every_hours"]}
        at: time = values["at"]
        return {**shared, "minute_of_day": at.hour * 60 + at.minute, "weekday": values["weekday"]}


def schedule_values(schedule: Any) -> dict[str, Any]:
    """Return a schedule as the form shows it."""
    minute = EARLY if schedule.minute_of_day is None else schedule.minute_of_day
    return {
        "name": schedule.name,
        "rhythm": HOURLY if schedule.every_hours is not None else DAILY,
        "at": time(*divmod(minute, 60)),
        "weekday": "" if schedule.weekday is None else schedule.weekday,
        "every_hours": schedule.every_hours,
        "most_percent": schedule.most_percent,
    }
