"""The cluster where Docker runs: kind's."""

import shutil
from typing import Final

from deploy.cluster import installation
from deploy.cluster.console import ClusterError, run, say
from deploy.cluster.folders import KUBECONFIG, STATE
from deploy.cluster.images import project
from deploy.cluster.kubectl import Kubectl

_NAME: Final = "chatassistant"


def up() -> None:
    """Have the cluster as it should be, from whatever is there.

    Raises:
        ClusterError: when kind or kubectl is missing.
    """
    for program in ("kind", "kubectl"):
        if shutil.which(program) is None:
            raise ClusterError(f"Docker runs here, and so the cluster is kind's: install {program} first.")
    project.with_docker()
    if not is_there():
        say("starting a cluster by kind")
        STATE.mkdir(parents=True, exist_ok=True)
        run("kind", "create", "cluster", f"--name={_NAME}", f"--kubeconfig={KUBECONFIG}", "--wait=3m")
    tags: dict[str, str] = {}
    for name in project.NAMES:
        image = project.tag(name)
        repository, _, tag = image.rpartition(":")
        # A tag that changes with the image, so that pods are renewed when it does.
        identity = run("docker", "image", "inspect", "--format={{.Id}}", image).stdout.strip()
        tags[name] = f"{tag}-{identity.removeprefix('sha256:')[:12]}"
        run("docker", "tag", image, f"{repository}:{tags[name]}")
        run("kind", "load", "docker-image", f"--name={_NAME}", image, f"{repository}:{tags[name]}")
    kubectl = Kubectl("kubectl")
    installation.install_operator(tags)
    installation.install_assistants(kubectl, project.tag("operator"))
    installation.show(kubectl)


def is_there() -> bool:
    """Whether kind has made it."""
    return (
        shutil.which("kind") is not None
        and _NAME in run("kind", "get", "clusters", check=False).stdout.split()
    )


def down() -> None:
    """Remove it; images stay in Docker's store."""
    run("kind", "delete", "cluster", f"--name={_NAME}")
    shutil.rmtree(STATE, ignore_errors=True)
    say("The cluster is gone. Kept, to be quick the next time: the images, in Docker.")
