"""Which servers may be come to: asked before anything is sent, of each address of each name.

``HOLDFAST_SOURCE_HOSTS`` says it of sources, ``HOLDFAST_NOTIFICATION_HOSTS`` of where messages go.
A list has names, addresses and networks; ``public`` stands for every address
that anybody on the internet may reach. What only this machine or its neighbours can reach is
refused unless it is listed, because they trust this machine more than they trust who adds sources
or channels.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass

from django.conf import settings

import checkpoints
from checkpoints.stores.reach import CONNECT_SECONDS

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PUBLIC = "public"
METADATA = frozenset(
    {ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")}
)
"""Where clouds hand out a machine's own credentials, besides the addresses of the link."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
AT_MOST = 8
"""Addresses of one name that are tried."""


class HostNotAllowed(checkpoints.PermanentStoreError):
    """The settings do not let sources lie on this server; nothing was sent to it."""


class HostUnknown(checkpoints.TransientStoreError):
    """No name server knows the host, or none answered."""


class NotReached(checkpoints.TransientStoreError):
    """Nothing takes connections there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What servers are come to for: the setting that lists them, and how a refusal begins."""

    setting: str
    refusal: str


SOURCES = Purpose(setting="HOLDFAST_SOURCE_HOSTS", refusal="Sources may not lie on")
NOTIFICATIONS = Purpose(
    setting="HOLDFAST_NOTIFICATION_HOSTS", refusal="Messages may not be sent to"
)


def allowed_addresses(
    host: str, purpose: Purpose = SOURCES, *, by_name: bool = False
) -> tuple[str, ...]:
    """Return the addresses of a host to which a connection may go.

    With ``by_name`` it is not enough that the host is public: it must be listed itself. Raises
    HostUnknown, and HostNotAllowed where one of them may not be gone to.
    """
    name = host.strip("[]").rstrip(".").lower()
    found = _looked_up(name, host)
    rules = [rule for rule in getattr(settings, purpose.setting) if not by_name or rule != PUBLIC]
    refused = next((address for address in found if not _is_allowed(name, address, rules)), None)
    if refused is not None:
        raise HostNotAllowed(_refusal(host, str(refused), purpose))
    return tuple(map(str, found[:AT_MOST]))


def reach_out(addresses: Iterable[str], port: int, *, host: str) -> None:
    """Connect to the first address that takes a connection, and hang up. Raises NotReached."""
    reasons: list[str] = []
    for address in addresses:
        try:
            socket.create_connection((address, port), timeout=CONNECT_SECONDS).close()
        except TimeoutError:
            reasons.append(f"did not answer within {CONNECT_SECONDS} seconds")
        except ConnectionRefusedError:
            reasons.append("refused the connection: nothing listens there")
        except OSError as error:
            reasons.append(f"cannot be reached ({error.strerror or type(error).__name__})")
        else:
            return
    raise NotReached(
        f"{host}, port {port}, {reasons[0] if reasons else 'has no address'}. Check host, port and "
        "firewall; nothing was changed"
    )


def _looked_up(name: str, host: str) -> list[Address]:
    if not name or not name.isprintable() or len(name) > 253:
        raise HostNotAllowed("The address names no host; nothing was sent")
    pool = ThreadPoolExecutor(1)
    try:
        found = pool.submit(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM).result(
            CONNECT_SECONDS
        )
    except TookTooLong:
        raise HostUnknown(
            f"{host}: the name server did not answer within {CONNECT_SECONDS} seconds; try again"
        ) from None
    except (OSError, UnicodeError):
        raise HostUnknown(f"{host}: no host has this name; check its spelling") from None
    finally:
        pool.shutdown(wait=False)
    return list(
        dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found)
    )


def _is_allowed(name: str, address: Address, rules: Iterable[str]) -> bool:
    """Say whether a rule lets an address be come to that a name stands for."""
    meant = _meant(address)
    careful = any(map(_needs_own_rule, meant))
    for rule in rules:
        if rule == PUBLIC:
            if all(map(_is_public, meant)):
                return True
        elif (network := _network(rule)) is not None:
            narrow = network.is_link_local or network.num_addresses == 1
            if all(_lies_in(one, network) for one in meant) and (narrow or not careful):
                return True
        elif rule.rstrip(".").lower() == name and not careful:
            return True
    return False


def _meant(address: Address) -> tuple[Address, ...]:
    """Return the address, or the ones that its packets go to where it carries another."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    return (address, *_carried(address))


def _carried(address: ipaddress.IPv6Address) -> Iterator[Address]:
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _lies_in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and address not in METADATA
    )


def _needs_own_rule(address: Address) -> bool:
    """Say whether an address must be listed by itself: a wide network lets it in unnoticed."""
    return address.is_link_local or address in METADATA


def _network(rule: str) -> Network | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_network(rule.strip("[]"))
    return None


def _refusal(host: str, address: str, purpose: Purpose) -> str:
    at = "" if host.strip("[]") == address else f" ({address})"
    return (
        f"{purpose.refusal} {host}{at}; nothing was sent to it. An administrator can add it "
        f"to {purpose.setting}"
    )
