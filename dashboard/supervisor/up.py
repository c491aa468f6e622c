"""``holdfast up``: from nothing to a page that answers, and back to nothing on Ctrl-C."""

from __future__ import annotations

import http.client
import os
import sys
from functools import partial

import django

from dashboard.configuration import ConfigurationError, load_configuration
from dashboard.data_folder import prepare_data_dir
from dashboard.supervisor.children import ChildSpec
from dashboard.supervisor.instance import CannotStart, listen, only_one, remember_port
from dashboard.supervisor.programs import demo_command, web_command, worker_command
from dashboard.supervisor.tree import NeverReady, Tree

HOST = "127.0.0.1"
HEALTH_TIMEOUT_SECONDS = 2.0


def up(*, port: int, demo: bool) -> None:
    """Run until a signal comes. Raises CannotStart, with nothing left running."""
    try:
        data_dir = load_configuration().data_dir
        prepare_data_dir(data_dir)
    except ConfigurationError as error:
        raise CannotStart(str(error)) from None
    with only_one(data_dir), listen(HOST, port) as listener:
        chosen: int = listener.getsockname()[1]
        remember_port(data_dir, chosen)
        link = _prepare(chosen)
        tree = Tree(_children(listener.fileno(), demo=demo))
        try:
            tree.run(
                is_ready=partial(_answers, chosen), when_ready=partial(_announce, chosen, link)
            )
        except NeverReady as error:
            raise CannotStart(f"{error}. Everything was stopped again.") from None


def _prepare(port: int) -> str | None:
    """Set Django up for this port and return the path to log in at, if one is needed."""
    os.environ["HOLDFAST_PORT"] = str(port)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from dashboard.supervisor import preparing  # noqa: PLC0415 - its models need the setup

    preparing.prepare()
    return preparing.first_link()


def _children(listener: int, *, demo: bool) -> list[ChildSpec]:
    children = [
        ChildSpec(name="web", command=web_command(bind=f"fd://{listener}"), pass_fds=(listener,)),
        ChildSpec(name="worker", command=worker_command()),
    ]
    command = demo_command() if demo else None
    if command is not None:
        children.insert(0, ChildSpec(name="demo", command=command, may_finish=True, can_wait=True))
    return children


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=HEALTH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _announce(port: int, link: str | None) -> None:
    lines = [f"Holdfast is running at http://{HOST}:{port}"]
    if link is not None:
        lines.append(f"Log in: http://{HOST}:{port}{link}")
    print(*lines, sep="\n", file=sys.stdout, flush=True)  # noqa: T201 - what the operator needs
