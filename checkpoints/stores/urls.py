"""Store URLs: three slashes and a relative path, four for an absolute one, two for a server."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import PermanentStoreError
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.reach import Reach
from checkpoints.stores.schemes import Scheme, find_scheme, schemes

MAX_OPTION = 20
KEYS_VARIABLE = "HOLDFAST_STORE_KEYS"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """A store URL taken apart.

    ``path`` is that of a store on disk, empty for all others. ``server`` is what stands between
    the slashes of the others, credentials included; ``text`` has those too, so neither is in the
    ``repr``. ``keys`` encrypt and decrypt, for stores that can. ``reach`` is set where a process
    opens a server's store for somebody else.
    """

    text: str = field(repr=False)
    scheme: str
    path: Path
    query: dict[str, str] = field(default_factory=dict)
    server: str = field(default="", repr=False)
    server_path: str = ""
    keys: Keyring | None = None
    reach: Reach | None = None

    @property
    def kind(self) -> Scheme:
        """What kind of store the URL is of."""
        return _kind(self.scheme)

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without password, and for somebody else without user."""
        text = without_password(self.text)
        if self.reach is None:
            return text
        parts = urlsplit(text)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def parse_url(url: str) -> StoreUrl:
    """Take a store URL apart. Raises PermanentStoreError and says what is wrong with it."""
    parts = _split(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = query.keys() - _kind(parts.scheme).options
    if unknown:
        raise PermanentStoreError(
            f"{_shown(url).partition('?')[0]!r} has an option that is not known: "
            f"{_option_shown(min(unknown))}"
        )
    if _kind(parts.scheme).is_server:
        return _of_server(url, parts, query)
    if parts.netloc:
        place = urlsplit(_shown(url)).netloc
        raise PermanentStoreError(
            f"{_shown(url)!r} has {place!r} where a host would stand; write "
            f"{parts.scheme}:///{place}{parts.path} for a relative path, "
            f"{parts.scheme}:////path for an absolute one"
        )
    path = Path(unquote(parts.path[1:])) if parts.path[1:] else Path()
    if "\0" in str(path):
        raise PermanentStoreError("a store URL must not hold a NUL character")
    return StoreUrl(text=url, scheme=parts.scheme, path=path, query=query)


def _kind(scheme: str) -> Scheme:
    found = find_scheme(scheme)
    if found is None:
        raise PermanentStoreError(f"{scheme}:// is not a kind of store")
    return found


def _option_shown(name: str) -> str:
    """Return an option's name; what is none may be a part of a password."""
    return name if name.isidentifier() and len(name) <= MAX_OPTION else "it is not a name"


def _split(url: str) -> SplitResult:
    if not url.isprintable():
        raise PermanentStoreError(f"{_shown(url)!r} holds control characters; write them as %0A")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PermanentStoreError(f"{_shown(url)!r} is not a store URL: {error}") from error
    known = find_scheme(parts.scheme) is not None
    if not known or not url.lower().startswith(f"{parts.scheme}://"):
        beginnings = (f"{s.name}://{'' if s.is_server else '/'}" for s in schemes().values())
        raise PermanentStoreError(
            f"{_shown(url)!r} is not a store URL; it must begin with one of {', '.join(beginnings)}"
        )
    if parts.fragment:
        raise PermanentStoreError(f"{_shown(url)!r} has a '#'; write %23 for one in a path")
    return parts


def _of_server(url: str, parts: SplitResult, query: dict[str, str]) -> StoreUrl:
    if not parts.netloc.rpartition("@")[2]:
        place = "bucket" if _kind(parts.scheme).is_bucket else "host"
        example = f"{parts.scheme}://{place}/name"
        raise PermanentStoreError(
            f"{without_password(url)!r} names no host or bucket; write {example}"
        )
    return StoreUrl(
        text=url,
        scheme=parts.scheme,
        path=Path(),
        query=query,
        server=parts.netloc,
        server_path=unquote(parts.path).strip("/"),
    )


def _shown(url: str) -> str:
    """Return a URL that may be malformed without what looks like a password."""
    return re.sub(r"(?<=://)([^:/@]*):[^/]*@", r"\1@", url)


def without_password(url: str) -> str:
    """Return a URL that may be shown and logged."""
    parts = urlsplit(url)
    credentials, _, host = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    return parts._replace(netloc=f"{user}@{host}" if user else host).geturl()


def open_store(
    url: str,
    *,
    must_exist: bool = False,
    keys: Keyring | None = None,
    reach: Reach | None = None,
) -> ReadableStore:
    """Open the store that ``url`` names. Holdfast's own are created by their first save.

    ``keys`` encrypt what is saved and decrypt what is read; without them those in the variable
    HOLDFAST_STORE_KEYS do, if it is set. ``reach`` is for who opens a server's store for somebody
    else. Raises PermanentStoreError when the URL is malformed, when what lies there is not such a
    store, or when ``must_exist`` and nothing lies there; TransientStoreError when it is busy.
    """
    parsed = replace(parse_url(url), keys=keys or _keys_of_environment(), reach=reach)
    if parsed.path != Path():
        parsed = replace(parsed, path=parsed.path.absolute())
    if must_exist and parsed.path != Path() and not parsed.path.exists():
        raise PermanentStoreError(f"{parsed.path}: there is no store here; nothing was created")
    store: ReadableStore = parsed.kind.load().open_url(parsed)
    return store


def open_native_store(url: str, *, must_exist: bool = False, keys: Keyring | None = None) -> Store:
    """Open a store of Holdfast's own, one that agents save into, as :func:`open_store` does.

    Raises PermanentStoreError for the URL of another framework's store as well.
    """
    store = open_store(url, must_exist=must_exist, keys=keys)
    if not isinstance(store, Store):
        raise PermanentStoreError(
            f"{without_password(url)} is a store that another framework writes; give a store of "
            "Holdfast's own, such as sqlite:///.holdfast/holdfast.db"
        )
    return store


def absolute_url(url: str) -> str:
    """Return the one form of a store's URL that any process can open: absolute and canonical.

    The scheme is in lower case, the path without ``.``, ``..`` and double slashes and quoted anew,
    options are in order, passwords are left out. Symbolic links are not followed. Raises
    PermanentStoreError.
    """
    parsed = parse_url(url)
    options = urlencode(sorted(parsed.query.items()), safe="", quote_via=quote)
    behind = f"?{options}" if options else ""
    if parsed.server:
        host = urlsplit(without_password(url)).netloc
        return f"{parsed.scheme}://{host}/{quote(parsed.server_path)}{behind}"
    if parsed.path == Path():
        return f"{parsed.scheme}://{behind}"
    path = os.path.normpath(f"/{parsed.path.absolute()}").lstrip("/")
    return f"{parsed.scheme}:////{quote(os.fsencode(path))}{behind}"


def _keys_of_environment() -> Keyring | None:
    text = os.environ.get(KEYS_VARIABLE)
    if text is None:
        return None
    if not text.strip():
        raise PermanentStoreError(
            f"{KEYS_VARIABLE} is set and empty, so nothing was opened; unset it to save in the open"
        )
    try:
        return Keyring.from_text(text)
    except PermanentStoreError as error:
        raise PermanentStoreError(f"{KEYS_VARIABLE}: {error}") from error
