"""kubectl and Helm on the cluster, as its administrator."""

import json
import os
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from deploy.cluster.console import run
from deploy.cluster.folders import HELM, KUBECONFIG, MANIFESTS


class Kubectl:
    """The cluster's kubectl.

    Args:
        program: Which kubectl.
    """

    def __init__(self, program: str | Path) -> None:
        self.program = program

    def __call__(self, *words: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """What it prints.

        Raises:
            ClusterError: when it fails.
        """
        command = (self.program, f"--kubeconfig={KUBECONFIG}", *words)
        return run(*command, stdin=stdin, check=check).stdout

    def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        """Have these objects, as often as it is said."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))


def helm(*words: str | Path) -> str:
    """What Helm prints.

    Raises:
        ClusterError: when it fails.
    """
    return run(HELM, *words, environment={**os.environ, "KUBECONFIG": str(KUBECONFIG)}).stdout


def manifest(file: str, **values: str) -> list[dict[str, Any]]:
    """The objects of one of the files beside this one, with these values in the places of their names."""
    text = (MANIFESTS / file).read_text(encoding="utf-8")
    return objects(string.Template(text).substitute({key.upper(): value for key, value in values.items()}))


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML text."""
    return [each for each in yaml.safe_load_all(text) if each]
