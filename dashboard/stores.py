"""From a source's row to its opened store. Only services may call this."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from django.conf import settings

import checkpoints
from checkpoints.bodies.encryption import Keyring
from checkpoints.stores.reach import Reach
from checkpoints.stores.urls import StoreUrl, absolute_url, parse_url
from checkpoints.trash import StoreTrash
from dashboard.addresses import hosts_of, with_credentials
from dashboard.credentials import NONE, Credentials, unseal
from dashboard.hosts import allowed_addresses
from dashboard.models import Source
from dashboard.unspoken import unspoken

SHOWN_CHARACTERS = 200
_OF_THE_KERNEL = (Path("/proc"), Path("/sys"))


class SourceNotConnected(checkpoints.PermanentStoreError):
    """Agents report about this store, but no operator has said that it may be opened."""


class OutsideRoots(checkpoints.PermanentStoreError):
    """The store lies outside the folders that sources may lie in."""


@contextmanager
def open_source(source: Source) -> Iterator[checkpoints.ReadableStore]:
    """Open a source's store and close it again.

    Raises SourceNotConnected for a store that is only reported about, CredentialsLost,
    OutsideRoots, HostNotAllowed, and what ``checkpoints.open_store`` raises; no error that leaves
    it repeats a password.
    """
    if not source.connected:
        raise SourceNotConnected(
            "Agents only report about this store, so it was not opened. Connect it on the Sources "
            "page first."
        )
    credentials = credentials_of(source)
    with unspoken(credentials):
        store = open_url(source.url, credentials)
        try:
            yield store
        finally:
            store.close()


def credentials_of(source: Source) -> Credentials:
    """Return what opens a source. Raises CredentialsLost."""
    return unseal(bytes(source.credentials), project_id=source.project.pk, url=source.url)


@contextmanager
def open_trash(source: Source) -> Iterator[checkpoints.Trash]:
    """Open the place where what was taken out of another framework's store waits to be swept.

    What comes out of one store is kept apart from what comes out of another.

    Raises StoreError.
    """
    store = checkpoints.open_native_store(settings.HOLDFAST_TRASH_URL)
    try:
        yield StoreTrash(store, source=hashlib.sha256(source.url.encode()).hexdigest())
    finally:
        store.close()


def open_url(url: str, credentials: Credentials = NONE) -> checkpoints.ReadableStore:
    """Open a store that lies where sources may lie; one on disk must exist.

    Raises PermanentStoreError also for a path that the system cannot follow.
    """
    with _followed(url):
        parsed = check_place(url)
        reach = reach_of(parsed, credentials) if parsed.server else None
        keys = Keyring.from_text(credentials.store_keys) if credentials.store_keys else None
        full = with_credentials(url, credentials)
        return checkpoints.open_store(full, must_exist=True, keys=keys, reach=reach)


def check_address(address: str) -> str:
    """Return the path that an address on this machine leads to, if sources may lie there.

    Raises OutsideRoots, PermanentStoreError.
    """
    with _followed(address):
        _, is_url, path = address.partition("://")
        if is_url and not address.startswith("file:"):
            return str(check_place(address).path)
        plain = Path(f"/{unquote(path).lstrip('/')}") if is_url else Path(address).expanduser()
        check_path(plain.absolute())
        return str(plain.absolute())


@contextmanager
def _followed(url: str) -> Iterator[None]:
    """Let an error say why the system cannot follow a path. Raises PermanentStoreError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise checkpoints.PermanentStoreError(f"{_short(url)}: {reason}") from error
    except RuntimeError as error:
        raise checkpoints.PermanentStoreError(
            f"{_short(url)}: its symbolic links lead in a circle"
        ) from error


def reach_of(url: StoreUrl, credentials: Credentials) -> Reach:
    """Return how a server may be come to: at which addresses, and as whom.

    Raises HostNotAllowed, HostUnknown, PermanentStoreError.
    """
    hosts = dict.fromkeys(host.lower() for host, _ in hosts_of(url, credentials))
    return Reach(
        addresses={host: allowed_addresses(host) for host in hosts},
        user=credentials.user,
        password=credentials.password,
        as_itself=settings.HOLDFAST_MACHINE_CREDENTIALS and not credentials.password,
    )


def _short(url: str) -> str:
    return url if len(url) <= SHOWN_CHARACTERS else f"{url[:SHOWN_CHARACTERS]}…"


def check_place(url: str) -> StoreUrl:
    """Return a URL taken apart. Raises OutsideRoots when sources may not lie where it leads.

    Raises PermanentStoreError for a store that lives in the memory of another process.
    """
    parsed = parse_url(absolute_url(url))
    if parsed.scheme == "memory":
        raise checkpoints.PermanentStoreError(
            "A memory store lives inside one process; no other can read it. Let the agent save "
            "into a file to see its states here."
        )
    certificates = parsed.query.get("sslrootcert", "")
    if not parsed.server:
        check_path(parsed.path)
    elif certificates not in ("", "system"):
        check_path(Path(certificates))
    return parsed


def check_path(path: Path) -> None:
    """Raise OutsideRoots for a path outside the folders that sources may lie in.

    What the kernel makes up as it is read is never one: there every process shows itself.
    """
    if any(path.resolve().is_relative_to(folder) for folder in _OF_THE_KERNEL):
        raise OutsideRoots(f"{path} is no file that is kept on a disk; it was not opened.")
    roots = tuple(root.resolve() for root in settings.HOLDFAST_SOURCE_ROOTS)
    if roots and not any(path.resolve().is_relative_to(root) for root in roots):
        raise OutsideRoots(
            f"{path} lies outside the folders that sources may lie in; it was not opened. An "
            "administrator can add its folder to HOLDFAST_SOURCE_ROOTS."
        )
