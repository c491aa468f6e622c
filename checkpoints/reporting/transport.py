"""Requests to a dashboard: each within its time, none ever raising."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from checkpoints.reporting.answers import Answer
from checkpoints.reporting.pauses import retry_after_seconds
from checkpoints.reporting.settings import Settings

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES = 1_000_000


def prepare() -> None:
    """Import the HTTP library now, which takes long, so that no save waits for it later."""
    import httpx  # noqa: F401


class Transport:
    """One connection to a dashboard, kept open between requests and used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: httpx.Client | None = None

    def post(self, body: Mapping[str, Any]) -> Answer:
        """Send items."""
        return self._request("POST", "/reports", content=orjson.dumps(body))

    def get_directives(self, query: Mapping[str, str]) -> Answer:
        """Ask what waits for a thread."""
        return self._request("GET", "/directives", params=query)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _request(self, method: str, path: str, **content: Any) -> Answer:
        """Send a request; a token that no header can hold raises a ValueError within."""
        import httpx

        url = self._settings.endpoint + path
        until = time.monotonic() + self._settings.bounds.timeout
        try:
            with self._opened().stream(method, url, **content) as response:
                return _answer(response, _body(response, until))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            self.close()
            what = str(error) or type(error).__name__
            return Answer(problem=f"the dashboard at {url} cannot be reached: {what}")

    def _opened(self) -> httpx.Client:
        import httpx

        if self._client is None:
            headers = {
                "Authorization": f"Bearer {self._settings.token}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
            self._client = httpx.Client(
                timeout=self._settings.bounds.timeout,
                headers=headers,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            )
        return self._client


def _body(response: httpx.Response, until: float) -> bytes:
    """Read an answer, as much of it and as long as is sensible. Raises OSError beyond that.

    It is never decompressed: a few bytes could become more than fits into memory.
    """
    body = b""
    for piece in response.iter_raw():
        body += piece
        if len(body) > MAX_ANSWER_BYTES or time.monotonic() > until:
            raise OSError("its answer did not end")
    return body


def _answer(response: httpx.Response, body: bytes) -> Answer:
    try:
        payload = orjson.loads(body)
    except ValueError:
        payload = None
    return Answer(
        status=response.status_code,
        payload=payload if isinstance(payload, dict) else None,
        retry_after=retry_after_seconds(response.headers.get("Retry-After"), now=datetime.now(UTC)),
    )
