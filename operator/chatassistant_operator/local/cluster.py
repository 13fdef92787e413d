"""A cluster in this process: it keeps what is applied and runs the pods of Deployments as processes."""

import socket
import sys
from collections.abc import Callable, Mapping
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
from chatassistant_operator.local.pods import OWNER, Pods, all_of
from chatassistant_operator.local.processes import Place, PodProcess
from chatassistant_operator.observed import Children, Manifest
from chatassistant_operator.observed.named import (
    Absent,
    CredentialReading,
    OtherSecretReading,
    PromptReading,
    ServiceReading,
)
from chatassistant_operator.observed.pods import ReplicaSet
from chatassistant_operator.ports import AssistantGone, Key

_HOST: Final = "127.0.0.1"
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
        self._given = set(manifests.objects)
        self._folder = folder
        self._changed = changed
        self._shown = shown
        self._log = log
        self._port = port
        self._children: dict[tuple[str, Key], Manifest] = {}
        self._pods: dict[str, Pods] = {}

    # controller.Assistants

    def get(self, key: Key) -> Manifest | None:
        """The ChatAssistant."""
        return self._objects.get((names.KIND, *key))

    def drop(self, key: Key) -> None:
        """Forget it."""
        self._objects.pop((names.KIND, *key), None)

    async def write_status(self, assistant: Manifest, status: dict[str, Any]) -> None:
        """Keep the status, and show it."""
        metadata = assistant["metadata"]
        # The manifest may have been edited since it was seen.
        current = self._living((metadata["namespace"], metadata["name"]))
        updated = {**current, "status": status}
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

    def has_looked(self, assistant: ChatAssistant) -> bool:  # noqa: ARG002 (as the port has it)
        """It is always read as it is now."""
        return True

    def hurry(self, assistant: ChatAssistant) -> None:
        """Nothing changes here."""

    def secrets(self, assistant: ChatAssistant) -> dict[str, OtherSecretReading]:
        """The other Secrets, from the files."""
        namespace = assistant.metadata.namespace
        return {name: self._other_secret(namespace, name) for name in assistant.spec.other_secrets}

    def services(self, assistant: ChatAssistant, names: tuple[str, ...]) -> dict[str, ServiceReading]:  # noqa: ARG002 (as the port has it)
        """Nobody keeps pods from anybody here."""
        return {}

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
            replica_sets=(ReplicaSet(key[1], pods.revision, None, len(observed), ready, uid=OWNER),),
            pods=observed,
        )

    async def apply(self, assistant: ChatAssistant, manifest: Manifest) -> Manifest:
        """Keep a child; of a Deployment, run the pods."""
        self._living((assistant.metadata.namespace, assistant.metadata.name))
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
            await self._pods_of(assistant).follow(manifest)
        return manifest

    async def delete(self, assistant: ChatAssistant, kind: str, name: str) -> None:
        """Forget a child."""
        key = assistant.metadata.namespace, name
        self._children.pop((kind, key), None)

    def _living(self, key: Key) -> Manifest:
        """A ChatAssistant that an edit has not taken away."""
        found = self.get(key)
        if found is None:
            raise AssistantGone
        return found

    # The files

    async def follow(self, manifests: Manifests) -> None:
        """Take edited manifests over: what they change is reconciled, what is in none of them any more ends."""
        gone = [self._objects.pop(each) for each in self._given - set(manifests.objects)]
        self._given = set(manifests.objects)
        for key, body in manifests.objects.items():
            before = self._objects.get(key)
            self._objects[key] = _edited(before, body) if before and body["kind"] == names.KIND else body
        for pods in self._pods.values():
            pods.refresh()
        for each in gone:
            if each["kind"] == names.KIND:
                await self._end(each["metadata"])
        for each in manifests.assistants:
            self._changed((each["metadata"]["namespace"], each["metadata"]["name"]))

    async def _end(self, metadata: Manifest) -> None:
        """End the pods of a ChatAssistant that is gone, and forget its children."""
        self._changed((metadata["namespace"], metadata["name"]))
        pods = self._pods.pop(metadata["uid"], None)
        for place, child in list(self._children.items()):
            if any(each["uid"] == metadata["uid"] for each in child["metadata"].get("ownerReferences", [])):
                del self._children[place]
        if pods is not None:
            await pods.stop()

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

    def _pods_of(self, assistant: ChatAssistant) -> Pods:
        found = self._pods.get(assistant.metadata.uid)
        if found is None:
            place = assistant.metadata.namespace, assistant.metadata.name
            make = partial(self._pod, *place)
            found = Pods(place[1], make, self._free_ports, partial(self._changed, place))
            self._pods[assistant.metadata.uid] = found
        return found

    def _free_ports(self) -> dict[int, int]:
        """A real port for each of a container's; the first chatbot gets the one that was asked for."""
        wanted, self._port = self._port, 0
        return {names.HTTP_PORT: wanted or _free_port(), names.METRICS_PORT: _free_port()}

    def _pod(
        self,
        namespace: str,
        assistant: str,
        deployment: Manifest,
        name: str,
        ports: Mapping[int, int],
        changed: Callable[[Manifest], None],
    ) -> PodProcess:
        """A pod of a Deployment, at real ports."""
        template = deployment["spec"]["template"]
        metadata = {**template["metadata"], "name": name, "namespace": namespace}
        image = template["spec"]["containers"][0]["image"].partition("@")[0].rpartition(":")[0]
        environment = {_ENVIRONMENT[port]: str(real) for port, real in ports.items()}
        return PodProcess(
            {"metadata": metadata, "spec": template["spec"]},
            [sys.executable, "-m", "chatassistant_chatbot"] if image == BUNDLED_IMAGE else None,
            lambda kind, name: self._objects.get((kind, namespace, name)),
            Place(_HOST, ports, self._folder / name, environment),
            changed,
            lambda line: self._log(assistant, line),
        )

    async def stop(self) -> None:
        """End all processes."""
        await all_of(each.stop() for each in self._pods.values())


def _edited(before: Manifest, after: Manifest) -> Manifest:
    """A ChatAssistant's new manifest with what the one before has gathered, as an API server keeps it."""
    old, changed = before["metadata"], before["spec"] != after["spec"]
    kept = {name: old[name] for name in ("uid", "creationTimestamp", "resourceVersion")}
    metadata = {**after["metadata"], **kept, "generation": old["generation"] + changed}
    status = {"status": before["status"]} if "status" in before else {}
    return {**after, "metadata": metadata, **status}


def _free_port() -> int:
    with socket.socket() as server:
        server.bind((_HOST, 0))
        port: int = server.getsockname()[1]
        return port
