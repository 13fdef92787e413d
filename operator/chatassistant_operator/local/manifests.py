"""Manifest files for a run with no cluster: ChatAssistants with the Secrets and ConfigMaps that they name."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.local.documents import Document, ManifestError, files, read
from chatassistant_operator.local.problems import problems as problems_of
from chatassistant_operator.observed import Manifest

DEFAULT_NAMESPACE: Final = "default"
__all__ = ["DEFAULT_NAMESPACE", "ManifestError", "Manifests", "complete", "load", "secret_data", "typed"]
_KINDS: Final = frozenset({names.KIND, "ConfigMap", "Secret"})


@dataclass
class Manifests:
    """What the files hold, by (kind, namespace, name)."""

    objects: dict[tuple[str, str, str], Manifest] = field(
        default_factory=dict[tuple[str, str, str], Manifest]
    )

    @property
    def assistants(self) -> list[Manifest]:
        """The ChatAssistants, in the order of the files."""
        return [each for (kind, _, _), each in self.objects.items() if kind == names.KIND]

    def has_key(self, assistant: Manifest) -> bool:
        """Whether the Secret of an assistant's API key is there."""
        ref = assistant["spec"]["credentials"]["apiKeySecretRef"]
        return ("Secret", assistant["metadata"]["namespace"], ref["name"]) in self.objects

    def add_secret(self, namespace: str, name: str, data: dict[str, str]) -> None:
        """Add a Secret, or keys to one that is there."""
        secret = self.objects.setdefault(
            ("Secret", namespace, name),
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}},
        )
        content = secret.setdefault("data", {})
        content |= {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def load(paths: Iterable[Path]) -> Manifests:
    """Read and validate files of one or more YAML documents each, and those of folders.

    Kinds that a run has no use for, such as Namespace, are passed over.

    Raises:
        ManifestError: for a file that cannot be read or a ChatAssistant that the CRD would refuse, with the places.
    """
    manifests = Manifests()
    for path, named in files(paths):
        documents, problems = read(path)
        wrong = [each for each in problems if named or each.rule != "object"]
        if wrong:
            raise ManifestError("\n".join(map(str, wrong)))
        for document in documents:
            _add(manifests, document)
    if not manifests.assistants:
        raise ManifestError("None of the files holds a ChatAssistant.")
    return manifests


def _add(manifests: Manifests, document: Document) -> None:
    body, kind = document.body, document.body["kind"]
    if document.is_assistant:
        wrong = problems_of(document)
        if wrong:
            raise ManifestError("\n".join(map(str, wrong)))
    if kind not in _KINDS:
        return
    if not document.name:
        raise ManifestError(f"{document.file}: a {kind} has no metadata.name.")
    metadata: dict[str, Any] = body["metadata"]
    namespace = metadata.setdefault("namespace", DEFAULT_NAMESPACE)
    if kind == names.KIND:
        complete(body)
    if kind == "Secret":
        body["data"] = secret_data(body)
    manifests.objects[kind, namespace, document.name] = body


def secret_data(secret: Manifest) -> dict[str, str]:
    """The entries of a Secret in base64, those of `stringData` among them, which win as they do in a cluster."""
    plain: dict[str, Any] = secret.pop("stringData", None) or {}
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    return {**(secret.get("data") or {}), **encoded}


def typed(document: Document) -> ChatAssistant:
    """The typed object of a document that is a valid ChatAssistant."""
    body = {**document.body, "metadata": {"namespace": DEFAULT_NAMESPACE, **document.body["metadata"]}}
    complete(body)
    return ChatAssistant.parse(body)


def complete(assistant: Manifest) -> None:
    """Give it what an API server would: a uid that several runs of one file share, a generation, a time."""
    metadata = assistant["metadata"]
    identity = f"{metadata['namespace']}/{metadata.get('name')}".encode()
    digest = hashlib.sha256(identity).hexdigest()
    metadata.setdefault("uid", f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}")
    metadata.setdefault("generation", 1)
    metadata.setdefault("resourceVersion", "1")
    metadata.setdefault("creationTimestamp", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
