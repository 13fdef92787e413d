"""What a machine has to allow before it can hold another one inside."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from deploy.cluster.console import run
from deploy.cluster.folders import STATE
from deploy.cluster.machine.kernel import CGROUPS
from deploy.cluster.packages import can_be_had, missing

_NAMESPACES: Final = ("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--mount-proc")


def obstacle() -> str | None:
    """Why this machine cannot be a whole cluster; None when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "that needs Linux and root"
    packages = missing(node=True)
    if packages and not can_be_had(packages):
        return f"these are missing, and there is no apt-get that could bring them: {', '.join(packages)}"
    if not os.access(CGROUPS, os.W_OK):
        return f"control groups, at {CGROUPS}, cannot be written"
    if run(*_NAMESPACES, "true", check=False).returncode:
        return "the kernel allows no namespaces"
    return (
        None
        if _has_overlays()
        else f"the file system below {STATE.parent} allows no overlays, as images need them"
    )


def _has_overlays() -> bool:
    STATE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=STATE.parent) as folder:
        parts = {each: Path(folder) / each for each in ("lowerdir", "upperdir", "workdir")}
        for part in parts.values():
            part.mkdir()
        options = ",".join(f"{name}={part}" for name, part in parts.items())
        command = ("mount", "-t", "overlay", "overlay", "-o", options, parts["upperdir"])
        return run("unshare", "--mount", *command, check=False).returncode == 0
