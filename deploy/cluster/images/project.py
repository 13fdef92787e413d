"""The project's images, as Docker or buildah makes them of the same Dockerfiles."""

import os
import re
import subprocess
from importlib.metadata import version
from typing import Final

from deploy.cluster.console import run, say
from deploy.cluster.folders import PROJECT
from deploy.cluster.images.buildah import Buildah

REPOSITORY: Final = "ghcr.io/chatassistant-dev"
NAMES: Final = ("operator", "chatbot")
_STAGE: Final = re.compile(r"^FROM \S+ AS (\S+)$", re.MULTILINE)


def tag(name: str) -> str:
    """The image's whole name, as the charts have it too."""
    return f"{REPOSITORY}/{name}:{version('chatassistant')}"


def docker_runs() -> bool:
    """Whether a Docker engine answers."""
    try:
        return run("docker", "version", "--format", "{{.Server.Version}}", check=False).returncode == 0
    except FileNotFoundError:
        return False


def with_docker() -> None:
    """Build both, into Docker's own store."""
    for name in NAMES:
        say(f"building {tag(name)}")
        command = ["docker", "build", "--file", f"{name}/Dockerfile", "--tag", tag(name), *arguments(), "."]
        subprocess.run(command, cwd=PROJECT, check=True)


def with_buildah(buildah: Buildah) -> None:
    """Build both on a base of Debian's packages, as no registry of images is needed for that."""
    for name in NAMES:
        say(f"building {tag(name)}")
        dockerfile = PROJECT / name / "Dockerfile"
        buildah.build(dockerfile, PROJECT, tag(name), *arguments())
        # By a name of its own, each stage stays for the next time, and what it replaced goes.
        for stage in _STAGE.findall(dockerfile.read_text(encoding="utf-8")):
            stays = f"localhost/{name}-{stage}:{version('chatassistant')}"
            buildah.build(dockerfile, PROJECT, stays, *arguments(), f"--target={stage}")
    buildah.prune()


def arguments() -> list[str]:
    """What the Dockerfiles are told of this build."""
    told = {
        "VERSION": version("chatassistant"),
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "0"),
    }
    if (PROJECT / ".git").exists():
        told["REVISION"] = run("git", "-C", PROJECT, "rev-parse", "HEAD").stdout.strip()
    return [f"--build-arg={name}={value}" for name, value in told.items()]
