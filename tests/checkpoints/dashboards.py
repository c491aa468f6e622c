"""Real HTTP servers that take reports as a dashboard does, or misbehave as one can."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

WAIT_SECONDS = 20.0


class Dashboard(ThreadingHTTPServer):
    """Keeps each item once, by its id. ``answers`` come first, one per request:

    a status; a pair of a status and its Retry-After; "hang" for no answer until ``let_go``;
    "cut" to take the items and drop the connection; "dribble" to take them and never end the
    answer; "page" for a page that is no API; a function that answers by itself.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answers: list[Any] = []
        self.always: Any = None
        self.items: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.asked: list[tuple[float, str, str]] = []
        self.directives: list[dict[str, Any]] = []
        self.unfit: Callable[[dict[str, Any]], bool] = lambda item: False
        self.breaks: Callable[[dict[str, Any]], bool] = lambda item: False
        self.refuses: Callable[[dict[str, Any]], bool] = lambda item: False
        self.most = 500
        self.let_go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in list(self.items.values()) if item["type"] == kind]

    def take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        items = body["items"]
        if len(items) > self.most:
            return 413, {"detail": "too many"}
        if any(self.breaks(item) for item in items):
            return 500, {"detail": "broken"}
        if any(self.unfit(item) for item in items):
            return 422, {"detail": "items[0]: not fit"}
        self.requests.append(body)
        refused = [{"id": i["id"], "detail": "refused"} for i in items if self.refuses(i)]
        taken = [item for item in items if not self.refuses(item)]
        new = [item for item in taken if item["id"] not in self.items]
        self.items |= {item["id"]: item for item in new}
        return 200, {
            "accepted": len(new),
            "duplicates": len(taken) - len(new),
            "refused": refused,
            "directives": self.directives,
        }


class Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note()
        told = self.server.answers.pop(0) if self.server.answers else self.server.always
        self._misbehave(told, body) if told is not None else self.send(*self.server.take(body))

    def do_GET(self) -> None:
        self._note()
        if self.server.always == "hang":
            self.server.let_go.wait(WAIT_SECONDS)
        elif callable(self.server.always):
            self.server.always(self, {})
            return
        query = parse_qs(urlsplit(self.path).query)
        self.send(200, {"directives": self.server.directives, "asked": query})

    def _note(self) -> None:
        asked = (time.monotonic(), self.path, self.headers["Authorization"])
        self.server.asked.append(asked)

    def _misbehave(self, told: Any, body: dict[str, Any]) -> None:
        if told == "hang":
            self.server.let_go.wait(WAIT_SECONDS)
        elif told == "cut":
            self.server.take(body)
            self.close_connection = True
        elif told == "dribble":
            self.server.take(body)
            self._dribble()
        elif told == "page":
            self.send(200, "<html>")
        elif callable(told):
            told(self, body)
        elif isinstance(told, tuple):
            self.send(told[0], {}, {"Retry-After": told[1]})
        else:
            self.send(told, {"detail": f"told to answer {told}"})

    def _dribble(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.let_go.wait(0.05):
                self.wfile.write(b" ")

    def send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """Answer with a value as JSON, or with bytes as they are."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def a_dashboard(port: int = 0) -> Iterator[Dashboard]:
    """Serve on loopback until the block ends."""
    server = Dashboard(port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.01)
