"""Guides, followed to the letter: every command of a page, run where its reader would run it."""

import re
import subprocess
from pathlib import Path
from typing import Final

from chatassistant_operator.chart.rendered import helm
from support.control_plane import ControlPlane

ROOT: Final = Path(__file__).parents[2]


def commands(page: str) -> list[str]:
    """A page's blocks of commands, in order; the page by its path below the project's root."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody with a shell, kubectl, helm and a cluster.

    Args:
        plane: The cluster, of which they are the administrator.
        tree: Their copy of the project, where they are.
        home: Their home.
        variables: What they have exported.
    """

    def __init__(self, plane: ControlPlane, tree: Path, home: Path, **variables: str) -> None:
        programs = home / "bin"
        programs.mkdir(parents=True)
        (programs / "kubectl").symlink_to(plane.kubectl_path)
        (programs / "helm").symlink_to(helm())
        self._tree = tree
        self._environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(home),
            "KUBECONFIG": str(plane.kubeconfig),
            **variables,
        }

    def run(self, script: str) -> str:
        """Run commands to their end, each of which has to succeed; gives what they print."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=self._tree,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout
