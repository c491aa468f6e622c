"""The API: what programs may ask."""

from __future__ import annotations

from ninja import NinjaAPI

from dashboard.api import pushes, reads, reports
from dashboard.api.bodies import StrictParser
from dashboard.api.problems import handle_errors

api = NinjaAPI(
    title="Holdfast",
    version="1",
    description="Report what agents do and read what the dashboard knows about them.",
    urls_namespace="api",
    parser=StrictParser(),
    docs_url=None,
)
api.add_router("", pushes.router)
api.add_router("", reports.router)
api.add_router("", reads.router)
handle_errors(api)
