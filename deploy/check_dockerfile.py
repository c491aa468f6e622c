"""Build and start the Dockerfile's image without a container engine, as root on Debian.

Each stage is a copy of a Debian root (made by debootstrap, with Debian's Python in the place of the
official image's); each instruction is carried out in it by chroot. Then web and worker are started
as the image's user, and its health check must pass.

    python3 deploy/check_dockerfile.py [--base ROOT] [--keep]
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = "ca-certificates,python3,python3-venv,python3-pip"
BASE_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
FROM_HOST = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
SETTINGS = {
    "HOLDFAST_ALLOWED_HOSTS": "localhost",
    "HOLDFAST_SECRET_KEY": secrets.token_urlsafe(48),
}
READY_WITHIN_SECONDS = 60.0
WITHOUT_EFFECT = ("ARG", "EXPOSE", "LABEL", "VOLUME")


@dataclass(slots=True)
class Stage:
    """One FROM and what came of it: a root folder and the image's configuration."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    user: str = "root"
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def argv(self, command: list[str]) -> list[str]:
        """Return the command line that runs ``command`` in this stage."""
        moved = f"cd {shlex.quote(self.workdir)} && exec {shlex.join(command)}"
        user = ["--userspec", f"{self.user}:{self.user}"] if self.user != "root" else []
        return ["/usr/sbin/chroot", *user, str(self.root), "/bin/sh", "-c", moved]

    def run(self, command: list[str], *, env: dict[str, str]) -> int:
        """Run ``command`` to its end and return its exit code."""
        return subprocess.run(self.argv(command), env={**env, **self.env}, check=False).returncode


def make_base(root: Path) -> None:
    """Make a small Debian with Python at ``root``."""
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for name in ("python", "pip"):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{name}3")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions; it has no continued lines."""
    lines = [line.strip() for line in dockerfile.read_text().splitlines()]
    split = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(keyword.upper(), rest) for keyword, rest in split]


def build(base: Path, scratch: Path) -> Stage:
    """Carry the Dockerfile out and return its last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(root=base)
    for number, (keyword, rest) in enumerate(instructions(ROOT / "Dockerfile")):
        print(f"{keyword} {rest[:110]}", flush=True)
        if keyword == "FROM":
            stage = Stage(root=scratch / f"stage-{number}")
            subprocess.run(["cp", "--archive", str(base), str(stage.root)], check=True)
            prepare(stage)
            stages[rest.rpartition(" AS ")[2]] = stage
        else:
            carry_out(stage, keyword, rest, stages)
    return stage


def prepare(stage: Stage) -> None:
    """Give the root what an engine gives it: names, certificates and devices."""
    for path in filter(os.path.exists, FROM_HOST):
        shutil.copy(path, stage.root / path.lstrip("/"))
    for place in shlex.split(os.environ.get("PIP_FIND_LINKS", "")):
        (stage.root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)


def carry_out(stage: Stage, keyword: str, rest: str, stages: dict[str, Stage]) -> None:
    """Apply one instruction to ``stage``. Exits when it fails or is not known."""
    if keyword == "COPY":
        copy(stage, rest, stages)
    elif keyword in APPLY:
        APPLY[keyword](stage, rest)
    elif keyword not in WITHOUT_EFFECT:
        sys.exit(f"not understood: {keyword} {rest}")


def run_in(stage: Stage, rest: str) -> None:
    """RUN: exits when the command fails."""
    if stage.run(["/bin/sh", "-c", rest], env=pip_environment()):
        sys.exit(f"failed: RUN {rest}")


def set_env(stage: Stage, rest: str) -> None:
    """ENV: adds to the stage's environment."""
    stage.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))


def set_workdir(stage: Stage, rest: str) -> None:
    """WORKDIR: the folder is made when it is not there."""
    stage.workdir = rest
    (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)


APPLY: dict[str, Callable[[Stage, str], None]] = {
    "RUN": run_in,
    "ENV": set_env,
    "WORKDIR": set_workdir,
    "USER": lambda stage, rest: setattr(stage, "user", rest),
    "ENTRYPOINT": lambda stage, rest: setattr(stage, "entrypoint", json.loads(rest)),
    "CMD": lambda stage, rest: setattr(stage, "command", json.loads(rest)),
    "HEALTHCHECK": lambda stage, rest: setattr(
        stage, "health", json.loads(rest.partition(" CMD ")[2])
    ),
}


def copy(stage: Stage, rest: str, stages: dict[str, Stage]) -> None:
    """Copy from the build context, or from an earlier stage."""
    words = shlex.split(rest)
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *names, target = words
    place = stage.root / str(Path(stage.workdir) / target).lstrip("/")
    for name in names:
        origin = source / name.lstrip("/")
        into = place / origin.name if target.endswith("/") else place
        if origin.is_dir():
            shutil.copytree(origin, place, symlinks=True, dirs_exist_ok=True)
        else:
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, into)


def pip_environment() -> dict[str, str]:
    """Return the caller's settings for pip and proxies: an engine's build arguments."""
    wanted = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT")
    return {key: value for key, value in os.environ.items() if key.upper().startswith(wanted)}


def start(stage: Stage, command: list[str]) -> subprocess.Popen[bytes]:
    """Start the image with ``command``, as an engine would."""
    return subprocess.Popen(
        stage.argv([*stage.entrypoint, *command]), env={**SETTINGS, **stage.env}
    )


def check(stage: Stage) -> None:
    """Start web and worker and wait until the health check passes. Exits when it does not."""
    running = [start(stage, stage.command)]
    try:
        wait_until_healthy(stage, {"HEALTH_URL": "http://127.0.0.1:8000/healthz"})
        running.append(start(stage, ["worker"]))
        wait_until_healthy(stage, {})
        print("web and worker run and are ready")
    finally:
        for process in reversed(running):
            process.terminate()
        codes = [process.wait(timeout=30) for process in running]
        print("ended with", codes)


def wait_until_healthy(stage: Stage, env: dict[str, str]) -> None:
    """Repeat the health check until it passes."""
    healthy = Stage(root=stage.root, env=stage.env | env, user=stage.user, workdir=stage.workdir)
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        probe = subprocess.run(
            healthy.argv(stage.health), env=healthy.env, check=False, capture_output=True
        )
        if probe.returncode == 0:
            return
        time.sleep(0.5)
    sys.exit(f"not healthy: {probe.stderr.decode()[-500:]}")


def main() -> None:
    """Build, start, check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="a Debian root with python and pip")
    parser.add_argument("--keep", action="store_true", help="leave the built roots")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="holdfast-image-"))
    try:
        base = arguments.base or scratch / "base"
        if not base.exists():
            make_base(base)
        check(build(base, scratch))
    finally:
        if not arguments.keep:
            shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
