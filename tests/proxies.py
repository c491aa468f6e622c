"""A proxy between a store and its server that counts requests and breaks those it is told to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Request(NamedTuple):
    """What a client asked for; ``path`` without the bucket, with the query."""

    method: str
    path: str
    conditional: bool


Rule = Callable[[Request], str | None]
"""Says what to do with a request: None (pass it on), ``drop`` (close without asking the server),
``swallow`` (let the server do it and close without an answer), ``hang`` (never answer),
``unconditional`` (pass it on without its conditions), or a status such as ``503``."""

_CONDITIONS = ("if-match", "if-none-match")


class Proxy:
    """Passes requests on, after asking ``rule`` about each, and remembers them."""

    def __init__(self, server: str) -> None:
        self.server = urlsplit(server).netloc
        self.rule: Rule = lambda _: None
        self.requests: list[Request] = []
        self.url = ""
        self.closed = threading.Event()

    def once(self, fault: str, wanted: Callable[[Request], bool]) -> None:
        """Break the next request that is wanted, and no other."""
        self.times(1, fault, wanted)

    def times(self, count: int, fault: str, wanted: Callable[[Request], bool]) -> None:
        """Break the next few requests that are wanted."""
        left = iter(range(count))
        self.rule = lambda at: fault if wanted(at) and next(left, None) is not None else None


@contextmanager
def proxy_to(server: str) -> Iterator[Proxy]:
    """Give a proxy to a server, on a port of its own."""
    proxy = Proxy(server)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    listening = _Listening(("127.0.0.1", 0), handler)
    proxy.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closed.set()
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _handle(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = dict(self.headers.items())
        conditional = any(name.lower() in _CONDITIONS for name in given)
        request = Request(self.command, _inner(self.path), conditional)
        self.proxy.requests.append(request)
        fault = self.proxy.rule(request)
        if fault in {"drop", "hang"}:
            self.proxy.closed.wait(60 if fault == "hang" else 0)
            return
        if fault is not None and fault.isdecimal():
            self._answer(int(fault), [], b"<Error><Code>SlowDown</Code></Error>")
            return
        if fault == "unconditional":
            given = {n: v for n, v in given.items() if n.lower() not in _CONDITIONS}
        answer = _ask(self.proxy.server, self.command, self.path, data, given)
        if fault != "swallow":
            self._answer(*answer)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        kept = [(n, v) for n, v in headers if n.lower() not in {"connection", "content-length"}]
        length = dict(headers).get("Content-Length") if self.command == "HEAD" else len(body)
        for name, value in [*kept, ("Content-Length", str(length or 0))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815


def _ask(
    server: str, method: str, path: str, data: bytes, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection(server, timeout=60)
    try:
        connection.request(method, path, body=data or None, headers=headers)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()


def _inner(path: str) -> str:
    """Return a path without its bucket."""
    return path.lstrip("/").partition("/")[2] or path.partition("?")[2]
