"""Probes are answered as carefully as pages."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.test import Client

PROBES = ("/healthz", "/readyz")


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_a_probe_only_reads(path: str, method: str) -> None:
    response = getattr(Client(), method)(path)

    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", PROBES)
def test_a_probe_carries_the_headers_of_pages(db: None, path: str) -> None:
    response = Client().get(path)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in response["Cache-Control"]
