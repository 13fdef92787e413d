"""The first process of the machine inside, seen from the host."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.cluster.console import eventually
from deploy.cluster.folders import LOGS, PROJECT, STATE
from deploy.cluster.machine import network

_PID_FILE: Final = STATE / "machine.pid"
_MODULE: Final = "deploy.cluster.machine.first"


def is_running() -> bool:
    """Whether it runs; a number that another process has got meanwhile does not count."""
    pid = _pid()
    if pid is None:
        return False
    try:
        return _MODULE in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
    except OSError:
        return False


def start() -> None:
    """Start it, to go on after this process ends."""
    LOGS.mkdir(parents=True, exist_ok=True)
    # `ip netns exec` would hide the control groups.
    command = ["nsenter", f"--net={network.PATH}", "unshare", "--mount", "--pid", "--ipc", "--uts", "--fork"]
    command += ["--kill-child", "--mount-proc", sys.executable, "-m", _MODULE]
    with (LOGS / "machine.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _PID_FILE.write_text(str(process.pid), encoding="ascii")


def stop() -> None:
    """Kill it, and with it every process, container and mount inside."""
    pid = _pid()
    if pid is None or not is_running():
        return
    first = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    os.kill(pid, signal.SIGKILL)
    # The kernel keeps the first process of a namespace until all others are gone.
    eventually(lambda: not any(map(_is_alive, first)), "the cluster's processes are gone", seconds=30)


def _is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _pid() -> int | None:
    try:
        return int(_PID_FILE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
