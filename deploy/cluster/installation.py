"""What is installed on a cluster: the operator, by its charts, and assistants, from the samples."""

import json
import os
from typing import Any, Final

from deploy.cluster.console import ClusterError, say
from deploy.cluster.folders import CHARTS, KUBECONFIG, SAMPLES, STATE
from deploy.cluster.kubectl import Kubectl, helm, manifest, objects

from chatassistant_operator.local.openrouter.situations import ACCEPTED

NAMESPACE: Final = "chatassistant-system"
STAND_IN: Final = "http://openrouter.openrouter.svc/api/v1"
_OPENROUTER: Final = "https://openrouter.ai/api/v1"
_KEY: Final = "OPENROUTER_API_KEY"
_TODO: Final = "todo-chatbot"
_QUICKSTART: Final = "quickstart"
_READY_SECONDS: Final = 180


def install_operator(tags: dict[str, str]) -> None:
    """Install or upgrade the CRDs and the operator.

    Args:
        tags: Which `operator` and which `chatbot`, by the tags of their images.
    """
    values = {
        "image": {"tag": tags["operator"]},
        "chatbotImage": {"tag": tags["chatbot"]},
        "policy": {"allowedGateways": [_OPENROUTER, STAND_IN]},
        # To the stand-in.
        "networkPolicy": {"egressPorts": [443, 6443, 8080]},
    }
    file = STATE / "values.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    for chart, options in (("chatassistant-crds", ()), ("chatassistant-operator", (f"--values={file}",))):
        say(f"installing the chart {chart}")
        release = (chart, str(CHARTS / chart), f"--namespace={NAMESPACE}", "--create-namespace")
        try:
            helm("upgrade", "--install", *release, *options, "--wait", "--timeout=3m")
        except ClusterError as error:
            why = f"kubectl --kubeconfig={KUBECONFIG} get pods,events --namespace={NAMESPACE}"
            raise ClusterError(f"{error}\nWhat its pods met: {why}") from error


def install_assistants(kubectl: Kubectl, operator_image: str) -> None:
    """Apply the samples, with the stand-in for OpenRouter behind them unless there is a key for the real one."""
    key = os.environ.get(_KEY)
    if key:
        say(f"{_KEY} is set: the assistants talk to OpenRouter")
    else:
        say(f"{_KEY} is not set: the assistants talk to a stand-in for OpenRouter, here in the cluster")
        kubectl.apply(manifest("openrouter.yaml", image=operator_image))
        kubectl("rollout", "status", "deployment/openrouter", "--namespace=openrouter", "--timeout=3m")
    assistants = [*_sample("todo/todo.yaml"), *_elsewhere(_sample("quickstart.yaml"), _QUICKSTART)]
    for namespace in sorted({each["metadata"]["namespace"] for each in assistants}):
        kubectl.apply([_namespace(namespace), _secret(namespace, key or ACCEPTED.token)])
    program = (SAMPLES / "todo" / "server.py").read_text(encoding="utf-8")
    metadata = {"name": "todo-tools", "namespace": _TODO}
    tools = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"server.py": program}}
    kubectl.apply([tools, *(each if key else _with_stand_in(each) for each in assistants)])


def show(kubectl: Kubectl) -> None:
    """Wait until the samples are ready, whatever else there is, and say how to use them."""
    for namespace in (_TODO, _QUICKSTART):
        ready = ("wait", "--for=condition=Ready", "chat", "--all", f"--namespace={namespace}")
        kubectl(*ready, f"--timeout={_READY_SECONDS}s", check=False)
    say("")
    say(kubectl("get", "chat", "--all-namespaces"))
    say(
        "The page to chat on, at http://127.0.0.1:8000/ while this runs, and the token that it asks for:\n"
        f"  export KUBECONFIG={KUBECONFIG}\n"
        f"  {kubectl.program} port-forward -n {_TODO} svc/todo 8000:80\n"
        f"  {kubectl.program} get secret todo-access -n {_TODO} -o jsonpath='{{.data.token}}' | base64 -d\n"
        "make cluster-down removes the cluster."
    )


def _sample(name: str) -> list[dict[str, Any]]:
    return objects((SAMPLES / name).read_text(encoding="utf-8"))


def _elsewhere(manifests: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    return [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in manifests]


def _with_stand_in(each: dict[str, Any]) -> dict[str, Any]:
    if each["kind"] != "ChatAssistant":
        return each
    return {**each, "spec": {**each["spec"], "gateway": {"baseURL": STAND_IN}}}


def _namespace(name: str) -> dict[str, Any]:
    # Whatever breaks this rule of Kubernetes's own is refused.
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _secret(namespace: str, key: str) -> dict[str, Any]:
    metadata = {"name": "openrouter-secret", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": key}}
