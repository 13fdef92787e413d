"""The same as the charts for whoever uses no Helm: for kustomize, and as one file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

NAMESPACE: Final = "chatassistant-system"
_RELEASE: Final = "chatassistant-operator"
_ROOT: Final = Path(__file__).parents[3]
_CHARTS: Final = _ROOT / "deploy/helm"
_WIDTH: Final = 110


def files(note: str) -> dict[str, str]:
    """What should be in which file, by its path below the project's root; `note` says who wrote it.

    Raises:
        FileNotFoundError: where there is no helm.
        subprocess.CalledProcessError: for a chart that cannot be rendered.
    """
    crds = _rendered("chatassistant-crds", "chatassistant-crds")
    everywhere = [_namespace(), *_rendered(_RELEASE, _RELEASE)]
    listed = [_namespace(), *_rendered(_RELEASE, _RELEASE, "namespaces={chatbots}")]
    return {
        "deploy/kustomize/crds/kustomization.yaml": _kustomization(note, "crds.yaml"),
        "deploy/kustomize/crds/crds.yaml": _text(note, crds),
        "deploy/kustomize/operator/kustomization.yaml": _kustomization(note, "../crds", "operator.yaml"),
        "deploy/kustomize/operator/operator.yaml": _text(note, everywhere),
        "deploy/kustomize/namespaced/kustomization.yaml": _kustomization(note, "../crds", "operator.yaml"),
        "deploy/kustomize/namespaced/operator.yaml": _text(note, listed),
        "deploy/install.yaml": _text(note, [*crds, *everywhere]),
    }


def helm() -> str:
    """The helm of the project's own environment, else the machine's.

    Raises:
        FileNotFoundError: where there is none.
    """
    beside = Path(sys.executable).parent
    found = shutil.which("helm", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise FileNotFoundError("there is no helm: `make generate` brings it")
    return found


def _rendered(release: str, chart: str, *values: str) -> list[dict[str, Any]]:
    """A chart's objects, without its test, as nobody's release."""
    given = [f"--set={each}" for each in values]
    command = [helm(), "template", release, str(_CHARTS / chart), f"--namespace={NAMESPACE}", "--skip-tests"]
    done = subprocess.run([*command, *given], check=True, capture_output=True, text=True)
    objects: list[dict[str, Any]] = [each for each in yaml.safe_load_all(done.stdout) if each]
    for each in objects:
        for metadata in (each["metadata"], each.get("spec", {}).get("template", {}).get("metadata", {})):
            labels = metadata.get("labels", {})
            labels.pop("helm.sh/chart", None)
            if "app.kubernetes.io/managed-by" in labels:
                labels["app.kubernetes.io/managed-by"] = "kustomize"
            metadata.get("annotations", {}).pop("helm.sh/resource-policy", None)
            if metadata.get("annotations") == {}:
                del metadata["annotations"]
    return objects


def _namespace() -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _kustomization(note: str, *resources: str) -> str:
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
    }
    return _text(note, [content])


def _text(note: str, objects: list[dict[str, Any]]) -> str:
    return f"# {note}\n" + yaml.safe_dump_all(objects, sort_keys=False, width=_WIDTH, allow_unicode=True)
