"""What people type in about drift: for how long, why, how closely."""

from __future__ import annotations

from typing import Final

from django import forms
from django.http import QueryDict

from dashboard import quantities

LONGEST_REASON: Final = 1_000
OWN: Final = "own-"
"""What the fields of the metrics' own sensitivities begin with."""
STEPS: Final = (
    ("0.1", "hardly"),
    ("0.25", "low"),
    ("0.5", "medium"),
    ("0.75", "high"),
    ("0.9", "very high"),
)
"""Sensitivities that can be chosen; by the API and in a terminal any number from 0 to 1."""


class SnoozeForm(forms.Form):
    """For how long an alert is put off."""

    length = forms.CharField(max_length=quantities.LONGEST)

    def clean_length(self) -> object:
        """Return it as a timedelta."""
        try:
            return quantities.age(self.cleaned_data["length"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class EndForm(forms.Form):
    """Why an alert ends."""

    reason = forms.CharField(max_length=LONGEST_REASON)


class TuningForm(forms.Form):
    """How closely an agent is watched."""

    sensitivity = forms.FloatField(min_value=0.0, max_value=1.0)
    enabled = forms.BooleanField(required=False)


def own_sensitivities(query: QueryDict) -> dict[str, float]:
    """Return the metrics that have a sensitivity of their own. Raises ValueError for no number."""
    given = {name.removeprefix(OWN): text for name, text in query.items() if name.startswith(OWN)}
    return {name: float(str(text)) for name, text in given.items() if text}
