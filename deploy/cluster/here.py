"""The cluster on this machine itself: root, Linux, no Docker."""

import os
import shutil
from pathlib import Path
from typing import Final

from deploy.cluster import installation
from deploy.cluster.binaries import programs
from deploy.cluster.console import ClusterError, eventually, run, say
from deploy.cluster.folders import BINARIES, CONTAINERD_SOCKET, IMAGES, STATE, VOLUMES
from deploy.cluster.images import project
from deploy.cluster.images.buildah import Buildah
from deploy.cluster.kubectl import Kubectl, manifest
from deploy.cluster.machine import addresses, files, kernel, network, process
from deploy.cluster.machine.obstacles import obstacle
from deploy.cluster.packages import install, missing

_VOLUMES: Final = 4
_CORE_DNS: Final = "localhost/coredns:1"
_START_SECONDS: Final = 120
_CTR: Final = ("ctr", f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io", "images")


def up() -> None:
    """Have the cluster as it should be, from whatever is there.

    Raises:
        ClusterError: when this machine cannot carry it; the text says what to do.
    """
    found, images = prepare()
    kubectl = Kubectl(found["kubectl"])
    _start_machine(found, kubectl)
    loaded = {
        name: _load(images, name) for name in (files.PAUSE_IMAGE, _CORE_DNS, *map(project.tag, project.NAMES))
    }
    _add_what_clusters_have(kubectl)
    tags = {name: loaded[project.tag(name)] for name in project.NAMES}
    installation.install_operator(tags)
    installation.install_assistants(kubectl, project.tag("operator"))
    installation.show(kubectl)
    _forget_replaced(kubectl)


def prepare() -> tuple[dict[str, Path], Buildah]:
    """Have what takes long, and stays: programs and images.

    Raises:
        ClusterError: when this machine cannot carry a cluster; the text says what to do.
    """
    why_not = obstacle()
    if why_not:
        raise ClusterError(
            f"This machine cannot be a cluster: {why_not}. Where Docker runs, kind can make one."
        )
    install(missing(node=True))
    found = programs()
    return found, _images(found)


def down() -> None:
    """Remove the cluster, from whatever state it is in."""
    process.stop()
    network.disconnect()
    kernel.restore()
    shutil.rmtree(STATE, ignore_errors=True)
    say(f"The cluster is gone. Kept, to be quick the next time: {BINARIES} and {IMAGES}.")


def _images(found: dict[str, Path]) -> Buildah:
    buildah = Buildah()
    for name, program in ((files.PAUSE_IMAGE, "pause"), (_CORE_DNS, "coredns")):
        buildah.from_scratch(name, found[program], f"/{program}", f'--entrypoint=["/{program}"]')
    project.with_buildah(buildah)
    return buildah


def _start_machine(found: dict[str, Path], kubectl: Kubectl) -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    files.write()
    files.PROGRAMS.mkdir(exist_ok=True)
    for name, program in found.items():
        link = files.PROGRAMS / name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    kernel.prepare()
    network.connect(way_out=_has_way_out())
    if process.is_running():
        say("the cluster runs already")
    else:
        say("starting etcd, the API server, controllers, scheduler, containerd, kubelet and kube-proxy")
        process.start()
    ready = ("get", "--raw=/readyz")
    eventually(lambda: kubectl(*ready, check=False) == "ok", "the API server is ready", _START_SECONDS)
    eventually(CONTAINERD_SOCKET.exists, "containerd is ready", _START_SECONDS)


def _has_way_out() -> bool:
    """Whether pods may reach other machines: only where there is something to reach."""
    return bool(os.environ.get("OPENROUTER_API_KEY"))


def _load(images: Buildah, name: str) -> str:
    """Give an image to the node under its name and under one that changes with it; gives that one's tag."""
    repository, _, tag = name.rpartition(":")
    unique = f"{tag}-{images.identity(name)[:12]}"
    if f"{repository}:{unique}" in run(*_CTR, "list", "--quiet").stdout.split():
        run(*_CTR, "tag", "--force", f"{repository}:{unique}", name)
    else:
        say(f"loading {name}")
        archive = STATE / "image.tar"
        archive.unlink(missing_ok=True)
        images.save(name, archive)
        run(*_CTR, "import", archive)
        run(*_CTR, "tag", "--force", name, f"{repository}:{unique}")
        archive.unlink()
    return unique


def _forget_replaced(kubectl: Kubectl) -> None:
    """Remove the project's images that have been replaced, and that no pod is of any more."""
    jsonpath = "{.items[*].spec.containers[*].image}"
    used = kubectl("get", "pods", "--all-namespaces", f"--output=jsonpath={jsonpath}").split()
    named = {*used, *map(project.tag, project.NAMES)}
    # The columns are name, type and digest; containerd adds a name of its own, the digest, which keeps an image as well.
    rows = [line.split() for line in run(*_CTR, "list").stdout.splitlines()[1:]]
    listed = {name: digest for name, _, digest, *_ in rows}
    ours = (f"{project.REPOSITORY}/", "sha256:")
    kept = {digest for name, digest in listed.items() if name in named or not name.startswith(ours)}
    for name, digest in listed.items():
        if digest not in kept:
            run(*_CTR, "remove", name)


def _add_what_clusters_have(kubectl: Kubectl) -> None:
    """Names, and volumes; then wait until pods can run."""
    forward = "forward . /etc/resolv.conf" if _has_way_out() else ""
    kubectl.apply(manifest("coredns.yaml", dns=addresses.DNS, forward=forward))
    for number in range(_VOLUMES):
        folder = VOLUMES / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        values = {"name": f"volume-{number}", "path": str(folder), "node": addresses.NODE_NAME}
        kubectl.apply(manifest("volume.yaml", **values))
    kubectl("wait", "--for=condition=Ready", "node", addresses.NODE_NAME, f"--timeout={_START_SECONDS}s")
    kubectl(
        "rollout", "status", "deployment/coredns", "--namespace=kube-system", f"--timeout={_START_SECONDS}s"
    )
