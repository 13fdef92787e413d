"""Kubernetes's programs, built from their Go modules once: the tests' control plane, and what a node needs besides."""

from pathlib import Path
from typing import Final

from deploy.cluster.console import ClusterError, say
from deploy.cluster.folders import HERE

from support.kubernetes.build import MissingToolError, assets, built, control_plane

MODULE: Final = HERE / "programs"


def programs() -> dict[str, Path]:
    """Each program by its name, built if need be.

    Raises:
        ClusterError: when they cannot be built.
    """
    try:
        given = assets()
        folders = [given, *built(MODULE)] if given else built(control_plane(), MODULE)
    except MissingToolError as error:
        raise ClusterError(str(error)) from error
    say(f"Kubernetes's programs: {', '.join(map(str, folders))}")
    return {file.name: file for folder in folders for file in folder.iterdir()}
