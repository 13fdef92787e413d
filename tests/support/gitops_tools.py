"""Argo CD, Flux and what makes Secrets, as far as what they do with the manifests in deploy/ goes.

They take the real API server's objects and do to it what the tools would: in the same order, under the same field
managers, and with a checkout of each Git repository in the place of the repository.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from chatassistant_operator.cluster.kinds import Kind
from support import gitops
from support.control_plane import ControlPlane
from support.guides import Reader
from support.samples import documents
from support.waiting import eventually

APPLICATION: Final = Kind("Application", "applications", "argoproj.io", "v1alpha1")
KUSTOMIZATION: Final = Kind("Kustomization", "kustomizations", "kustomize.toolkit.fluxcd.io", "v1")
HELM_RELEASE: Final = Kind("HelmRelease", "helmreleases", "helm.toolkit.fluxcd.io", "v2")
GIT_REPOSITORY: Final = Kind("GitRepository", "gitrepositories", "source.toolkit.fluxcd.io", "v1")
EXTERNAL_SECRET: Final = Kind("ExternalSecret", "externalsecrets", "external-secrets.io", "v1")
SEALED_SECRET: Final = Kind("SealedSecret", "sealedsecrets", "bitnami.com", "v1alpha1")
KINDS: Final = (APPLICATION, KUSTOMIZATION, HELM_RELEASE, GIT_REPOSITORY, EXTERNAL_SECRET, SEALED_SECRET)

PLATFORM: Final = "https://git.example.com/platform/chatassistant.git"
TEAM: Final = "https://git.example.com/team/assistants.git"
ARGO_CD: Final = "argocd-controller"
FLUX: Final = "kustomize-controller"
_WAVE: Final = "argocd.argoproj.io/sync-wave"


def checkout(tree: Path, repository: str) -> Path:
    """Where a repository's files are, within a copy of the project."""
    return {PLATFORM: tree, TEAM: tree / "deploy/samples/gitops"}[repository]


class Tool:
    """What both have in common: a cluster and the repositories.

    Args:
        plane: The cluster.
        reader: Whose helm they use.
        tree: A copy of the project.
        manager: Under which name they apply.
    """

    def __init__(self, plane: ControlPlane, reader: Reader, tree: Path, manager: str) -> None:
        self.plane, self._reader, self._tree, self._manager = plane, reader, tree, manager

    def apply(self, objects: list[dict[str, Any]], namespace: str) -> None:
        """Apply objects on the server's side; those that name no namespace into this one."""
        manager = f"--field-manager={self._manager}"
        placed = [_placed(each, namespace) for each in objects]
        self.plane.kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            manager,
            "-f",
            "-",
            stdin=yaml.safe_dump_all(placed),
        )

    def would_change(self, objects: list[dict[str, Any]], namespace: str) -> str:
        """What applying objects would change, as the API server sees it; empty when nothing differs."""
        text = yaml.safe_dump_all([_placed(each, namespace) for each in objects])
        options = ("--server-side", "--force-conflicts", f"--field-manager={self._manager}")
        done = self.plane.kubectl("diff", *options, "-f", "-", stdin=text, check=False)
        assert done.returncode in {0, 1}, done.stderr
        return done.stdout

    def render(
        self, release: str, chart: Path, namespace: str, values: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """A chart's objects, without its tests."""
        text = self._reader.run(
            f"helm template {release} {chart} --namespace {namespace} --skip-tests {_values(values)}"
        )
        return [each for each in yaml.safe_load_all(text) if each]

    def live(self, obj: dict[str, Any]) -> dict[str, Any]:
        """A custom object as the cluster has it."""
        return dict(json.loads(self.plane.kubectl("get", *_address(obj), "-o", "json").stdout))

    def tell(self, obj: dict[str, Any], status: dict[str, Any]) -> None:
        """Write the status of one of the tool's own objects."""
        self.plane.kubectl("patch", *_address(obj), "--type=merge", "-p", json.dumps({"status": status}))


class ArgoCD(Tool):
    """Synchronises Applications, as those do that have `automated`."""

    def __init__(self, plane: ControlPlane, reader: Reader, tree: Path) -> None:
        super().__init__(plane, reader, tree, ARGO_CD)

    def sync(self, application: dict[str, Any]) -> Iterator[str]:
        """Apply what an Application names, a wave at a time, and what the Applications in it name.

        Gives each Application's name once what it names has been applied; what is in it has to be healthy when the
        next is asked for.
        """
        namespace = application["spec"]["destination"]["namespace"]
        objects = [_placed(each, namespace) for each in self._objects(application)]
        for wave in sorted({_wave(each) for each in objects}):
            present = [each for each in objects if _wave(each) == wave]
            self.apply(present, namespace)
            for each in present:
                if each["kind"] == APPLICATION.name:
                    yield from self.sync(self.live(each))
        yield application["metadata"]["name"]
        for each in objects:
            if each["kind"] in gitops.HEALTH_LUA:
                eventually(
                    lambda each=each: gitops.argocd(self.live(each)).status == "Healthy",  # type: ignore[misc]
                    f"{each['metadata']['name']} is healthy",
                )
        self.tell(application, {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}})

    def differences(self, application: dict[str, Any]) -> str:
        """What a sync of an Application, and of those in it, would change."""
        objects = self._objects(application)
        found = self.would_change(objects, application["spec"]["destination"]["namespace"])
        within = [each for each in objects if each["kind"] == APPLICATION.name]
        return found + "".join(map(self.differences, within))

    def _objects(self, application: dict[str, Any]) -> list[dict[str, Any]]:
        spec = application["spec"]
        folder = checkout(self._tree, spec["source"]["repoURL"]) / spec["source"]["path"]
        if not (folder / "Chart.yaml").exists():
            return [each for file in sorted(folder.glob("*.yaml")) for each in documents(file)]
        chart = spec["source"]["helm"]
        namespace = spec["destination"]["namespace"]
        return self.render(chart["releaseName"], folder, namespace, chart.get("valuesObject", {}))


class Flux(Tool):
    """Reconciles Kustomizations and HelmReleases."""

    def __init__(self, plane: ControlPlane, reader: Reader, tree: Path) -> None:
        super().__init__(plane, reader, tree, FLUX)

    def reconcile(self, kustomization: dict[str, Any]) -> None:
        """Apply what a Kustomization names, whose dependencies have to be ready, and install the releases in it."""
        namespace = kustomization["metadata"]["namespace"]
        for needed in kustomization["spec"].get("dependsOn", []):
            assert self._is_ready(KUSTOMIZATION, needed["name"], namespace), needed
        objects = self._objects(kustomization)
        # Namespaces first, as kustomize-controller has it.
        first = [each for each in objects if each["kind"] == "Namespace"]
        for stage in filter(None, (first, [each for each in objects if each not in first])):
            self.apply(stage, namespace)
        waiting = [each for each in objects if each["kind"] == HELM_RELEASE.name]
        while waiting:
            ready = [each for each in waiting if self._may_start(each)]
            assert ready, "each of these waits for another"
            for each in ready:
                self._install(each)
                waiting.remove(each)

    def healthy(self, kustomization: dict[str, Any]) -> None:
        """Wait until its ChatAssistants are current, and say that it is ready."""
        for each in self._objects(kustomization):
            if each["kind"] == "ChatAssistant":
                eventually(
                    lambda each=each: gitops.flux(self.live(each)) == "Current",  # type: ignore[misc]
                    f"{each['metadata']['name']} is current",
                )
        self.tell(kustomization, {"conditions": [{"type": "Ready", "status": "True"}]})

    def differences(self, kustomization: dict[str, Any]) -> str:
        """What reconciling a Kustomization, and the releases in it, would change."""
        objects = self._objects(kustomization)
        found = self.would_change(objects, kustomization["metadata"]["namespace"])
        for each in objects:
            if each["kind"] == HELM_RELEASE.name:
                spec = each["spec"]
                rendered = self.render(
                    spec["releaseName"], self._chart(each), spec["targetNamespace"], spec.get("values", {})
                )
                found += self.would_change(rendered, spec["targetNamespace"])
        return found

    def _objects(self, kustomization: dict[str, Any]) -> list[dict[str, Any]]:
        spec = kustomization["spec"]
        folder = self._source(kustomization, spec["sourceRef"]) / spec["path"]
        return [each for file in sorted(folder.glob("*.yaml")) for each in documents(file)]

    def _chart(self, release: dict[str, Any]) -> Path:
        chart = release["spec"]["chart"]["spec"]
        path: str = chart["chart"]
        return self._source(release, chart["sourceRef"]) / path

    def _source(self, obj: dict[str, Any], reference: dict[str, Any]) -> Path:
        namespace = obj["metadata"]["namespace"]
        source = {
            "apiVersion": GIT_REPOSITORY.api_version,
            "kind": reference["kind"],
            "metadata": {"name": reference["name"], "namespace": namespace},
        }
        return checkout(self._tree, self.live(source)["spec"]["url"])

    def _may_start(self, release: dict[str, Any]) -> bool:
        namespace = release["metadata"]["namespace"]
        needed = [each["name"] for each in release["spec"].get("dependsOn", [])]
        return all(self._is_ready(HELM_RELEASE, name, namespace) for name in needed)

    def _is_ready(self, kind: Kind, name: str, namespace: str) -> bool:
        told = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        resource = f"{kind.plural}.{kind.group}"
        return self.plane.kubectl("get", resource, name, "-n", namespace, told).stdout == "True"

    def _install(self, release: dict[str, Any]) -> None:
        spec = release["spec"]
        # Flux takes over what is there already, unless it is told not to.
        self._reader.run(
            f"helm upgrade --install {spec['releaseName']} {self._chart(release)} "
            f"--namespace {spec['targetNamespace']} --take-ownership {_values(spec.get('values', {}))}"
        )
        self.tell(release, {"conditions": [{"type": "Ready", "status": "True"}]})


def secret_of(made_of: dict[str, Any], value: str) -> dict[str, Any]:
    """The Secret that an ExternalSecret or a SealedSecret becomes, with this value in each entry."""
    metadata, spec = made_of["metadata"], made_of["spec"]
    if made_of["kind"] == EXTERNAL_SECRET.name:
        name, entries = spec["target"]["name"], [each["secretKey"] for each in spec["data"]]
    else:
        assert spec["template"]["metadata"] == {"name": metadata["name"], "namespace": metadata["namespace"]}
        name, entries = metadata["name"], list(spec["encryptedData"])
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "stringData": dict.fromkeys(entries, value),
    }


def _values(values: dict[str, Any]) -> str:
    return f"--values - <<'VALUES'\n{json.dumps(values)}\nVALUES"


def _wave(obj: dict[str, Any]) -> int:
    return int(obj["metadata"].get("annotations", {}).get(_WAVE, "0"))


def _address(obj: dict[str, Any]) -> tuple[str, str, str]:
    group = obj["apiVersion"].partition("/")[0]
    return f"{obj['kind']}.{group}", obj["metadata"]["name"], f"--namespace={obj['metadata']['namespace']}"


_CLUSTER_WIDE: Final = frozenset(
    {
        "Namespace",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)


def _placed(obj: dict[str, Any], namespace: str) -> dict[str, Any]:
    if obj["kind"] in _CLUSTER_WIDE or obj["metadata"].get("namespace"):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}
