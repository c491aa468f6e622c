"""A Redis database of ours: connecting, running scripts, what its errors mean, what it keeps."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from checkpoints.errors import PermanentStoreError
from checkpoints.identifiers import new_id
from checkpoints.stores.redis import scripts
from checkpoints.stores.urls import StoreUrl, without_password

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import NoPermissionError, NoScriptError, ReadOnlyError, RedisError
    from redis.retry import Retry

    from checkpoints.stores.redis.errors import explained
    from checkpoints.stores.redis.reaching import by_name
except ImportError as error:
    raise PermanentStoreError(
        "a Redis store needs redis-py; install it with: pip install 'holdfast[redis]'"
    ) from error

FORMAT = 1
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
LOG = logging.getLogger("checkpoints.stores")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a store says of itself: its identity, the epoch of its positions, the last of them.

    What happened before the position ``horizon`` is not told completely any more.
    """

    store_id: str
    epoch: int
    position: int
    horizon: int


class RedisServer:
    """The keys of one store in one database, and the only way to them."""

    def __init__(self, url: StoreUrl, prefix: str) -> None:
        self.name = f"{url.scheme}://{urlsplit(url.shown).netloc}/{_database(url)}"
        self.prefix = prefix
        self.wrote = False
        self.known = False
        self._keys = [self._key(name) for name in scripts.KEYS]
        self._run = ""
        self._laid_in: str | None = None
        self._store_id: str | None = None
        self.client = self._client(url)

    def read(self, script: str, *values: Any) -> Any:
        """Run a script that only reads and return its reply."""
        with self._translated():
            return self._evaluate(script, values)

    def write(self, script: str, *values: Any) -> list[Any]:
        """Run a script that writes, in the store that was first met here.

        Raises PermanentStoreError when it was emptied or replaced since, or when its keys hold
        something else.
        """
        with self._translated(writing=True):
            if self._laid_in is None or self._laid_in != self._run:
                self._lay()
            reply = self._evaluate(script, (self._store_id, FORMAT, *values))
        if reply[0] == b"other":
            raise self._replaced()
        if reply[0] == b"wrong":
            raise self._foreign(reply[1])
        self.wrote = True
        return list(reply)

    def standing(self) -> Standing | None:
        """Return what the store says of itself, None while nothing was ever saved here."""
        reply = self.read(scripts.LOOK)
        if reply[0] == b"none":
            return None
        self._require_format(reply)
        self.known = True
        epoch, position, horizon = (int(value or 0) for value in reply[3:6])
        return Standing(store_id=text(reply[2]), epoch=epoch, position=position, horizon=horizon)

    def require_ours(self) -> None:
        """Look once whether what lies here is a store of this format, or nothing."""
        if not self.known:
            self.standing()

    def all_of(self, name: str) -> dict[bytes, bytes]:
        """Return a whole hash, which must be a small one."""
        with self._translated():
            return cast(dict[bytes, bytes], self.client.hgetall(self._key(name)))

    def scan(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the fields of a hash and their values, some of them perhaps twice."""
        cursor, found = self._scanned(name, 0)
        yield from found.items()
        while cursor:
            cursor, found = self._scanned(name, cursor)
            yield from found.items()

    def _scanned(self, name: str, cursor: int) -> tuple[int, dict[bytes, bytes]]:
        with self._translated():
            reply = self.client.hscan(self._key(name), cursor, count=1000)
        return cast(tuple[int, dict[bytes, bytes]], reply)

    def settings(self) -> dict[str, str]:
        """Return the settings that decide what is kept, as far as they may be read.

        ``appendonly`` (yes, no), ``appendfsync`` (always, everysec, no), ``maxmemory-policy``.
        """
        found: dict[str, str] = {}
        with self._translated():
            try:
                for name in ("appendonly", "appendfsync", "maxmemory-policy"):
                    answer: dict[Any, Any] = self.client.config_get(name)
                    found |= {text(key): text(value) for key, value in answer.items()}
            except redis.ResponseError:
                return self._settings_of_info()
        return found

    def taken(self) -> int | None:
        """Return about how many bytes the keys take, None where that may not be asked."""
        with self._translated():
            try:
                asked: list[Any] = [self.client.memory_usage(k, samples=100) for k in self._keys]
                return sum(size or 0 for size in asked)
            except redis.ResponseError:
                return None

    def remove(self) -> None:
        """Delete the whole store, whatever is in it."""
        with self._translated(writing=True):
            self.client.unlink(*self._keys)

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def _settings_of_info(self) -> dict[str, str]:
        """Return what INFO tells of the settings, where CONFIG is forbidden."""
        try:
            memory = self.client.info("memory")
            on = self.client.info("persistence").get("aof_enabled") == 1
        except redis.ResponseError:
            return {}
        found = {"appendonly": "yes" if on else "no"}
        if "maxmemory_policy" in memory:
            found["maxmemory-policy"] = str(memory["maxmemory_policy"])
        return found

    def _client(self, url: StoreUrl) -> redis.Redis:
        parts = _host(url)
        named = parts.hostname or ""
        address = url.reach.addresses_of(named)[0] if url.reach else named
        client = redis.Redis(
            host=address,
            port=parts.port or 6379,
            db=_database(url),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ssl=url.scheme == "rediss",
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=cast(Any, self._connected),
        )
        if url.scheme == "rediss" and address != named:
            by_name(client, named)
        return client

    def _connected(self, connection: Any) -> None:
        """Note which run of the server this is, for another may have lost what this one had."""
        connection.on_connect()
        connection.send_command("INFO", "server")
        try:
            lines = bytes(connection.read_response()).splitlines()
        except NoPermissionError:
            return
        runs = [line for line in lines if line.startswith(b"run_id:")]
        self._run = text(runs[0].partition(b":")[2]) if runs else ""

    def _key(self, name: str) -> str:
        return f"{{{self.prefix}}}:{name}"

    def _evaluate(self, script: str, values: tuple[Any, ...]) -> Any:
        keys = self._keys
        try:
            return self.client.evalsha(_sha1(script), len(keys), *keys, *values)
        except NoScriptError:
            return self.client.eval(script, len(keys), *keys, *values)

    def _lay(self) -> None:
        """Lay the store if nothing is there; note that a later run of the server is at work."""
        if self._laid_in is None:
            self.client.ping()
        run = self._run
        reply = self._evaluate(scripts.LAY, (new_id(), FORMAT, run, self._store_id or ""))
        if reply[0] == b"other":
            raise self._replaced()
        self._require_format(reply)
        store_id = text(reply[2])
        if self._store_id not in (None, store_id):
            raise self._replaced()
        self._store_id, self._laid_in = store_id, run

    def _require_format(self, reply: list[Any]) -> None:
        if reply[0] == b"foreign":
            raise self._foreign(reply[1])
        if text(reply[1]) != str(FORMAT):
            raise PermanentStoreError(
                f"{self._place} has format {text(reply[1])!r}, this version of Holdfast reads "
                f"format {FORMAT}; nothing was changed, another version can open it"
            )

    @property
    def _place(self) -> str:
        return f"the store {self.prefix!r} in {self.name}"

    def _foreign(self, key: bytes) -> PermanentStoreError:
        return PermanentStoreError(
            f"{self.name} holds {text(key)!r}, which is not of a Holdfast store; nothing was "
            "changed, choose another name with ?prefix="
        )

    def _replaced(self) -> PermanentStoreError:
        return PermanentStoreError(
            f"{self._place} was emptied or replaced since it was opened; nothing was saved. Look "
            "for its data before you open it again, which begins anew"
        )

    @contextmanager
    def _translated(self, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            if isinstance(error, ReadOnlyError):
                self.client.connection_pool.disconnect()
            raise explained(self.name, error, wrote=self.wrote, writing=writing) from error


def prefix_of(url: StoreUrl) -> str:
    """Return what the keys of a URL's store begin with. Raises PermanentStoreError."""
    prefix = url.query.get("prefix", "holdfast")
    if not prefix or not prefix.isprintable() or set(prefix) & set("{} "):
        raise PermanentStoreError(
            f"the prefix {prefix!r} must be a word without spaces and braces: ?prefix=holdfast"
        )
    return prefix


def text(value: Any) -> str:
    """Return a reply's bytes as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass")
    return "" if value is None else str(value)


@cache
def _sha1(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _host(url: StoreUrl) -> Any:
    parts = urlsplit(f"{url.scheme}://{url.server}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not parts.hostname or port == -1:
        raise PermanentStoreError(
            f"{without_password(url.text)!r} names no host and port; write redis://host:6379/0"
        )
    return parts


def _database(url: StoreUrl) -> int:
    number = url.server_path or "0"
    if not (number.isascii() and number.isdecimal()):
        raise PermanentStoreError(
            f"{number!r} is not the number of a Redis database; write redis://host:6379/0"
        )
    return int(number)
