"""A cluster in this process: it keeps what is applied and runs the pods of Deployments as processes."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.policy import BUNDLED_IMAGE
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.references import credential_of, other_secret_of, prompt_of
from chatassistant_operator.live.tokens import with_token
from chatassistant_operator.local.access import Access, access_of
from chatassistant_operator.local.manifests import Manifests
from chatassistant_operator.local.processes import Place, PodProcess
from chatassistant_operator.observed import Children, Manifest
from chatassistant_operator.observed.named import Absent, CredentialReading, OtherSecretReading, PromptReading
from chatassistant_operator.observed.pods import Pod, ReplicaSet, read_pod
from chatassistant_operator.ports import Key

_HOST: Final = "127.0.0.1"
# There is one ReplicaSet for each Deployment here.
_OWNER: Final = "local"
_ENVIRONMENT: Final = {names.HTTP_PORT: "PORT", names.METRICS_PORT: "METRICS_PORT"}


class LocalCluster:
    """`ports.Cluster`, `ports.References`, `ports.AccessTokens` and `controller.Assistants` with no API server.

    Args:
        manifests: What the files hold.
        folder: Where pods' volumes are kept.
        changed: Called with a ChatAssistant that should be reconciled.
        shown: Called with a ChatAssistant whose status has changed.
        log: Called with the assistant's name and each line that its chatbot prints.
        port: The port of the first chatbot; 0 for any free one.
    """

    def __init__(
        self,
        manifests: Manifests,
        folder: Path,
        *,
        changed: Callable[[Key], None],
        shown: Callable[[Manifest], None],
        log: Callable[[str, str], None],
        port: int = 0,
    ) -> None:
        self._objects = manifests.objects
        self._folder = folder
        self._changed = changed
        self._shown = shown
        self._log = log
        self._port = port
        self._children: dict[tuple[str, Key], Manifest] = {}
        self._pods: dict[str, _Pods] = {}

    # controller.Assistants

    def get(self, key: Key) -> Manifest | None:
        """The ChatAssistant."""
        return self._objects.get((names.KIND, *key))

    def drop(self, key: Key) -> None:
        """Files do not vanish while they run."""
        del self._objects[names.KIND, *key]

    async def write_status(self, assistant: Manifest, status: dict[str, Any]) -> None:
        """Keep the status, and show it."""
        metadata = assistant["metadata"]
        updated = {**assistant, "status": status}
        self._objects[names.KIND, metadata["namespace"], metadata["name"]] = updated
        self._shown(updated)

    async def post(self, event: Manifest) -> None:
        """There is nobody to read Events: the status is shown."""

    # ports.References

    def credential(self, assistant: ChatAssistant) -> CredentialReading:
        """The Secret, from the files."""
        ref = assistant.spec.credentials.api_key_secret_ref
        secret = self._secret(assistant.metadata.namespace, ref.name)
        return Absent() if secret is None else credential_of(secret, ref.key)

    def hurry(self, assistant: ChatAssistant) -> None:
        """Nothing changes here."""

    def secrets(self, assistant: ChatAssistant) -> dict[str, OtherSecretReading]:
        """The other Secrets, from the files."""
        namespace = assistant.metadata.namespace
        return {name: self._other_secret(namespace, name) for name in assistant.spec.other_secrets}

    def prompt(self, assistant: ChatAssistant) -> PromptReading:
        """The ConfigMap, from the files."""
        source = assistant.spec.system_prompt_from
        ref = source.config_map_key_ref if source else None
        found = self._objects.get(("ConfigMap", assistant.metadata.namespace, ref.name)) if ref else None
        return prompt_of(found, ref.key) if found and ref else Absent()

    def _other_secret(self, namespace: str, name: str) -> OtherSecretReading:
        secret = self._secret(namespace, name)
        return Absent() if secret is None else other_secret_of(secret)

    def _secret(self, namespace: str, name: str) -> Manifest | None:
        return self._objects.get(("Secret", namespace, name))

    # ports.AccessTokens

    def access_token(self, assistant: ChatAssistant) -> OtherSecretReading | None:
        """The Secret with the token that was made, as long as this runs."""
        if not assistant.spec.access.token_is_generated:
            return None
        return self._other_secret(assistant.metadata.namespace, names.access_secret(assistant.metadata.name))

    async def make_access_token(self, assistant: ChatAssistant, secret: Manifest) -> None:
        """Keep a Secret with a fresh token; a file may have brought one."""
        key = "Secret", assistant.metadata.namespace, secret["metadata"]["name"]
        self._objects.setdefault(key, with_token(secret))

    # ports.Cluster

    def children(self, assistant: ChatAssistant) -> Children:
        """What was applied, with the state of the processes."""
        key = assistant.metadata.namespace, assistant.metadata.name
        deployment = self._children.get(("Deployment", key))
        pods = self._pods.get(assistant.metadata.uid)
        if deployment is None or pods is None:
            return Children()
        observed = pods.observed
        ready = sum(pod.ready for pod in observed)
        return Children(
            deployment={**deployment, "status": {"replicas": len(observed), "readyReplicas": ready}},
            replica_sets=(ReplicaSet(key[1], pods.revision, None, len(observed), ready, uid=_OWNER),),
            pods=observed,
        )

    async def apply(self, assistant: ChatAssistant, manifest: Manifest) -> Manifest:
        """Keep a child; of a Deployment, run the pods."""
        key = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        if self._children.get((manifest["kind"], key)) == manifest:
            return (
                self.children(assistant).deployment or manifest
                if manifest["kind"] == "Deployment"
                else manifest
            )
        self._children[manifest["kind"], key] = manifest
        if manifest["kind"] == "ConfigMap":
            self._objects["ConfigMap", *key] = manifest
        if manifest["kind"] == "Deployment":
            pods = self._pods.setdefault(assistant.metadata.uid, _Pods(self, assistant))
            await pods.follow(manifest)
        return manifest

    async def delete(self, assistant: ChatAssistant, kind: str, name: str) -> None:
        """Forget a child."""
        key = assistant.metadata.namespace, name
        self._children.pop((kind, key), None)

    # The processes

    def url(self, key: Key) -> str | None:
        """Where a ChatAssistant's first ready pod answers on this machine."""
        assistant = self.get(key)
        pods = self._pods.get(assistant["metadata"]["uid"]) if assistant else None
        return pods.url if pods else None

    def access(self, key: Key) -> Access | None:
        """What lets callers of a ChatAssistant in; None where no token does."""
        body = self.get(key)
        look_up = partial(self._secret, key[0])
        return access_of(ChatAssistant.parse(body), look_up) if body else None

    def pod(
        self, assistant: ChatAssistant, template: Manifest, name: str, changed: Callable[[Manifest], None]
    ) -> PodProcess:
        """A pod of a Deployment's template, at free ports."""
        metadata = {**template["metadata"], "name": name, "namespace": assistant.metadata.namespace}
        ports: dict[int, int] = {}
        for container_port in _ENVIRONMENT:
            wanted, self._port = (self._port, 0) if container_port == names.HTTP_PORT else (0, self._port)
            ports[container_port] = wanted or _free_port()
        image = template["spec"]["containers"][0]["image"].partition("@")[0].rpartition(":")[0]
        environment = {_ENVIRONMENT[port]: str(real) for port, real in ports.items()}
        return PodProcess(
            {"metadata": metadata, "spec": template["spec"]},
            [sys.executable, "-m", "chatassistant_chatbot"] if image == BUNDLED_IMAGE else None,
            lambda kind, name: self._objects.get((kind, assistant.metadata.namespace, name)),
            Place(_HOST, ports, self._folder / name, environment),
            changed,
            lambda line: self._log(assistant.metadata.name, line),
        )

    def look_again(self, assistant: ChatAssistant) -> None:
        """A pod's state has changed."""
        self._changed((assistant.metadata.namespace, assistant.metadata.name))

    async def stop(self) -> None:
        """End all processes."""
        await _all(each.stop() for each in self._pods.values())


class _Pods:
    """The pods of one Deployment."""

    def __init__(self, cluster: LocalCluster, assistant: ChatAssistant) -> None:
        self._cluster = cluster
        self._assistant = assistant
        self._statuses: dict[str, Manifest] = {}
        self._number = 0
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
        owner = [{"uid": _OWNER, "controller": True}]
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
            await self.running.popitem()[1].stop(lame_duck=False)
        while len(self.running) < deployment["spec"]["replicas"]:
            self._number += 1
            name = f"{self._assistant.metadata.name}-{revision}-{self._number}"
            pod = self._cluster.pod(
                self._assistant,
                deployment["spec"]["template"],
                name,
                partial(self._tell, name),
            )
            self.running[name] = pod
            pod.start()

    async def stop(self) -> None:
        """End all of them."""
        pods = list(self.running.values())
        self.running.clear()
        await _all(pod.stop(lame_duck=False) for pod in pods)

    def _tell(self, name: str, status: Manifest) -> None:
        self._statuses[name] = status
        self._cluster.look_again(self._assistant)


async def _all(works: Iterable[Awaitable[None]]) -> None:
    """Await all of them at once."""
    await asyncio.gather(*works)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind((_HOST, 0))
        port: int = server.getsockname()[1]
        return port
