"""The API: what programs may ask."""

from __future__ import annotations

from ninja import NinjaAPI

api = NinjaAPI(title="Holdfast", version="1", urls_namespace="api", docs_url=None)
