"""What people type in about drills: an objective, and a rhythm."""

from __future__ import annotations

from datetime import timedelta

from django import forms

from dashboard import quantities

MINUTE = timedelta(minutes=1)


def objective_of(text: str) -> int | None:
    """Return the minutes of an objective as it is typed; ``none`` says that there is none.

    Raises ValueError for what cannot be read.
    """
    if text.strip().lower() == "none":
        return None
    minutes, rest = divmod(quantities.age(text), MINUTE)
    if rest or not minutes:
        raise ValueError("write whole minutes, such as 30min, 2h or 1d")
    return minutes


class DrillScheduleForm(forms.Form):
    """How often a source is drilled."""

    every_hours = forms.IntegerField(label="Every so many hours", min_value=1, max_value=24 * 366)
    per_agent = forms.IntegerField(label="Checkpoints of each agent", min_value=1, max_value=50)
    enabled = forms.BooleanField(label="By itself", required=False)
