"""What is in Git against what is live: the samples, and the manifests of Argo CD and Flux with their guides.

Neither tool is here: `support.gitops_tools` does to the API server what they would do with these manifests.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support import releases
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.gitops_tools import EXTERNAL_SECRET, KINDS, ArgoCD, Flux, secret_of
from support.guides import Reader, commands
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.optional_kinds import installed
from support.samples import ASSISTANTS, DEPLOY, documents, tree
from support.scenes import scene
from support.waiting import eventually

ARGO_CD = ("--server-side", "--field-manager=argocd-controller")
WAYS = {"server-side": (ARGO_CD, "argocd-controller"), "client-side": ((), "kubectl-client-side-apply")}
NOT_READY = {"every-field": "todo-tools and Redis are not there"}


def _allowed() -> dict[str, str]:
    settings = (
        "images",
        "endpoints",
        "metadata",
        "service_types",
        "priority_classes",
        "service_accounts",
        "egress",
    )
    return {f"policy__allowed_{each}": '["*"]' for each in settings}


@pytest.fixture(scope="module")
def prepared(
    kubernetes: ControlPlane,
    node: NodeStandIn,
    _gateway_process: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Assistants]:
    """A namespace with all that the samples refer to, and an operator that allows them everything."""
    folder = tmp_path_factory.mktemp("samples")
    with installed(kubernetes), scene(kubernetes, _gateway_process.base_url, folder, **_allowed()) as made:
        made.put_key(ACCEPTED.token)
        for name, entry, use in (
            ("todo-tools", "authorization=Bearer x", "tools"),
            ("todo-redis", "url=redis://127.0.0.1:1/0", "store"),
            ("todo-token", "token=open-sesame", "access"),
        ):
            made.kubectl("create", "secret", "generic", name, f"--from-literal={entry}")
            made.kubectl("label", "secret", name, f"chatassistant.dev/use={use}")
        made.kubectl("annotate", "secret", "todo-tools", "chatassistant.dev/hosts=todo-tools:8000")
        made.kubectl("create", "configmap", "todo-prompt", "--from-literal=prompt.txt=Be brief.")
        made.kubectl("create", "serviceaccount", "chatbots")
        made.kubectl("create", "priorityclass", "chatbots", "--value=1")
        yield made
        made.kubectl("delete", "priorityclass", "chatbots")


@pytest.fixture(scope="module")
def copies(_gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("tree"), _gateway_process.base_url)


def differences(assistants: Assistants, manifest: str, *force: str) -> str:
    """What kubectl would change, either way."""
    found = ""
    for options in ((), (*ARGO_CD, *force)):
        diff = ("-n", assistants.namespace, "diff", *options, "-f", "-")
        done = assistants.plane.kubectl(*diff, stdin=manifest, check=False)
        assert done.returncode in {0, 1}, done.stderr
        found += done.stdout
    return found


def managers(assistant: dict[str, Any]) -> set[str]:
    """Who has written anything but the status."""
    return {
        each["manager"]
        for each in assistant["metadata"]["managedFields"]
        if each.get("subresource") != "status"
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sample", ASSISTANTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_nothing_differs_once_a_sample_is_applied(
    prepared: Assistants, gateway: GatewayProcess, copies: Path, sample: Path, way: str
) -> None:
    options, manager = WAYS[way]
    text = (copies / "deploy" / sample.relative_to(DEPLOY)).read_text(encoding="utf-8")
    text = text.replace("namespace: todo-chatbot", f"namespace: {prepared.namespace}")
    (name,) = (each["metadata"]["name"] for each in documents(sample) if each["kind"] == "ChatAssistant")
    # Whom every-field.yaml lets answer simple queries, too.
    together = {"provider_name": "Together", "tag": "together"}
    gateway.put_model(id="meta-llama/llama-3.1-8b-instruct", endpoints=[together])
    prepared.kubectl("apply", *options, "-f", "-", stdin=text)
    try:
        if name in NOT_READY:
            prepared.wait_for("Applied", "Applied", name)
        else:
            prepared.wait_for("Ready", name=name, timeout=60)
        assert prepared.kubectl("get", "deployment", name)
        assert managers(prepared.get(name)) == {manager}
        assert differences(prepared, text) == ""
        edited = text.replace("name: openrouter-secret", "name: another-secret")
        assert differences(prepared, edited, "--force-conflicts").count("+      name: another-secret") == 2
    finally:
        prepared.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=text)
        kinds = "deployments,services,pods,secrets,configmaps"
        label = f"chatassistant.dev/name={name}"
        eventually(lambda: "No resources" in prepared.kubectl("get", kinds, "-l", label), "nothing is left")


class Cluster:
    """A cluster with the kinds that GitOps tools bring, somebody who follows a guide, and an operator by its release."""

    def __init__(self, plane: ControlPlane, gateway: GatewayProcess, folder: Path) -> None:
        self.plane, self._gateway, self._folder = plane, gateway, folder
        self.tree = tree(folder / "tree", gateway.base_url)
        self.reader = Reader(plane, self.tree, folder / "home")
        self.operator: OperatorProcess | None = None

    def run_operator(self) -> None:
        """What the Deployment is for."""
        self.operator = releases.operator(self.plane, self._gateway.base_url, self._folder)

    def make_secrets(self) -> None:
        """What the External Secrets Operator is for."""
        resource = f"{EXTERNAL_SECRET.plural}.{EXTERNAL_SECRET.group}"
        found = json.loads(self.plane.kubectl("get", resource, "-A", "-o", "json").stdout)["items"]
        assert found
        for each in found:
            self.plane.kubectl("apply", "-f", "-", stdin=json.dumps(secret_of(each, ACCEPTED.token)))


@pytest.fixture
def cluster(
    kubernetes: ControlPlane, node: NodeStandIn, gateway: GatewayProcess, tmp_path: Path
) -> Iterator[Cluster]:
    with installed(kubernetes, *KINDS):
        made = Cluster(kubernetes, gateway, tmp_path)
        try:
            yield made
        finally:
            if made.operator is not None:
                made.operator.stop()
            releases.remove(kubernetes, "todo-chatbot", "argocd", "flux-system")
        assert made.operator is None or "Traceback" not in made.operator.log, made.operator.log


def _only(file: Path, kind: str) -> dict[str, Any]:
    (found,) = (each for each in documents(file) if each["kind"] == kind)
    return found


def test_the_guide_of_argo_cd(cluster: Cluster) -> None:
    cluster.plane.kubectl("create", "namespace", "argocd")
    cluster.plane.kubectl("create", "configmap", "argocd-cm", "-n", "argocd")
    install, *see = commands("deploy/argocd/README.md")
    cluster.reader.run(install)
    argo = ArgoCD(cluster.plane, cluster.reader, cluster.tree)
    root = argo.live(_only(DEPLOY / "argocd/root.yaml", "Application"))
    order = []
    for name in argo.sync(root):
        order.append(name)
        if name == "chatassistant-operator":
            cluster.run_operator()
        if name == "assistants":
            cluster.make_secrets()
    assert order == ["chatassistant-crds", "chatassistant-operator", "assistants", "chatassistant"]
    seen = [cluster.reader.run(block) for block in see]
    assert "http://todo.todo-chatbot" in seen[0]
    assert argo.differences(root) == ""


def test_the_guide_of_flux(cluster: Cluster) -> None:
    releases.let_helm_have_the_crd(cluster.plane)
    cluster.plane.kubectl("create", "namespace", "flux-system")
    install, *see = commands("deploy/flux/README.md")
    cluster.reader.run(install)
    flux = Flux(cluster.plane, cluster.reader, cluster.tree)
    platform = flux.live(_only(DEPLOY / "flux/chatassistant.yaml", "Kustomization"))
    assistants = flux.live(_only(DEPLOY / "flux/assistants.yaml", "Kustomization"))
    with pytest.raises(AssertionError, match="chatassistant"):
        flux.reconcile(assistants)
    flux.reconcile(platform)
    flux.healthy(platform)
    cluster.run_operator()
    flux.reconcile(assistants)
    cluster.make_secrets()
    flux.healthy(assistants)
    seen = [cluster.reader.run(block) for block in see]
    assert "http://todo.todo-chatbot" in seen[0]
    for each in (platform, assistants):
        assert flux.differences(each) == ""
    for block in commands("docs/gitops.md"):
        assert cluster.reader.run(block) == ""


def test_a_sealed_secret_becomes_the_same_secret(kubernetes: ControlPlane, namespace: str) -> None:
    folder = DEPLOY / "samples/gitops"
    (sealed,), (external,) = (
        documents(folder / each) for each in ("sealed-secret.yaml", "assistants/openrouter-secret.yaml")
    )
    assert secret_of(sealed, "x") == secret_of(external, "x")
    with installed(kubernetes, *KINDS):
        text = yaml.safe_dump_all([sealed]).replace("todo-chatbot", namespace)
        kubernetes.kubectl("apply", "-f", "-", stdin=text)
