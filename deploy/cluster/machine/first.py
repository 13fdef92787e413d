"""The first process of the machine inside: it starts the components, and starts again whichever ends.

It is process 1 of its namespace: orphans come to it, and when it ends, so do all others.
"""

import os
import socket
import time
from pathlib import Path
from typing import Final, NoReturn

from deploy.cluster.console import run, say
from deploy.cluster.folders import LOGS, RESOLV_CONF
from deploy.cluster.machine.components import Component, components

_PERIOD_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 1.0
# Folders where Kubernetes keeps things at paths that nobody can choose. Nothing that the host has there is needed.
_PRIVATE: Final = ("/run", "/var/lib", "/var/log")


def main() -> NoReturn:
    """Keep the components running until killed."""
    _isolate()
    running: dict[int, Component] = {}
    due = {each.name: 0.0 for each in components()}
    while True:
        for pid in _ended():
            component = running.pop(pid, None)
            if component is not None:
                say(f"{component.name} ended; it is started again")
                due[component.name] = time.monotonic() + _PAUSE_SECONDS
        names = {each.name for each in running.values()}
        for component in components():
            is_due = component.name not in names and due[component.name] <= time.monotonic()
            if is_due and _answers(component.needs):
                running[_start(component)] = component
        time.sleep(_PERIOD_SECONDS)


def _isolate() -> None:
    """Hide some of the host's folders; nobody outside sees that."""
    names = Path("/etc/resolv.conf").resolve()
    for folder in _PRIVATE:
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    # Which may be a link to what has just been hidden.
    names.parent.mkdir(parents=True, exist_ok=True)
    names.touch()
    run("mount", "--bind", RESOLV_CONF, names)
    socket.sethostname("chatassistant")


def _start(component: Component) -> int:
    say(f"{component.name} starts")
    log = str(LOGS / f"{component.name}.log")
    return os.posix_spawnp(
        component.command[0],
        component.command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def _ended() -> list[int]:
    """The processes that have ended since the last time, orphans among them."""
    pids: list[int] = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return pids
        if pid == 0:
            return pids
        pids.append(pid)


def _answers(needed: tuple[str, int] | Path | None) -> bool:
    """Whether somebody listens there."""
    if needed is None:
        return True
    family = socket.AF_UNIX if isinstance(needed, Path) else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(1)
        return client.connect_ex(str(needed) if isinstance(needed, Path) else needed) == 0


if __name__ == "__main__":
    main()
