"""The pods of a Deployment on this machine, as processes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from chatassistant_operator.api import names
from chatassistant_operator.local.processes import PodProcess
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.pods import Pod, read_pod

OWNER: Final = "local"
"""The uid of the ReplicaSet, of which there is one for each Deployment here."""

Ports: TypeAlias = Mapping[int, int]
Make: TypeAlias = Callable[[Manifest, str, Ports, Callable[[Manifest], None]], PodProcess]


class Pods:
    """The pods of one Deployment.

    Args:
        name: The Deployment's name.
        make: Gives a process that is not running yet: of the Deployment, with a name, at real ports, and with what is
            called with a new status.
        free_ports: Gives a real port for each of a container's.
        changed: Called when a pod's state has changed.
    """

    def __init__(
        self, name: str, make: Make, free_ports: Callable[[], Ports], changed: Callable[[], None]
    ) -> None:
        self._name = name
        self._make = make
        self._free_ports = free_ports
        self._changed = changed
        self._statuses: dict[str, Manifest] = {}
        self._number = 0
        self._ports: list[Ports] = []
        self.revision: str | None = None
        self.running: dict[str, PodProcess] = {}

    @property
    def observed(self) -> tuple[Pod, ...]:
        """What is read of them."""
        return tuple(self._observed(name, process) for name, process in self.running.items())

    @property
    def url(self) -> str | None:
        """Where the first ready one answers."""
        for name, process in self.running.items():
            if self._observed(name, process).ready:
                return f"http://{process.place.address}:{process.place.ports[names.HTTP_PORT]}"
        return None

    def _observed(self, name: str, process: PodProcess) -> Pod:
        owner = [{"uid": OWNER, "controller": True}]
        metadata = {"name": name, "ownerReferences": owner}
        pod = read_pod({"metadata": metadata, "status": self._statuses.get(name, {})})
        port = process.place.ports[names.METRICS_PORT]
        return replace(pod, report=f"http://{process.place.address}:{port}/report")

    async def follow(self, deployment: Manifest) -> None:
        """Run as many pods of the template as the Deployment says."""
        revision = deployment["metadata"]["annotations"][names.REVISION_ANNOTATION]
        if revision != self.revision:
            await self.stop()
            self.revision = revision
        while len(self.running) > deployment["spec"]["replicas"]:
            await self._stop([self.running.popitem()[1]])
        while len(self.running) < deployment["spec"]["replicas"]:
            self._number += 1
            name = f"{self._name}-{revision}-{self._number}"
            # Those of a pod that has ended, so that an edit changes no address.
            ports = self._ports.pop(0) if self._ports else self._free_ports()
            pod = self._make(deployment, name, ports, partial(self._tell, name))
            self.running[name] = pod
            pod.start()

    async def stop(self) -> None:
        """End all of them."""
        pods = list(self.running.values())
        self.running.clear()
        await self._stop(pods)

    async def _stop(self, pods: list[PodProcess]) -> None:
        await all_of(pod.stop(lame_duck=False) for pod in pods)
        self._ports = [*(pod.place.ports for pod in pods), *self._ports]

    def refresh(self) -> None:
        """A Secret or a ConfigMap may have changed."""
        for pod in self.running.values():
            pod.refresh()

    def _tell(self, name: str, status: Manifest) -> None:
        self._statuses[name] = status
        self._changed()


async def all_of(works: Iterable[Awaitable[None]]) -> None:
    """Await all of them at once."""
    await asyncio.gather(*works)
