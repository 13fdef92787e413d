"""`kubectl-assistant`, the real console script, piped and in a real terminal."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pexpect

from support.control_plane import ControlPlane

SCRIPT: Final = Path(sys.executable).with_name("kubectl-assistant")


class CommandLine:
    """Runs commands in a namespace, with a kubeconfig of their own.

    Args:
        plane: The control plane.
        namespace: The kubeconfig's namespace.
        folder: For files; the commands' home.
        token: Whose rights they have; the administrator's when not given.
    """

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path, token: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._namespace = namespace
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(plane.kubeconfig_for(token or plane.admin_token), encoding="utf-8")
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            "LANG": "C.UTF-8",
        }

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [SCRIPT, *arguments, "-n", self._namespace],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env=self.environment | environment,
            cwd=self.folder,
            timeout=90,
        )

    def terminal(self, *arguments: str, columns: int = 120, **environment: str) -> Any:
        """Run a command in a terminal of so many columns; gives pexpect's view of it."""
        # Programs believe these rather than the terminal, and pytest-xdist sets them.
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        return pexpect.spawn(
            str(SCRIPT),
            [*arguments, "-n", self._namespace],
            env=inherited | self.environment | {"TERM": "xterm-256color"} | environment,  # type: ignore[arg-type]
            cwd=str(self.folder),
            dimensions=(40, columns),
            timeout=30,
            encoding="utf-8",
        )
