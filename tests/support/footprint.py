"""What of this machine a whole cluster uses and changes: the same before it came and after it has gone."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.cluster.folders import STATE

_COMMANDS: Final = {
    "interfaces": "ip -brief link",
    "addresses": "ip -brief address",
    "routes": "ip route show table all",
    "rules": "ip rule",
    "network namespaces": "ip netns",
    "packet filter": "nft list ruleset",
    "mounts": "cat /proc/mounts",
}
_SETTINGS: Final = Path("/proc/sys")
# They change by themselves.
_RESTLESS: Final = {"ns_last_pid", "uuid", "entropy_avail", "nr", "nf_conntrack_count"}
# Where Kubernetes, containerd and network plugins keep things unless told otherwise; and where this cluster does.
_FOLDERS: Final = (
    "/etc/cni/net.d",
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
    str(STATE),
)


def footprint() -> dict[str, list[str]]:
    """Every trace that there is now, by its kind."""
    return {
        **{kind: _lines(command) for kind, command in _COMMANDS.items()},
        "settings of the kernel": sorted(_settings()),
        "control groups": sorted(map(str, Path("/sys/fs/cgroup").rglob("chatassistant"))),
        "folders": [each for each in _FOLDERS if Path(each).exists()],
        "processes": sorted(_processes()),
    }


def _lines(command: str) -> list[str]:
    done = subprocess.run(command.split(), check=True, capture_output=True, text=True)
    return sorted(done.stdout.splitlines())


def _settings() -> Iterator[str]:
    for part in ("kernel", "net", "vm"):
        for file in (_SETTINGS / part).rglob("*"):
            if file.is_file() and file.name not in _RESTLESS:
                with contextlib.suppress(OSError):
                    yield f"{file} = {file.read_text(encoding='utf-8', errors='replace').strip()}"


def _processes() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
            if str(STATE) in command:
                yield command
