"""Servers are come to only where the settings let sources lie; nothing is sent anywhere else."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import override_settings

from dashboard.hosts import HostNotAllowed, HostUnknown, NotReached, allowed_addresses, reach_out
from dashboard.models import Source, User
from dashboard.services import sources
from dashboard.services.source_tests import look_at
from dashboard.services.sources import SourceRefused

PUBLIC_ONLY = override_settings(HOLDFAST_SOURCE_HOSTS=("public",))
LOOPBACK = (
    "127.0.0.1",
    "127.1",
    "127.0.0.2",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
)
INSIDE = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
)


class Canary:
    """A server on this machine that nobody may come to."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    @property
    def was_met(self) -> bool:
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.socket.close()


@pytest.mark.parametrize("host", [*LOOPBACK, *INSIDE])
def test_what_only_this_machine_or_its_neighbours_reach_is_refused(host: str) -> None:
    with PUBLIC_ONLY, pytest.raises((HostNotAllowed, HostUnknown)):
        allowed_addresses(host)


@pytest.mark.parametrize("scheme", ["postgresql", "redis", "rediss", "s3"])
@pytest.mark.parametrize("host", LOOPBACK)
def test_no_connection_is_made_to_a_form_of_loopback(
    person: User, scheme: str, host: str, canary: Canary
) -> None:
    place = f"{host}:{canary.port}"
    url = f"s3://b/x?endpoint=http://{place}" if scheme == "s3" else f"{scheme}://u:p@{place}/0"

    with PUBLIC_ONLY:
        found = look_at(user=person, address=url)

    assert found.code in ("host_not_allowed", "host_unknown"), found
    assert not canary.was_met


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/db",
        "postgresql://u:p@:5432/db",
        "postgresql://u:p@example.com,127.0.0.1/db",
        "s3://b/x?endpoint=http://u@127.0.0.1:1",
        "s3://b/x?region=a@127.0.0.1%23",
        "az://container/x",
    ],
)
def test_nothing_leads_around_the_check(person: User, url: str) -> None:
    with PUBLIC_ONLY:
        assert not look_at(user=person, address=url).ok


def test_a_name_is_refused_when_one_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch) -> None:
    _stands_for(monkeypatch, "93.184.216.34", "127.0.0.1")

    with PUBLIC_ONLY, pytest.raises(HostNotAllowed, match="HOLDFAST_SOURCE_HOSTS"):
        allowed_addresses("rebinding.example.com")


def test_the_address_that_was_checked_is_the_one_that_is_gone_to(
    person: User, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that says something else the second time is not asked a second time."""
    answers = iter([["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, *args: object, **values: object) -> object:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            asked.append(host)
            return [(socket.AF_INET, 0, 0, "", (at, 0)) for at in next(answers)]
        return real(host, *args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    look_at(user=person, address=f"redis://rebinding.example.com:{canary.port}/0")

    assert canary.was_met
    assert set(asked) == {"rebinding.example.com"}
    assert len(asked) <= 3


@pytest.mark.parametrize(
    ("rules", "host"),
    [
        (("10.0.0.0/8",), "10.1.2.3"),
        (("10.1.2.3",), "10.1.2.3"),
        (("localhost",), "localhost"),
        (("public",), "93.184.216.34"),
        (("169.254.169.254",), "169.254.169.254"),
        (("[fd00::1]",), "[fd00::1]"),
    ],
    ids=["network", "address", "name", "public", "metadata by itself", "six"],
)
def test_what_is_listed_is_allowed(rules: tuple[str, ...], host: str) -> None:
    with override_settings(HOLDFAST_SOURCE_HOSTS=rules):
        assert allowed_addresses(host)


@pytest.mark.parametrize(
    ("rules", "host"),
    [
        (("10.0.0.0/8",), "93.184.216.34"),
        (("0.0.0.0/0", "::/0"), "169.254.169.254"),
        (("fd00::/8",), "[fd00:ec2::254]"),
        ((), "93.184.216.34"),
    ],
    ids=["a list is a list", "metadata in all", "metadata in a network", "nothing"],
)
def test_what_is_not_listed_is_refused(rules: tuple[str, ...], host: str) -> None:
    with override_settings(HOLDFAST_SOURCE_HOSTS=rules), pytest.raises(HostNotAllowed):
        allowed_addresses(host)


def test_a_name_that_is_listed_does_not_open_the_way_to_metadata(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _stands_for(monkeypatch, "169.254.169.254")

    with (
        override_settings(HOLDFAST_SOURCE_HOSTS=("db.example.com",)),
        pytest.raises(HostNotAllowed),
    ):
        allowed_addresses("db.example.com")


def test_a_closed_port_is_said_to_be_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(NotReached, match="refused the connection"):
        reach_out(["127.0.0.1"], port, host="localhost")


def test_a_source_on_a_refused_server_is_not_added(person: User, now: datetime) -> None:
    with PUBLIC_ONLY, pytest.raises(SourceRefused, match="HOLDFAST_SOURCE_HOSTS"):
        sources.add_source(user=person, url="redis://localhost/0", name="", now=now)
    assert not Source.objects.exists()


def _stands_for(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    rows = [(socket.AF_INET, 0, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
