"""Sources as they look, for the description. Each fits its schema."""

from __future__ import annotations

from typing import Any

_ADDRESS = "postgresql://db.example.com/agents"
CREDENTIALS = {"user": "holdfast", "password": "the password of this user"}
NEW_FILE = {"address": "/srv/agents/crawler.sqlite", "name": "crawler"}
NEW_DATABASE = {"address": _ADDRESS, "credentials": CREDENTIALS}
TEST_SOURCE = {"address": _ADDRESS, "credentials": CREDENTIALS}
_RECOGNISED = "its tables checkpoints, checkpoint_blobs and checkpoint_writes are LangGraph's"
_URL = "langgraph+postgresql://db.example.com/agents"
SOURCE_TESTED: dict[str, Any] = {
    "ok": True,
    "code": "",
    "message": "It can be read and restored from.",
    "kind": "langgraph+postgresql",
    "title": "LangGraph on PostgreSQL",
    "url": _URL,
    "threads": 12,
    "steps": [
        {"name": "reached", "ok": True, "said": "db.example.com, port 5432"},
        {"name": "opened", "ok": True, "said": ""},
        {
            "name": "recognised",
            "ok": True,
            "said": f"as LangGraph on PostgreSQL, because {_RECOGNISED}",
        },
        {"name": "readable", "ok": True, "said": "12 threads"},
        {"name": "restorable", "ok": True, "said": ""},
    ],
    "candidates": [
        {"url": _URL, "title": "LangGraph on PostgreSQL", "because": _RECOGNISED},
    ],
}
SOURCE_ADDED: dict[str, Any] = {
    "id": 3,
    "name": "agents",
    "kind": "langgraph+postgresql",
    "url": _URL,
    "project": 1,
    "connected": True,
    "credentials": "kept",
    "health": "unknown",
    "health_message": "",
    "capabilities": {"read": True, "restore": True, "reasons": {}},
    "agents": 0,
    "checkpoints": 0,
    "remaining": None,
    "stored_bytes": 0,
    "is_being_read": True,
    "last_synced_at": None,
    "created_at": "2026-11-21T12:00:00Z",
}
SOURCE_READ = SOURCE_ADDED | {
    "health": "healthy",
    "agents": 2,
    "checkpoints": 1912,
    "stored_bytes": 4_116_480,
    "is_being_read": False,
    "last_synced_at": "2026-11-21T12:00:09Z",
}
SOURCES = {"items": [SOURCE_READ]}
