"""What Kubernetes changes in the kernel that is the host's too: settings and control groups."""

import json
from pathlib import Path
from typing import Final

from deploy.cluster.folders import STATE

CGROUP: Final = "chatassistant"
CGROUPS: Final = Path("/sys/fs/cgroup")
_SETTINGS: Final = Path("/proc/sys")
# ip_forward is for the way out; the rest is what a kubelet sets.
_CHANGED: Final = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_REMEMBERED: Final = STATE / "settings.json"


def prepare() -> None:
    """Remember the settings as they are, and make the control group that holds all pods."""
    if not _REMEMBERED.exists():
        now = {each: (_SETTINGS / each).read_text(encoding="ascii").strip() for each in _CHANGED}
        _REMEMBERED.write_text(json.dumps(now), encoding="utf-8")
    for hierarchy in _hierarchies():
        group = hierarchy / CGROUP
        group.mkdir(exist_ok=True)
        # In version 1, a new group of this kind may use nothing until told otherwise.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / file).exists():
                (group / file).write_text((hierarchy / file).read_text(encoding="ascii"), encoding="ascii")


def restore() -> None:
    """Put the settings back, and remove the control groups, which have no processes any more."""
    if _REMEMBERED.exists():
        for setting, value in json.loads(_REMEMBERED.read_text(encoding="utf-8")).items():
            (_SETTINGS / setting).write_text(value, encoding="ascii")
    for hierarchy in _hierarchies():
        group = hierarchy / CGROUP
        if group.is_dir():
            for folder in sorted(group.rglob("*/"), reverse=True):
                folder.rmdir()
            group.rmdir()


def _hierarchies() -> list[Path]:
    """The roots of control groups: one in version 2, one for each controller in version 1."""
    if (CGROUPS / "cgroup.procs").exists():
        return [CGROUPS]
    return [each for each in CGROUPS.iterdir() if (each / "cgroup.procs").exists() and not each.is_symlink()]
