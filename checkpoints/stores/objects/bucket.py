"""The objects under one prefix of a bucket: got, created, replaced, listed and deleted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from checkpoints.errors import PermanentStoreError, TransientStoreError
from checkpoints.stores.objects import reaching
from checkpoints.stores.objects.errors import is_missing_bucket, misconfigured, translated
from checkpoints.stores.urls import StoreUrl

try:
    import obstore
    from obstore import exceptions as refusals
    from obstore import store as services
except ImportError as error:
    raise PermanentStoreError(
        "a store in a bucket needs obstore; install it with: pip install 'holdfast[s3]'"
    ) from error

T = TypeVar("T")
AT_ONCE = 16
"""Requests that one store has under way at a time."""
REQUEST_SECONDS = 30
"""How long one request may take where the URL says nothing else, its body included."""
_CONNECT_SECONDS = 5
_RETRIES = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
_LOST = (refusals.AlreadyExistsError, refusals.PreconditionError)
_KNOWN = (refusals.BaseError, OSError, ValueError)


class Listed(NamedTuple):
    """An object as a listing names it; ``etag`` differs for every content, or is empty."""

    key: str
    etag: str


class Version(NamedTuple):
    """Which content of an object was read or written, to replace that one alone."""

    etag: str | None
    number: str | None


class _Owner:
    """The process that this library's threads run in; they are missing in its forked children."""

    def __init__(self) -> None:
        self._process: int | None = None

    def check(self) -> None:
        """Raise in a child of the process that sent the first request: it would wait for ever."""
        self._process = self._process or os.getpid()
        if self._process != os.getpid():
            raise PermanentStoreError(
                "this process was forked from one that had already spoken with an object store, "
                "which cannot work; nothing was changed. Start it with spawn instead of fork, or "
                "open the store only after the fork"
            )


_owner = _Owner()


class Bucket:
    """Reads and writes whole objects. Raises StoreError, never one of the library's own errors."""

    def __init__(self, url: StoreUrl, shown: str) -> None:
        self.url = shown
        self._parsed = url
        self._service: Any = None
        self._pool: ThreadPoolExecutor | None = None

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """Return an object and its version, None when there is none."""

        def found() -> tuple[bytes, Version]:
            result = obstore.get(self._opened(), key)
            meta = result.meta
            return bytes(result.bytes()), Version(meta["e_tag"], meta["version"])

        return self._do(found, missing=None)

    def data(self, key: str) -> bytes | None:
        """Return an object's bytes, None when there is none."""
        found = self.get(key)
        return found[0] if found else None

    def contents(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of several objects, got at once."""
        return self.at_once(self.data, keys)

    def create(self, key: str, data: bytes) -> Version | None:
        """Write an object that is not there yet; None when it is."""
        return self._put(key, data, "create")

    def replace(self, key: str, data: bytes, version: Version) -> Version | None:
        """Write an object over the version that was read; None when it is another by now."""
        given = {"e_tag": version.etag, "version": version.number}
        return self._put(key, data, {k: v for k, v in given.items() if v is not None})

    def put(self, key: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        self._put(key, data, "overwrite")

    def listed(self, prefix: str, *, after: str | None = None) -> Iterator[Listed]:
        """Yield the objects whose keys begin with a prefix that ends in a slash, by key.

        With ``after`` only those whose keys come behind it.
        """
        stream: Any = self._do(
            lambda: obstore.list(self._opened(), prefix, offset=after), missing=None
        )
        while True:
            batch: Any = self._do(lambda: next(stream, ()), missing=())
            if not batch:
                return
            for meta in batch:
                yield Listed(meta["path"], meta["e_tag"] or "")

    def taken(self, prefix: str | None = None) -> int:
        """Return the bytes of all objects, or of those whose keys begin with a prefix."""
        stream: Any = self._do(lambda: obstore.list(self._opened(), prefix), missing=None)
        size = 0
        while True:
            batch: Any = self._do(lambda: next(stream, ()), missing=())
            if not batch:
                return size
            size += sum(meta["size"] for meta in batch)

    def folders(self, prefix: str) -> list[str]:
        """Return the prefixes, each with a slash at its end, one step below one that has it too."""
        found: Any = self._do(
            lambda: obstore.list_with_delimiter(self._opened(), prefix), missing=None
        )
        return [f"{path.rstrip('/')}/" for path in found["common_prefixes"]]

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error."""
        if keys:
            self._do(lambda: obstore.delete(self._opened(), list(keys)), missing=None)

    def at_once(self, work: Callable[[Any], T], values: Iterable[Any]) -> list[T]:
        """Do the same with several values at a time; return the results in their order.

        Whoever hears of an error may clean up after it: nothing is under way any more by then.
        """
        given = list(values)
        if len(given) < 2:
            return [work(value) for value in given]
        _owner.check()
        begun = [self._threads().submit(work, value) for value in given]
        wait(begun, return_when=FIRST_EXCEPTION)
        for one in begun:
            one.cancel()
        wait(begun)
        return [one.result() for one in begun]

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Begin something beside what the caller does; ``result()`` waits for it."""
        _owner.check()
        return self._threads().submit(work)

    def close(self) -> None:
        """Let go of connections and threads, once what they are sending has arrived."""
        pool, self._pool, self._service = self._pool, None, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _put(self, key: str, data: bytes, mode: Any) -> Version | None:
        def written() -> Version:
            result = obstore.put(self._opened(), key, data, mode=mode, use_multipart=False)
            return Version(result["e_tag"], result["version"])

        try:
            return self._do(written, missing=None)
        except _Refused:
            return None

    def _do(self, request: Callable[[], T], *, missing: T | None) -> T:
        """Carry out a request; ``missing`` is the answer where there is no such object."""
        _owner.check()
        try:
            return request()
        except _LOST as error:
            raise _Refused from error
        except FileNotFoundError as error:
            if is_missing_bucket(error):
                raise translated(self.url, error) from error
            return cast(T, missing)
        except _KNOWN as error:
            raise translated(self.url, error) from error

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="holdfast-objects")
        return self._pool

    def _opened(self) -> Any:
        if self._service is None:
            try:
                self._service = _service(self._parsed)
            except _KNOWN as error:
                raise misconfigured(self.url, error) from error
        return self._service


def seconds_of(url: StoreUrl) -> int:
    """Return how long one request may take. Raises PermanentStoreError."""
    given = url.query.get("timeout", str(REQUEST_SECONDS))
    if not (given.isascii() and given.isdecimal() and 0 < int(given) <= 3600):
        raise PermanentStoreError(
            f"timeout={given!r} must be a number of seconds from 1 to 3600: ?timeout=30. Nothing "
            "was opened"
        )
    return int(given)


class _Refused(TransientStoreError):
    """A condition did not hold. Never leaves this module."""


def _service(url: StoreUrl) -> Any:
    """Return the library's store for a URL.

    Credentials come from the environment alone, or for somebody else from what they gave.
    """
    prefix = url.server_path or None
    seconds = seconds_of(url)
    client = {"connect_timeout": f"{min(seconds, _CONNECT_SECONDS)}s", "timeout": f"{seconds}s"}
    options: dict[str, Any] = {"client_options": client, "retry_config": _RETRIES}
    if url.reach is not None and not url.reach.as_itself:
        options |= reaching.options(url.scheme, url.query, url.reach)
    if url.scheme == "gs":
        return services.GCSStore(url.server, prefix=prefix, **options)
    if url.scheme == "az":
        return services.AzureStore(url.server, prefix=prefix, **options)
    endpoint = url.query.get("endpoint")
    if endpoint is not None:
        options.setdefault("endpoint", endpoint)
        if urlsplit(endpoint).scheme == "http":
            options["client_options"]["allow_http"] = True
    if "region" in url.query:
        options["region"] = url.query["region"]
    elif not any(name in os.environ for name in ("AWS_REGION", "AWS_DEFAULT_REGION")):
        options["region"] = "us-east-1"
    return services.S3Store(url.server, prefix=prefix, **options)
