"""The Celery app: a way to start work soon, never the record of it.

Messages are hints that carry an id; the database row is the truth. Without a broker URL they are
files in the data folder and the worker needs no server.
"""

from __future__ import annotations

import logging.config
import os
import warnings
from typing import Any

import celery
from celery import signals
from celery.platforms import SecurityWarning
from django.conf import settings
from kombu import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
TRANSPORT_ALIASES["folder"] = "dashboard.broker.transport:Transport"

# It warns of what pickled messages could do; none is ever accepted here.
warnings.filterwarnings("ignore", category=SecurityWarning)

EMBEDDED_URL = "folder://localhost/"
OPERATIONS_QUEUE = "operations"
SCAN_QUEUE = "scan"
QUEUES = (OPERATIONS_QUEUE, SCAN_QUEUE)
SCAN_TASKS = ("sources.*", "drills.*", "storage.*", "notifications.*")
TALKATIVE = ("celery.app.trace", "celery.worker.strategy")
"""They write two lines for each task, and a scan comes every few seconds."""
CONNECT_SECONDS = 2
REDIS_OPTIONS = {"visibility_timeout": 600, "socket_connect_timeout": CONNECT_SECONDS}
"""Ten leases: a broker that redelivers sooner only sends hints that find the work claimed."""


def _configuration() -> dict[str, Any]:
    return {
        "imports": ["dashboard.tasks", "dashboard.rounds"],
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        "task_default_queue": OPERATIONS_QUEUE,
        "task_routes": {name: {"queue": SCAN_QUEUE} for name in SCAN_TASKS},
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1},
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "enable_utc": True,
        **_broker(),
    }


def _broker() -> dict[str, Any]:
    if settings.BROKER_URL:
        return {
            "broker_url": settings.BROKER_URL,
            "broker_transport_options": REDIS_OPTIONS if _is_redis(settings.BROKER_URL) else {},
            "broker_connection_timeout": CONNECT_SECONDS,
            "worker_prefetch_multiplier": 1,
        }
    return {
        "broker_url": EMBEDDED_URL,
        "broker_transport_options": {"folder": str(settings.DATA_DIR / "broker")},
        "worker_pool": "threads",
        "worker_concurrency": 4,
        "worker_prefetch_multiplier": 2,
    }


@signals.setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Log as the web process does; a receiver keeps Celery from setting up its own way."""
    logging.config.dictConfig(settings.LOGGING)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _is_redis(url: str) -> bool:
    return url.startswith(("redis://", "rediss://"))


app = celery.Celery("holdfast", set_as_current=True)
app.add_defaults(_configuration)
