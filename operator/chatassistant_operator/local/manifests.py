"""Manifest files for a run with no cluster: ChatAssistants with the Secrets and ConfigMaps that they name."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import yaml
from pydantic import ValidationError

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant, explain
from chatassistant_operator.observed import Manifest

DEFAULT_NAMESPACE: Final = "default"
_KINDS: Final = frozenset({names.KIND, "ConfigMap", "Secret"})


class ManifestError(Exception):
    """A file that cannot be run; the text names file, object and field, and never a value."""


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
    """Read and validate files of one or more YAML documents each.

    Kinds that a run has no use for, such as Namespace, are passed over.

    Raises:
        ManifestError: for a file that cannot be read or a ChatAssistant that the CRD would refuse.
    """
    manifests = Manifests()
    for path in paths:
        for document in _documents(path):
            _add(manifests, path, document)
    if not manifests.assistants:
        raise ManifestError("None of the files holds a ChatAssistant.")
    return manifests


def _documents(path: Path) -> list[Manifest]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}.") from None
    except yaml.MarkedYAMLError as error:
        place = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ManifestError(f"{path}:{place} is no YAML: {error.problem}.") from None
    found: list[Manifest] = []
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict) or "kind" not in document:
            raise ManifestError(f"{path}: a document is no Kubernetes object; it needs apiVersion and kind.")
        found.append(cast("Manifest", document))
    return found


def _add(manifests: Manifests, path: Path, document: Manifest) -> None:
    kind = document["kind"]
    if kind not in _KINDS:
        return
    metadata = document.setdefault("metadata", {})
    namespace, name = metadata.setdefault("namespace", DEFAULT_NAMESPACE), metadata.get("name")
    if not isinstance(name, str):
        raise ManifestError(f"{path}: a {kind} has no metadata.name.")
    if kind == names.KIND:
        _complete(document)
        try:
            ChatAssistant.parse(document, strict=True)
        except ValidationError as error:
            problems = "\n".join(f"  {problem}" for problem in explain(error))
            raise ManifestError(f"{path}: the ChatAssistant {name!r} is not valid:\n{problems}") from None
    if kind == "Secret" and "stringData" in document:
        for key, value in document.pop("stringData").items():
            document.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()
    manifests.objects[kind, namespace, name] = document


def _complete(assistant: Manifest) -> None:
    """Give it what an API server would: a uid that several runs of one file share, a generation, a time."""
    metadata = assistant["metadata"]
    identity = f"{metadata['namespace']}/{metadata.get('name')}".encode()
    digest = hashlib.sha256(identity).hexdigest()
    metadata.setdefault("uid", f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}")
    metadata.setdefault("generation", 1)
    metadata.setdefault("resourceVersion", "1")
    metadata.setdefault("creationTimestamp", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
