"""Kombu's view of a message folder, for ``broker_url = "folder://"``.

The option ``folder`` says where it lies. Kombu's own filesystem transport lets consumers see
half-written messages and forgets those of a killed worker; this one does neither.
"""

from __future__ import annotations

import json
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual

from dashboard.broker.folder import Claim, MessageFolder

CLAIM_PROPERTY = "claimed_as"


class QoS(virtual.QoS):  # type: ignore[misc]
    """Drops a message's file once its work is done."""

    def ack(self, delivery_tag: str) -> None:
        """Forget a message whose task has ended."""
        self._drop(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002
        """Give a message back, or forget it."""
        if not requeue:
            self._drop(delivery_tag)
        super().reject(delivery_tag, requeue=requeue)

    def _drop(self, delivery_tag: str) -> None:
        message = self._delivered.get(delivery_tag)
        if message is not None:
            self.channel.drop(message)


class Channel(virtual.Channel):  # type: ignore[misc]
    """Publishes to and claims from one message folder."""

    QoS = QoS

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self._folder = MessageFolder(Path(connection.client.transport_options["folder"]))

    def drop(self, message: virtual.Message) -> None:
        """Forget a claimed message."""
        self._folder.drop(_claimed_path(message))

    def close(self) -> None:
        """Give back what was not worked on, then let go of the folder."""
        super().close()
        self._folder.close()

    def _put(self, queue: str, message: dict[str, Any], **_options: Any) -> None:
        self._folder.publish(queue, json.dumps(message).encode())

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        while (claim := self._folder.claim(queue)) is not None:
            message = self._decoded(claim)
            if message is not None:
                return message
            self._folder.set_aside(claim.path)
        raise Empty

    def _decoded(self, claim: Claim) -> dict[str, Any] | None:
        """Return the message, checked the way in which it will be read; ``None`` if it is none."""
        try:
            message: dict[str, Any] = json.loads(claim.content)
            message["properties"][CLAIM_PROPERTY] = str(claim.path)
            self.Message(message, channel=self)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return message

    def _restore(self, message: virtual.Message) -> None:
        self._folder.give_back(_claimed_path(message))

    def _size(self, queue: str) -> int:
        return self._folder.size(queue)

    def _purge(self, queue: str) -> int:
        return self._folder.purge(queue)


class Transport(virtual.Transport):  # type: ignore[misc]
    """A transport without a server."""

    Channel = Channel
    default_port = 0
    polling_interval = 0.1
    driver_type = "folder"
    driver_name = "folder"

    def driver_version(self) -> str:
        """Return the version of the folder's layout."""
        return "1"


def _claimed_path(message: virtual.Message) -> Path:
    return Path(message.properties[CLAIM_PROPERTY])
