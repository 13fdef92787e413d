"""Debian's packages that a node needs."""

import shutil
from typing import Final

from deploy.cluster.console import ClusterError, run, say

# A program of each, by which it is known to be there.
_BUILD: Final = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}
_NODE: Final = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "nftables": "nft",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "openssl": "openssl",
    "util-linux": "unshare",
}


def missing(*, node: bool) -> list[str]:
    """The packages that are not there, of those that build images and, if asked for, of those that run a node."""
    wanted = _BUILD | _NODE if node else _BUILD
    return [package for package, program in wanted.items() if shutil.which(program) is None]


def can_be_had(packages: list[str]) -> bool:
    """Whether apt-get knows where to get them all, as of now."""
    if shutil.which("apt-get") is None:
        return False
    run("apt-get", "update", "--quiet", check=False)
    return run("apt-get", "install", "--simulate", "--yes", *packages, check=False).returncode == 0


def install(packages: list[str]) -> None:
    """Install packages with apt-get.

    Raises:
        ClusterError: where that cannot be done; the text has the command.
    """
    if not packages:
        return
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    if shutil.which("apt-get") is None:
        raise ClusterError(f"Missing, and no apt-get to bring it: {', '.join(packages)}. Install them first.")
    say(f"Installing Debian's packages: {' '.join(command)}")
    run("apt-get", "update", "--quiet")
    run("env", "DEBIAN_FRONTEND=noninteractive", *command)
