"""From what somebody types, a path or an address, to the stores that lie there."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from checkpoints.connectors.describing import NOTHING, what_is_meant, what_lies_at
from checkpoints.errors import PermanentStoreError
from checkpoints.stores import glances
from checkpoints.stores.reach import Reach
from checkpoints.stores.schemes import Scheme, find_scheme, schemes
from checkpoints.stores.urls import StoreUrl, parse_url

FILES_INSIDE = 50
"""Files of a folder that are tried one by one where the folder itself is no store."""
MAX_CHARACTERS = 4000
_SPELLINGS = {"postgres": "postgresql", "postgresql+psycopg": "postgresql"}
_logger = logging.getLogger(__name__)


class NothingRecognised(PermanentStoreError):
    """No kind of store is known by what lies there; says what was looked for and what is there."""


class NothingThere(NothingRecognised):
    """Nothing at all lies at the path; says what has nearly that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A store that may be meant: the URL that opens it, its kind, and by what it is known."""

    url: str
    title: str
    because: str


def detect(address: str, *, reach: Reach | None = None) -> tuple[Candidate, ...]:
    """Return the stores at a path, a ``file://`` path, a store URL or a server, the best first.

    A server is asked, through ``reach`` where that is for somebody else. Nothing is written.
    Raises NothingRecognised, PermanentStoreError for what is no address, and StoreError where a
    server does not answer.
    """
    given = address.strip()
    if not given or len(given) > MAX_CHARACTERS or "\0" in given:
        raise PermanentStoreError("give a path or an address of at most 4,000 characters")
    scheme, is_url, _ = given.partition("://")
    if not is_url or "/" in scheme:
        return _required(Path(given).expanduser())
    url = with_known_spelling(given)
    found = find_scheme(url.partition("://")[0])
    if found is None or not found.is_server:
        return _on_disk(url)
    return _on_server(replace(parse_url(url), reach=reach))


def with_known_spelling(address: str) -> str:
    """Return an address whose scheme is written as Holdfast does: ``postgres://`` is a habit."""
    scheme, separator, rest = address.strip().partition("://")
    name = scheme.lower()
    return f"{_SPELLINGS.get(name, name)}{separator}{rest}" if separator else address.strip()


def url_of(scheme: str, path: Path) -> str:
    """Return the URL of a store of a kind at a path."""
    absolute = os.path.normpath(path.expanduser().absolute()).lstrip("/")
    return f"{scheme}:////{quote(os.fsencode(absolute))}"


def _on_disk(url: str) -> tuple[Candidate, ...]:
    """Return what lies where a URL leads; its own kind is believed unless another one is known."""
    scheme, _, rest = url.partition("://")
    parsed = parse_url(url)
    if scheme == "file" and not glances.is_folder(parsed.path):
        return _required(Path(f"/{unquote(rest.partition('?')[0]).lstrip('/')}"))
    if not parsed.path.parts:
        return (Candidate(url=url, title=parsed.kind.title, because="the address says so"),)
    found = _known_at(parsed.path)
    said = next((one for one in found if _scheme(one) == scheme), None)
    if said is not None:
        return (replace(said, url=url), *(one for one in found if one is not said))
    if not glances.is_there(parsed.path):
        raise _nothing(parsed.path)
    return (*found, Candidate(url=url, title=parsed.kind.title, because="the address says so"))


def _required(path: Path) -> tuple[Candidate, ...]:
    found = _known_at(path) or _inside(path)
    if not found:
        raise _nothing(path)
    return found


def _known_at(path: Path) -> tuple[Candidate, ...]:
    """Return the kinds by which a path is known: Holdfast's own first, they are marked as such."""
    if glances.is_of_system(path) or not glances.is_there(path):
        return ()
    kinds = sorted(_on_disk_kinds(), key=lambda kind: not kind.is_native)
    return tuple(filter(None, (_recognised(kind, path) for kind in kinds)))


def _recognised(kind: Scheme, path: Path) -> Candidate | None:
    because = _asked(kind, "recognise", path)
    if because is None:
        return None
    return Candidate(url=url_of(kind.name, path), title=kind.title, because=because)


def _inside(path: Path) -> tuple[Candidate, ...]:
    """Return the stores among the first files and folders of a folder."""
    inside = (path / name for name in glances.names(path)[:FILES_INSIDE])
    return tuple(
        replace(one, because=f"in this folder, {child.name}: {one.because}")
        for child in inside
        if not child.is_symlink()
        for one in _known_at(child)
    )


def _on_server(url: StoreUrl) -> tuple[Candidate, ...]:
    """Ask every kind of store that such a server may hold; the address's own comes last."""
    own, _, rest = url.text.partition("://")
    others = [kind for kind in schemes().values() if kind.name.endswith(f"+{own}")]
    found: list[Candidate] = []
    failed: list[PermanentStoreError] = []
    for kind in (*others, url.kind):
        try:
            found += _recognised_on(kind, _same_place(url, kind, rest), said=kind is url.kind)
        except PermanentStoreError as error:
            failed.append(error)
    if failed and not found:
        raise failed[0]
    return tuple(found) or _to_be(url)


def _to_be(url: StoreUrl) -> tuple[Candidate, ...]:
    """Return the store that the first save would lay. Raises NothingRecognised."""
    if not url.kind.is_native:
        raise NothingRecognised(_nothing_on_server(url))
    because = "nothing was saved there yet; the first save will lay it"
    return (Candidate(url=url.text, title=url.kind.title, because=because),)


def _recognised_on(kind: Scheme, url: StoreUrl | None, *, said: bool) -> list[Candidate]:
    """Return a server's store of a kind, if it is one.

    A kind that cannot tell is believed where the address has ``said`` it.
    """
    if url is None:
        return []
    ask: Callable[[StoreUrl], str | None] | None = getattr(kind.load(), "recognise_server", None)
    if ask is None:
        because: str | None = "the address says so" if said else None
    else:
        because = ask(url)
    return [Candidate(url=url.text, title=kind.title, because=because)] if because else []


def _same_place(url: StoreUrl, kind: Scheme, rest: str) -> StoreUrl | None:
    """Return the same place as another kind of store, None where that knows not its options."""
    if url.query.keys() - kind.options:
        return None
    return replace(parse_url(f"{kind.name}://{rest}"), reach=url.reach)


def _asked(kind: Scheme, question: str, path: Path) -> str | None:
    """Return a connector's answer about a path; one that is broken knows nothing."""
    try:
        ask = getattr(kind.load(), question, None)
        return ask(path) if ask is not None else None
    except Exception:
        _logger.exception("the connector of %s could not look at a path", kind.name)
        return None


def _on_disk_kinds() -> Iterator[Scheme]:
    return (kind for kind in schemes().values() if not kind.is_server)


def _scheme(candidate: Candidate) -> str:
    return candidate.url.partition("://")[0]


def _nothing(path: Path) -> NothingRecognised:
    shown = os.fspath(path).encode("utf-8", "replace").decode()
    found = what_lies_at(path)
    if found == NOTHING:
        return NothingThere(
            f"{shown}: {found}. {what_is_meant(path)}Nothing was created or changed"
        )
    titles = ", ".join(kind.title for kind in _on_disk_kinds() if kind.name != "memory")
    return NothingRecognised(
        f"{shown}: there is no store here that is known: {found}. Looked for: {titles}. Nothing "
        "was created or changed"
    )


def _nothing_on_server(url: StoreUrl) -> str:
    return (
        f"The server answers, but what lies there is not known as {url.kind.title}. Check the "
        "database's name; nothing was created or changed"
    )
