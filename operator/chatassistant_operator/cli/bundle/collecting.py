"""What goes into a bundle: read as far as the user's rights go; what may not be read is said instead."""

import base64
import platform
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final, TypeVar

import aiohttp
import yaml

from chatassistant_operator.api import names
from chatassistant_operator.cli.bundle.redaction import Json, Redactor
from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cli.described import describe
from chatassistant_operator.cli.owned import Seen, read
from chatassistant_operator.cli.pod_logs import has_log, lines, restarts
from chatassistant_operator.cluster.errors import ClusterError, InvalidError, NotFoundError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, DEPLOYMENT, EVENT, POD, SECRET, Kind
from chatassistant_operator.observed import Manifest

T = TypeVar("T")

_CRD: Final = Kind("CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", "v1")
_OPERATOR: Final = {"labelSelector": "app.kubernetes.io/name=chatassistant-operator"}
_TAIL: Final = {"tailLines": "5000", "limitBytes": str(8 * 1024 * 1024), "timestamps": "true"}


# As in `apiKeySecretRef`, `tokenSecretRef`, `urlSecretRef` and `secretKeyRef`.
_REFS: Final = ("secretref", "secretkeyref")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bundle is asked for: the ChatAssistant's name, or all; and whether with logs."""

    name: str | None
    all_namespaces: bool
    logs: bool


@dataclass
class Collector:
    """Collects a bundle's files, by their paths; `missing` says what could not be read, and why."""

    connection: Connection
    wanted: Wanted
    files: dict[str, str] = field(default_factory=dict[str, str])
    missing: list[str] = field(default_factory=list[str])
    redactor: Redactor = field(default_factory=Redactor)

    async def collect(self) -> None:
        """Read everything.

        Raises:
            CommandError: when there is no such ChatAssistant.
            ClusterError: when ChatAssistants cannot be read at all.
        """
        wanted = self.wanted
        seen = await read(self.connection, wanted.name, all_namespaces=wanted.all_namespaces)
        self.redactor = Redactor([value async for value in self._secret_values(seen.assistants)])
        self.missing += [f"{kind.plural}: {words}" for kind, words in seen.refused.items()]
        await self._versions()
        for assistant in seen.assistants:
            await self._assistant(assistant, seen)
        await self._operator()

    async def _assistant(self, assistant: Manifest, seen: Seen) -> None:
        metadata = assistant["metadata"]
        folder = f"{metadata['namespace']}/{metadata['name']}"
        described = describe(assistant, seen)
        self._put(f"{folder}/status.yaml", described)
        self._put(f"{folder}/chatassistant.yaml", {"kind": CHAT_ASSISTANT.name, **assistant})
        objects = [*_below(metadata["uid"], seen), *_strays(assistant, seen)]
        for each in objects:
            self._put(f"{folder}/{each['kind'].lower()}-{each['metadata']['name']}.yaml", each)
        uids = {metadata["uid"], *(each["metadata"]["uid"] for each in objects)}
        events = await self._try(self.connection.client.list(EVENT, metadata["namespace"], {}))
        if events is not None:
            self._put(f"{folder}/events.yaml", [_event(each) for each in events[0] if _regards(each, uids)])
        await self._logs(folder, [each for each in objects if each["kind"] == POD.name])

    async def _operator(self) -> None:
        """The operator's Deployments, with its settings, and its pods with their logs, wherever it runs."""
        for kind in (DEPLOYMENT, POD):
            found = await self._try(self.connection.client.list(kind, None, _OPERATOR))
            for each in found[0] if found else ():
                folder = f"operator/{each['metadata']['namespace']}"
                name = f"{kind.name.lower()}-{each['metadata']['name']}"
                self._put(f"{folder}/{name}.yaml", {"kind": kind.name, **each})
            if kind is POD and found:
                for each in found[0]:
                    await self._logs(f"operator/{each['metadata']['namespace']}", [each])

    async def _logs(self, folder: str, pods: Iterable[Manifest]) -> None:
        for pod in pods if self.wanted.logs else ():
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            asked: Mapping[str, Mapping[str, str]] = {"": {}} if has_log(pod) else {}
            asked = {**asked, **({"-previous": {"previous": "true"}} if restarts(pod) else {})}
            for container in pod["spec"]["containers"]:
                for suffix, parameters in asked.items():
                    query = {"container": container["name"], **_TAIL, **parameters}
                    text = await self._try(self._log(namespace, name, query))
                    if text is not None:
                        self.files[f"{folder}/{name}-{container['name']}{suffix}.log"] = text

    async def _log(self, namespace: str, pod: str, query: Mapping[str, str]) -> str:
        async with aclosing(lines(self.connection, namespace, pod, query)) as found:
            return self.redactor.text("".join([f"{line}\n" async for line in found]))

    async def _versions(self) -> None:
        server = await self._try(self._kubernetes())
        crd = await self._try(self.connection.client.get(_CRD, "", f"{names.PLURAL}.{names.GROUP}"))
        self._put(
            "versions.yaml",
            {
                "kubectl-assistant": version("chatassistant"),
                "python": platform.python_version(),
                "kubernetes": server or "unknown",
                "customResourceDefinition": _crd(crd) if crd else "unknown",
            },
        )

    async def _kubernetes(self) -> dict[str, Any]:
        url = f"{self.connection.access.server.rstrip('/')}/version"
        async with self.connection.session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
            answer: dict[str, Any] = await response.json()
            return {key: answer.get(key) for key in ("gitVersion", "platform")}

    async def _secret_values(self, assistants: Iterable[Manifest]) -> AsyncGenerator[str, None]:
        """The values of the Secrets that the assistants use, as far as the user may read them: to be taken out."""
        secrets = {(each["metadata"]["namespace"], name) for each in assistants for name in _secrets(each)}
        for namespace, name in sorted(secrets):
            try:
                secret = await self.connection.client.get(SECRET, namespace, name)
            except ClusterError:
                continue
            for encoded in secret.get("data", {}).values():
                yield encoded
                yield base64.b64decode(encoded).decode(errors="replace")

    async def _try(self, reading: Awaitable[T]) -> T | None:
        """What was read; None, and a line on why, where it could not be."""
        try:
            return await reading
        except (InvalidError, NotFoundError):
            return None
        except (ClusterError, aiohttp.ClientError, TimeoutError) as error:
            self.missing.append(self.redactor.text(str(error) or type(error).__name__))
            return None

    def _put(self, path: str, content: Any) -> None:
        cleaned = self.redactor.clean(content)
        self.files[path] = yaml.safe_dump(cleaned, sort_keys=False, allow_unicode=True)


def _crd(crd: Manifest) -> dict[str, Any]:
    return {
        "createdAt": crd["metadata"]["creationTimestamp"],
        "generation": crd["metadata"]["generation"],
        "versions": [each["name"] for each in crd["spec"]["versions"]],
        "storedVersions": crd.get("status", {}).get("storedVersions", []),
    }


def _below(uid: str, seen: Seen) -> Iterable[Manifest]:
    for each in seen.children(uid):
        yield each
        yield from _below(each["metadata"]["uid"], seen)


def _strays(assistant: Manifest, seen: Seen) -> Iterable[Manifest]:
    """Pods with the assistant's label that nothing owns, as somebody who looks into a fault may make them."""
    metadata = assistant["metadata"]
    mine = (metadata["namespace"], metadata["name"])
    for pod in seen.objects.get(POD, ()):
        its: Manifest = pod["metadata"]
        of = (its["namespace"], its.get("labels", {}).get(names.NAME_LABEL))
        if of == mine and not its.get("ownerReferences"):
            yield {"kind": POD.name, **pod}


def _regards(event: Manifest, uids: set[str]) -> bool:
    return event.get("regarding", {}).get("uid") in uids


def _event(event: Manifest) -> dict[str, Any]:
    """What tells something of an event."""
    regarding = event["regarding"]
    return {
        "time": event.get("eventTime") or event.get("deprecatedLastTimestamp"),
        "type": event.get("type"),
        "reason": event.get("reason"),
        "regarding": f"{regarding.get('kind')}/{regarding.get('name')}",
        "note": event.get("note"),
        "count": event.get("series", {}).get("count") or event.get("deprecatedCount") or 1,
    }


def _secrets(assistant: Manifest) -> set[str]:
    """The names of the Secrets that a ChatAssistant names anywhere, or is given."""
    found = {names.access_secret(assistant["metadata"]["name"])}

    def walk(value: Json) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                if key.lower().endswith(_REFS) and isinstance(each, dict):
                    found.add(str(each["name"]))
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(assistant["spec"])
    return found
