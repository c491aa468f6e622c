"""A receiver that is hostile holds no worker up, and no secret of a channel is told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.test import override_settings

from dashboard.services.notifications import targets
from dashboard.services.notifications.sending import send, services, webhooks
from dashboard.services.notifications.sending.answers import Answer, without_secrets
from tests.dashboard.services.notifications.test_services import letter

HERE = override_settings(HOLDFAST_NOTIFICATION_HOSTS=("127.0.0.1",))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
Serve = Callable[[socket.socket, threading.Event], None]


def drips_body(peer: socket.socket, over: threading.Event) -> None:
    peer.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    while not over.wait(0.05):
        peer.sendall(b"x")


def drips_head(peer: socket.socket, over: threading.Event) -> None:
    peer.sendall(HEAD)
    while not over.wait(0.05):
        peer.sendall(b"x")


def floods(peer: socket.socket, over: threading.Event) -> None:
    peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        peer.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def goes_on(peer: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.01):
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def run() -> None:
            try:
                peer, _ = listening.accept()
                with peer:
                    peer.recv(65_536)
                    serve(peer, over)
            except OSError:
                return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
    thread.join(10)


@HERE
@pytest.mark.parametrize("serve", [drips_body, drips_head, floods, goes_on])
@pytest.mark.parametrize("kind", ["webhook", "service"])
def test_a_receiver_that_never_ends_holds_nobody_up(
    kind: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "service":
        pytest.importorskip("apprise")
    monkeypatch.setattr(webhooks, "SECONDS", 1.0)
    monkeypatch.setattr(services, "SECONDS", 1.0)
    monkeypatch.setattr(services, "WHOLE_SECONDS", 10.0)
    with server(serve) as port:
        urls = {"webhook": f"http://127.0.0.1:{port}/x", "service": f"json://127.0.0.1:{port}/x"}
        target = getattr(targets, kind)(urls[kind])
        begun = time.monotonic()
        send(target, letter(), letter().created_at)
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com?token=s3cr3t-query",
        "https://hooks.example.com/?token=s3cr3t-query",
        "https://hooks.example.com/a/s3cr3t-query#f",
        "https://hooks.example.com/%733cr3t-query",
    ],
)
def test_what_a_receiver_says_of_an_address_is_hidden(url: str) -> None:
    target = targets.webhook(url)
    said = f"no {target.url} here, nor s3cr3t-query"
    assert "3cr3t" not in without_secrets(Answer.failed(said), target.secrets).words
