"""Children that there are only while the spec asks for them: made, kept as they should be, removed, and never taken over."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatassistant_operator.cluster.kinds import BY_NAME, HTTP_ROUTE, OCCASIONAL
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.operators import OperatorProcess
from support.optional_kinds import installed
from support.waiting import eventually

INGRESS = {
    "className": "nginx",
    "host": "todo.example.com",
    "tlsSecretName": "todo-tls",
    "annotations": {"example.com/a": "b"},
}
ROUTE = {"parentRefs": [{"name": "public", "namespace": "gateways"}], "hostnames": ["chat.example.com"]}
ASKED_FOR: dict[str, dict[str, Any]] = {
    "NetworkPolicy": {},
    "Ingress": {"ingress": INGRESS},
    "HorizontalPodAutoscaler": {"autoscaling": {"maxReplicas": 3}},
    "PodDisruptionBudget": {"replicas": 2},
    "HTTPRoute": {"httpRoute": ROUTE},
    "ServiceMonitor": {"observability": {"serviceMonitor": True}},
    "PrometheusRule": {"observability": {"prometheusRule": True}},
}
NOT_ASKED_FOR: dict[str, dict[str, Any]] = {"NetworkPolicy": {"networkPolicy": {"enabled": False}}}


@pytest.fixture
def all_kinds(kubernetes: ControlPlane) -> Iterator[None]:
    """A cluster with the Gateway API and the Prometheus Operator."""
    with installed(kubernetes):
        yield


@pytest.fixture
def allowing(start_operator: Callable[..., OperatorProcess], assistants: Assistants) -> Assistants:
    """An operator that allows all annotations, and a key that the gateway accepts."""
    assistants.put_key(ACCEPTED.token)
    start_operator(policy__allowed_metadata='["*"]')
    return assistants


def _resource(kind: str) -> str:
    found = BY_NAME[kind]
    return f"{found.plural}.{found.group}" if found.group else found.plural


def _live(assistants: Assistants, kind: str, name: str = "todo") -> dict[str, Any]:
    """The object, empty when there is none."""
    text = assistants.kubectl("get", _resource(kind), name, "--ignore-not-found", "-o", "json")
    found: dict[str, Any] = json.loads(text) if text.strip() else {}
    return found


@pytest.mark.parametrize("kind", ASKED_FOR)
def test_made_repaired_and_removed(kind: str, all_kinds: None, allowing: Assistants) -> None:
    assert set(ASKED_FOR) == {each.name for each in OCCASIONAL}
    allowing.apply(**ASKED_FOR[kind])
    allowing.wait_for("Ready")
    made = _live(allowing, kind)
    owner = made["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["controller"], "blockOwnerDeletion" in owner) == (
        "ChatAssistant",
        True,
        False,
    )
    allowing.kubectl("patch", _resource(kind), "todo", "--type=merge", "-p", json.dumps({"spec": EDIT[kind]}))
    eventually(lambda: _live(allowing, kind)["spec"] == made["spec"], f"the {kind} is as it was")
    allowing.kubectl("delete", _resource(kind), "todo", "--wait=false")
    eventually(lambda: _live(allowing, kind).get("spec") == made["spec"], f"the {kind} comes back")
    gone = dict.fromkeys(ASKED_FOR[kind])
    allowing.apply(**(gone | NOT_ASKED_FOR.get(kind, {})))
    eventually(lambda: not _live(allowing, kind), f"the {kind} goes")
    allowing.wait_for("Ready")


def test_a_steady_object_is_not_written_again(all_kinds: None, allowing: Assistants) -> None:
    observability = {"serviceMonitor": True, "prometheusRule": True}
    allowing.apply(replicas=2, ingress=INGRESS, httpRoute=ROUTE, observability=observability)
    allowing.wait_for("Ready")
    # Those with a status have new versions with each pod.
    kinds = ASKED_FOR.keys() - {"HorizontalPodAutoscaler", "PodDisruptionBudget"}
    before = {kind: _live(allowing, kind)["metadata"]["resourceVersion"] for kind in kinds}
    allowing.kubectl("scale", "chat/todo", "--replicas=3")
    eventually(lambda: allowing.get()["status"]["readyReplicas"] == 3, "three pods are ready")
    assert {kind: _live(allowing, kind)["metadata"]["resourceVersion"] for kind in kinds} == before


EDIT: dict[str, dict[str, Any]] = {
    "NetworkPolicy": {"egress": []},
    "Ingress": {"ingressClassName": "other"},
    "HorizontalPodAutoscaler": {"maxReplicas": 9},
    "PodDisruptionBudget": {"maxUnavailable": 2},
    "HTTPRoute": {"hostnames": ["other.example.com"]},
    "ServiceMonitor": {"endpoints": []},
    "PrometheusRule": {"groups": []},
}
PODS = {"podSelector": {"matchLabels": {"app": "mine"}}}
FOREIGN: dict[str, dict[str, Any]] = {
    "NetworkPolicy": PODS,
    "Ingress": {"defaultBackend": {"service": {"name": "mine", "port": {"number": 1}}}},
    "HorizontalPodAutoscaler": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mine"},
        "maxReplicas": 1,
    },
    "PodDisruptionBudget": {"minAvailable": 1, "selector": {"matchLabels": {"app": "mine"}}},
    "HTTPRoute": {"hostnames": ["mine.example.com"]},
    "ServiceMonitor": {"endpoints": [{"port": "mine"}]},
    "PrometheusRule": {"groups": []},
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_someone_elses_is_left_alone_also_when_the_field_goes(
    kind: str, all_kinds: None, allowing: Assistants
) -> None:
    # With our label on it, it is in the operator's cache, too.
    metadata = {"name": "todo", "labels": {"chatassistant.dev/name": "todo"}}
    foreign = {
        "apiVersion": BY_NAME[kind].api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": FOREIGN[kind],
    }
    allowing.kubectl("create", "-f", "-", stdin=json.dumps(foreign))
    before = _live(allowing, kind)
    allowing.apply(**ASKED_FOR[kind])
    conflict = allowing.wait_for("NameConflict")
    assert f"{kind} 'todo'" in conflict["message"]
    assert "kubectl delete" in conflict["message"]
    allowing.apply(**(dict.fromkeys(ASKED_FOR[kind]) | NOT_ASKED_FOR.get(kind, {})))
    allowing.wait_for("Ready")
    after = _live(allowing, kind)
    assert (after["spec"], after["metadata"]["uid"]) == (before["spec"], before["metadata"]["uid"])
    assert "ownerReferences" not in after["metadata"]


def test_what_went_while_nobody_looked_goes_at_the_next_start(
    all_kinds: None, start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    assistants.put_key(ACCEPTED.token)
    first = start_operator()
    assistants.apply(observability={"serviceMonitor": True}, httpRoute=ROUTE)
    assistants.wait_for("Ready")
    assert _live(assistants, "ServiceMonitor")
    first.stop()
    assistants.apply()
    start_operator()
    eventually(
        lambda: not _live(assistants, "ServiceMonitor") and not _live(assistants, "HTTPRoute"), "both go"
    )


def test_a_kind_that_is_not_installed_is_told_and_noticed_when_it_appears(
    kubernetes: ControlPlane, allowing: Assistants
) -> None:
    allowing.apply(httpRoute=ROUTE)
    missing = allowing.wait_for("ApplyFailed", "Applied")
    for words in ("no HTTPRoute (gateway.networking.k8s.io/v1)", "the rest works", "kubectl api-resources"):
        assert words in missing["message"]
    eventually(lambda: allowing.get()["status"]["readyReplicas"] == 1, "the rest works")
    assert allowing.condition("Available")["reason"] == "DeploymentAvailable"
    with installed(kubernetes, HTTP_ROUTE):
        allowing.wait_for("Ready", timeout=75)
        assert _live(allowing, "HTTPRoute")["spec"]["hostnames"] == ["chat.example.com"]
        allowing.kubectl("delete", _resource("HTTPRoute"), "todo", "--wait=false")
        eventually(lambda: _live(allowing, "HTTPRoute"), "it is watched, and comes back")
    # And when it goes again.
    allowing.apply(httpRoute=ROUTE, systemPrompt="Another one")
    assert "the rest works" in allowing.wait_for("ApplyFailed", "Applied")["message"]
    allowing.apply()
    allowing.wait_for("Ready")


def test_it_is_told_where_the_assistant_answers(all_kinds: None, allowing: Assistants) -> None:
    for spec, url in (
        ({"ingress": INGRESS}, "https://todo.example.com"),
        ({"ingress": {"host": "todo.example.com"}}, "http://todo.example.com"),
        ({"httpRoute": {"parentRefs": [{"name": "p", "port": 443}], "hostnames": ["c.example.com"]}}, "https://c.example.com"),
        ({}, f"http://todo.{allowing.namespace}.svc"),
    ):  # fmt: skip
        allowing.apply(**spec)
        eventually(lambda url=url: allowing.get()["status"].get("url") == url, f"the URL is {url}")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("spec", "setting"),
    [
        ({"serviceAccountName": "default"}, "allowedServiceAccounts"),
        ({"ingress": {"host": "evil.example.com"}}, "allowedHosts"),
        ({"httpRoute": {"parentRefs": [{"name": "p"}]}}, "allowedHosts"),
        ({"ingress": {**INGRESS, "annotations": {"nginx/snippet": "x"}}}, "allowedMetadata"),
        (
            {"networkPolicy": {"additionalEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/15"}}]}]}},
            "allowedEgress",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_the_policy_forbids_is_not_made(
    spec: dict[str, Any],
    setting: str,
    start_operator: Callable[..., OperatorProcess],
    assistants: Assistants,
) -> None:
    start_operator(
        policy__allowed_hosts='["todo.example.com", "*.chat.example.com"]',
        policy__allowed_egress='["10.0.0.0/16"]',
    )
    assistants.put_key(ACCEPTED.token)
    assistants.apply(**spec)
    assert setting in assistants.wait_for("PolicyDenied")["message"]
    kinds = ",".join(_resource(kind) for kind in ("Deployment", "Ingress", "NetworkPolicy", "ServiceAccount"))
    assert "No resources found" in assistants.kubectl("get", kinds, "-l", "chatassistant.dev/name")


def _replicas(assistants: Assistants) -> int:
    count: int = _live(assistants, "Deployment")["spec"]["replicas"]
    return count


def _scaled_by(assistants: Assistants) -> set[str]:
    """Whose the number of pods is."""
    text = assistants.kubectl("get", "deployment", "todo", "-o", "json", "--show-managed-fields")
    fields = json.loads(text)["metadata"]["managedFields"]
    return {each["manager"] for each in fields if "f:replicas" in each["fieldsV1"].get("f:spec", {})}


def test_an_autoscaler_has_the_last_word_on_replicas(allowing: Assistants) -> None:
    allowing.apply(replicas=2)
    allowing.wait_for("Ready")
    allowing.apply(replicas=None, autoscaling={"maxReplicas": 3})
    allowing.wait_for("Ready")
    assert _replicas(allowing) == 2, "nobody has said otherwise yet"
    assert _scaled_by(allowing) == {"chatassistant-operator"}
    # The real autoscaler has no metrics here, and so keeps what is within its bounds, and corrects what is not.
    allowing.apply(autoscaling={"minReplicas": 3, "maxReplicas": 3})
    eventually(lambda: _replicas(allowing) == 3, "the autoscaler scales to its minimum")
    allowing.apply(systemPrompt="Another one", autoscaling={"maxReplicas": 3})
    allowing.wait_for("Ready", timeout=90)
    assert _replicas(allowing) == 3, "a new revision keeps what the autoscaler said"
    assert "chatassistant-operator" not in _scaled_by(allowing)
    allowing.apply(suspend=True, autoscaling={"minReplicas": 2, "maxReplicas": 3})
    eventually(lambda: _replicas(allowing) == 0, "nothing runs while suspended")
    allowing.apply(suspend=False, autoscaling={"minReplicas": 2, "maxReplicas": 3})
    eventually(lambda: _replicas(allowing) == 2, "it goes on with the minimum")
    allowing.wait_for("Ready")
    allowing.apply(autoscaling=None)
    eventually(lambda: _replicas(allowing) == 1, "spec.replicas counts again")
    eventually(lambda: not _live(allowing, "HorizontalPodAutoscaler"), "the autoscaler goes")


def test_pods_run_under_the_account_that_the_spec_names(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    start_operator(policy__allowed_service_accounts='["chatbots"]')
    assistants.kubectl("create", "serviceaccount", "chatbots")
    assistants.put_key(ACCEPTED.token)
    assistants.apply(serviceAccountName="chatbots")
    assistants.wait_for("Ready")
    (pod,) = assistants.pods()
    assert (pod.spec.service_account_name, pod.spec.automount_service_account_token) == ("chatbots", False)
    assert not _live(assistants, "ServiceAccount")


def _egress(assistants: Assistants) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = _live(assistants, "NetworkPolicy")["spec"]["egress"]
    return rules


def test_a_service_is_reached_at_its_pods_and_their_port(allowing: Assistants) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "tools"},
        "spec": {"selector": {"app": "tools"}, "ports": ports},
    }
    tools = {"mcpServers": [{"name": "todo", "url": "http://tools/mcp"}]}
    allowing.apply(image="ghcr.io/chatassistant-dev/chatbot:0", tools=tools)
    eventually(lambda: _live(allowing, "NetworkPolicy"), "the policy is made")
    rule = {
        "to": [{"podSelector": {"matchLabels": {"app": "tools"}}}],
        "ports": [{"port": "web", "protocol": "TCP"}],
    }
    assert rule not in _egress(allowing)
    allowing.kubectl("create", "-f", "-", stdin=json.dumps(service))
    eventually(lambda: rule in _egress(allowing), "the Service's pods may be reached")


def test_a_hole_in_the_policy_is_closed(allowing: Assistants) -> None:
    allowing.apply()
    allowing.wait_for("Ready")
    before = _egress(allowing)
    hole = [{"op": "add", "path": "/spec/egress/0/ports/0/endPort", "value": 65535}]
    allowing.kubectl("patch", "networkpolicy/todo", "--type=json", "-p", json.dumps(hole))
    eventually(lambda: _egress(allowing) == before, "DNS's port is the only one again")


def test_the_operators_settings_open_what_they_name(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    start_operator(egress='["10.9.0.0/16", "fd00::/64"]', metrics_namespaces='["monitoring"]')
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    wanted = {"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}, {"ipBlock": {"cidr": "fd00::/64"}}]}
    assert wanted in _egress(assistants)
    _, metrics = _live(assistants, "NetworkPolicy")["spec"]["ingress"]
    (peer,) = metrics["from"]
    assert metrics["ports"] == [{"port": 9090, "protocol": "TCP"}]
    # Out of a cluster, the operator's namespace is that of its kubeconfig.
    assert peer["namespaceSelector"]["matchExpressions"][0]["values"] == ["default", "monitoring"]
