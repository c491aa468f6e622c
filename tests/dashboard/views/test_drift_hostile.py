"""What an agent writes into its names stands as text on the pages of drift."""

from __future__ import annotations

import json

import pytest

from dashboard.models import Checkpoint, DriftAlert
from tests.dashboard.people import log_in
from tests.dashboard.services.drift.yard import make_drift_yard

pytestmark = pytest.mark.django_db
MARKUP = "\"><img src=x onerror=alert(1)>'{{7*7}}"


def test_markup_in_names_words_and_reasons_is_text() -> None:
    yard = make_drift_yard()
    alert = yard.drifted()
    told = json.loads(json.dumps(alert.contributions))
    for one in told:
        one["step_name"] = one["signal"]["metric"] = MARKUP
        one["signal"]["evidence"]["words"] = MARKUP
    DriftAlert.objects.update(contributions=told, words=MARKUP, reason=MARKUP, metrics=[MARKUP])
    Checkpoint.objects.update(step_name=MARKUP)
    browser = log_in(yard.user)
    newest = Checkpoint.objects.latest("pk")

    agent = yard.agent().pk
    pages = ("/drift/", f"/drift/{alert.pk}/", f"/drift/tuning/{agent}/")
    for path in (*pages, f"/checkpoints/{newest.pk}/restore/"):
        answer = browser.get(path, {"reason": MARKUP})
        page = answer.content.decode()
        assert answer.status_code == 200, path
        assert "<img src=x" not in page, path
        assert "49" not in page.partition("&lt;img")[2][:60], path
