"""Connecting to an address of a Redis server whose certificate is that of its name."""

from __future__ import annotations

import ssl
from typing import Any

import redis
from redis.connection import SSLConnection


class _ByName(SSLConnection):
    """Goes to an address and expects the certificate of a name."""

    def __init__(self, *, named: str, **values: Any) -> None:
        super().__init__(**values)
        self._named = named

    def _wrap_socket_with_ssl(self, sock: Any) -> ssl.SSLSocket:
        address, self.host = self.host, self._named
        try:
            wrapped: ssl.SSLSocket = super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
        finally:
            self.host = address
        return wrapped


def by_name(client: redis.Redis, named: str) -> None:
    """Let a client that goes to an address expect the certificate of a name."""
    pool = client.connection_pool
    pool.connection_class = _ByName
    pool.connection_kwargs["named"] = named
