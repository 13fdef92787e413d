"""What the operator makes, keeps as it should be, and leaves alone."""

import json
from typing import Any

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.gateway import GatewayProcess
from support.operators import OperatorProcess
from support.waiting import eventually

PATCHED = (
    ("deployment/todo", "deployment", {"spec": {"replicas": 4}}),
    ("deployment/todo", "deployment", {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 3}}}}),
    (
        "deployment/todo",
        "deployment",
        {"spec": {"template": {"spec": {"automountServiceAccountToken": True}}}},
    ),
    (
        "deployment/todo",
        "deployment",
        {"spec": {"template": {"spec": {"containers": [{"name": "chatbot", "image": "busybox:1"}]}}}},
    ),
    ("deployment/todo", "deployment", {"metadata": {"labels": {"chatassistant.dev/name": "other"}}}),
    ("service/todo", "service", {"spec": {"ports": [{"port": 80, "targetPort": 1234}]}}),
    ("service/todo", "service", {"spec": {"selector": {"chatassistant.dev/name": "other"}}}),
    ("serviceaccount/todo", "serviceaccount", {"automountServiceAccountToken": True}),
)


@pytest.fixture
def ready(operator: OperatorProcess, assistants: Assistants) -> Assistants:
    """A ChatAssistant that is ready."""
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    return assistants


def _live(assistants: Assistants, target: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(assistants.kubectl("get", target, "-o", "json"))
    return found


@pytest.mark.parametrize("target", ["deployment/todo", "service/todo", "serviceaccount/todo", "configmap"])
def test_a_deleted_child_comes_back(ready: Assistants, target: str) -> None:
    if target == "configmap":
        names = ready.kubectl("get", "configmap", "-l", "chatassistant.dev/name", "-o", "name")
        target = names.strip()
    before = _live(ready, target)["metadata"]["uid"]
    ready.kubectl("delete", target, "--wait=false")

    def is_back() -> bool:
        found = ready.kubectl("get", target, "-o", "jsonpath={.metadata.uid}", check=False)
        return "not found" not in found.lower() and found != before

    eventually(is_back, f"{target} comes back")
    ready.wait_for("Ready")


@pytest.mark.parametrize(("target", "kind", "patch"), PATCHED, ids=lambda value: str(value)[:60])
def test_an_edited_field_comes_back(ready: Assistants, target: str, kind: str, patch: dict[str, Any]) -> None:
    assert kind
    before = _live(ready, target)
    ready.kubectl("patch", target, "--type=strategic", "-p", json.dumps(patch))

    def is_back() -> bool:
        live = _live(ready, target)
        same = (
            live.get("spec") == before.get("spec")
            and live["metadata"]["labels"] == before["metadata"]["labels"]
        )
        return same and live.get("automountServiceAccountToken") == before.get("automountServiceAccountToken")

    eventually(is_back, f"{target} is as it was")


def test_what_others_set_stays(ready: Assistants) -> None:
    ready.kubectl("annotate", "deployment/todo", "example.com/note=mine")
    ready.kubectl("label", "service/todo", "example.com/team=mine")
    ready.kubectl("scale", "chat/todo", "--replicas=2")
    eventually(lambda: ready.get()["status"]["readyReplicas"] == 2, "two pods are ready")
    assert _live(ready, "deployment/todo")["metadata"]["annotations"]["example.com/note"] == "mine"
    assert _live(ready, "service/todo")["metadata"]["labels"]["example.com/team"] == "mine"
    # A Git repository that does not name replicas leaves alone what a person or an autoscaler asked for.
    ready.apply(systemPrompt="Another one")
    ready.wait_for("Ready")
    assert _live(ready, "deployment/todo")["spec"]["replicas"] == 2


def test_an_autoscaler_of_the_assistant_is_followed(ready: Assistants) -> None:
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "todo"},
        "spec": {"replicas": 3},
    }
    scale["metadata"] |= {"namespace": ready.namespace}  # type: ignore[operator]  # a dict of dicts and strings
    ready.kubectl(
        "replace",
        "--raw",
        f"/apis/chatassistant.dev/v1alpha1/namespaces/{ready.namespace}/chatassistants/todo/scale",
        "-f",
        "-",
        stdin=json.dumps(scale),
    )
    eventually(lambda: _live(ready, "deployment/todo")["spec"]["replicas"] == 3, "three replicas")


FOREIGN: dict[str, dict[str, Any]] = {
    "deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "mine"}},
            "template": {
                "metadata": {"labels": {"app": "mine"}},
                "spec": {"containers": [{"name": "mine", "image": "mine:1"}]},
            },
        },
    },
    "service": {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"ports": [{"port": 1}], "selector": {"app": "mine"}},
    },
    "serviceaccount": {"apiVersion": "v1", "kind": "ServiceAccount"},
    "configmap": {"apiVersion": "v1", "kind": "ConfigMap", "data": {"mine": "yes"}},
    "secret": {"apiVersion": "v1", "kind": "Secret", "data": {"mine": "eWVz"}},
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_someone_elses_object_of_that_name_is_left_alone(
    kind: str, operator: OperatorProcess, assistants: Assistants
) -> None:
    name = "todo-access" if kind == "secret" else "todo"
    assistants.put_key(ACCEPTED.token)
    if kind == "configmap":
        # Its name is known once it has been made.
        assistants.apply()
        assistants.wait_for("Ready")
        found = assistants.kubectl("get", "configmap", "-l", "chatassistant.dev/name", "-o", "name")
        name = found.strip().partition("/")[2]
        assistants.kubectl("delete", "chat", "todo")
        eventually(lambda: "not found" in assistants.kubectl("get", "cm", name, check=False), "it is gone")
    foreign = FOREIGN[kind] | {"metadata": {"name": name}}
    assistants.kubectl("create", "-f", "-", stdin=json.dumps(foreign))
    before = _live(assistants, f"{kind}/{name}")
    assistants.apply()
    conflict = assistants.wait_for("NameConflict")
    assert f"'{name}'" in conflict["message"]
    assert "kubectl delete" in conflict["message"]
    assert _live(assistants, f"{kind}/{name}")["metadata"] == before["metadata"]
    assistants.kubectl("delete", "chat", "todo")
    eventually(lambda: "not found" in assistants.kubectl("get", "chat", "todo", check=False), "it is gone")
    after = _live(assistants, f"{kind}/{name}")
    assert after.get("spec") == before.get("spec")
    assert after.get("data") == before.get("data")


@pytest.mark.parametrize("left", ["service/todo", "secret/todo-access"])
def test_who_comes_again_at_once_waits_for_what_the_earlier_one_has_left(
    left: str, ready: Assistants
) -> None:
    hold = '{"metadata": {"finalizers": ["example.com/hold"]}}'
    ready.kubectl("patch", left, "--type=merge", "-p", hold)
    before = _live(ready, left)["metadata"]["uid"]
    ready.kubectl("delete", "chat", "todo", "--wait=true")
    ready.apply()
    assert "is being removed" in ready.wait_for("NameConflict")["message"]
    ready.kubectl("patch", left, "--type=merge", "-p", hold.replace('"example.com/hold"', ""))
    ready.wait_for("Ready", timeout=10)
    assert _live(ready, left)["metadata"]["uid"] != before


TOLERATION = {"key": "dedicated", "operator": "Equal", "value": "chatbots", "effect": "NoSchedule"}
PROVIDER = {
    "order": ["stand-in"],
    "only": ["stand-in", "openai"],
    "ignore": ["nobody"],
    "allowFallbacks": True,
    "requireParameters": True,
    "dataCollection": "deny",
    "zdr": False,
    "sort": "price",
    "maxPrice": {"prompt": 1, "completion": 2.5, "request": 0.5, "image": 0.25},
}
MODEL: dict[str, Any] = {
    "name": "openai/gpt-4o-mini",
    "fallbacks": ["openai/gpt-5-mini", "openrouter/free"],
    "simpleQueries": {"name": "openai/gpt-5-mini", "maxCharacters": 9},
    "parameters": {
        "temperature": 0.1,
        "topP": 0.5,
        "topK": 7,
        "minP": 0.2,
        "frequencyPenalty": 0.3,
        "presencePenalty": 0.4,
        "repetitionPenalty": 1.5,
        "seed": 42,
        "stop": ["END"],
        "maxTokens": 99,
    },
    "provider": PROVIDER,
}
SERVER = {
    "name": "todo",
    "url": "http://tools:8000/mcp",
    "transport": "StreamableHTTP",
    "allowedTools": ["list_tasks"],
    "timeoutSeconds": 7,
}
HEADER = {"name": "Authorization", "secretKeyRef": {"name": "tools", "key": "bearer"}}
ANSWERS: dict[str, Any] = {
    "cache": {"enabled": False, "ttlSeconds": 5, "maxEntries": 6, "shared": True},
    "faq": [{"question": "Who are you?", "answer": "Nobody — and you?"}],
    "rateLimit": {"requests": 3, "windowSeconds": 4},
    "limits": {"concurrent": 2, "queue": 0},
}
DEPLOYED: dict[str, Any] = {
    "replicas": 2,
    "image": "example.com/chatbot:1",
    "imagePullPolicy": "Always",
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccountName": "chatbots",
    "ingress": {
        "className": "nginx",
        "host": "todo.example.com",
        "tlsSecretName": "todo-tls",
        "annotations": {"example.com/i": "3"},
    },
    "networkPolicy": {
        "enabled": True,
        "additionalEgress": [
            {"to": [{"ipBlock": {"cidr": "10.2.0.0/16"}}], "ports": [{"port": 6379, "protocol": "TCP"}]}
        ],
    },
    "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "512Mi", "cpu": 1}},
    "service": {"type": "NodePort", "port": 8000, "annotations": {"example.com/a": "b"}},
    "pod": {
        "labels": {"example.com/l": "1"},
        "annotations": {"example.com/n": "2"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [TOLERATION],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "priorityClassName": "chatbots",
    },
}
GATEWAY = {"timeoutSeconds": 9, "referer": "https://todo.example.com", "title": "Todo"}


@pytest.fixture
def every_field(start_operator: Any, assistants: Assistants, gateway: GatewayProcess) -> Assistants:
    """A ChatAssistant with every field, whose Deployment is there."""
    start_operator(
        policy__allowed_metadata='["example.com/"]',
        policy__allowed_priority_classes='["chatbots"]',
        policy__allowed_service_types='["*"]',
        policy__allowed_images='["*"]',
        policy__allowed_service_accounts='["chatbots"]',
        policy__allowed_egress='["10.0.0.0/8"]',
        trusted_proxies='["10.0.0.0/8"]',
    )
    assistants.put_key(ACCEPTED.token)
    assistants.kubectl("create", "serviceaccount", "chatbots")
    assistants.kubectl("create", "configmap", "prompts", "--from-literal=prompt.txt=Answer in rhymes")
    for name, use, entry in (
        ("tools", "tools", "bearer"),
        ("redis", "store", "url"),
        ("mine", "access", "word"),
    ):
        assistants.kubectl("create", "secret", "generic", name, f"--from-literal={entry}=x")
        assistants.kubectl("label", "secret", name, f"chatassistant.dev/use={use}")
    assistants.kubectl("annotate", "secret", "tools", "chatassistant.dev/hosts=tools:8000")
    assistants.apply(
        credentials={"delivery": "File", "rotationPolicy": "Immediate"},
        model=MODEL,
        systemPromptFrom={"configMapKeyRef": {"name": "prompts", "key": "prompt.txt"}},
        gateway=GATEWAY,
        tools={"maxRounds": 3, "mcpServers": [{**SERVER, "headersFrom": [HEADER]}]},
        budget={"dailyUSD": 0.07, "tokensPerRequest": 5000},
        store={"type": "Redis", "urlSecretRef": {"name": "redis", "key": "url"}},
        access={"mode": "Token", "tokenSecretRef": {"name": "mine", "key": "word"}},
        validation={"mode": "Catalog", "intervalSeconds": 300},
        observability={"logLevel": "Debug", "otlpEndpoint": "http://collector:4318"},
        **ANSWERS,
        **DEPLOYED,
    )
    assistants.wait_for("RolloutProgressing")
    return assistants


def _configuration(assistants: Assistants) -> dict[str, Any]:
    """What the pods of the Deployment read."""
    volumes = _live(assistants, "deployment/todo")["spec"]["template"]["spec"]["volumes"]
    name = next(each["configMap"]["name"] for each in volumes if "configMap" in each)
    content: dict[str, Any] = json.loads(_live(assistants, f"configmap/{name}")["data"]["config.json"])
    return content


def test_every_field_reaches_its_child(every_field: Assistants) -> None:
    deployment = _live(every_field, "deployment/todo")["spec"]
    pod, metadata = deployment["template"]["spec"], deployment["template"]["metadata"]
    container = pod["containers"][0]
    assert deployment["replicas"] == 2
    assert (container["image"], container["imagePullPolicy"]) == ("example.com/chatbot:1", "Always")
    assert container["resources"]["requests"]["cpu"] == "100m"
    assert container["resources"]["limits"] == {"memory": "512Mi", "cpu": "1"}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"disk": "ssd"}, [TOLERATION])
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "zone"
    assert pod["priorityClassName"] == "chatbots"
    assert metadata["labels"]["example.com/l"] == "1"
    assert metadata["annotations"]["example.com/n"] == "2"
    service = _live(every_field, "service/todo")
    assert (service["spec"]["type"], service["spec"]["ports"][0]["port"]) == ("NodePort", 8000)
    assert service["metadata"]["annotations"]["example.com/a"] == "b"


def test_every_field_reaches_those_around_the_pods(every_field: Assistants) -> None:
    assert (
        _live(every_field, "deployment/todo")["spec"]["template"]["spec"]["serviceAccountName"] == "chatbots"
    )
    ingress = _live(every_field, "ingress/todo")
    assert ingress["metadata"]["annotations"]["example.com/i"] == "3"
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"hosts": ["todo.example.com"], "secretName": "todo-tls"}]
    (rule,) = ingress["spec"]["rules"]
    backend = {"service": {"name": "todo", "port": {"name": "http"}}}
    assert (rule["host"], rule["http"]["paths"][0]["backend"]) == ("todo.example.com", backend)
    egress = _live(every_field, "networkpolicy/todo")["spec"]["egress"]
    assert DEPLOYED["networkPolicy"]["additionalEgress"][0] in egress
    assert _live(every_field, "poddisruptionbudget/todo")["spec"]["maxUnavailable"] == 1


def test_every_secret_reaches_the_pods_and_nothing_else(every_field: Assistants) -> None:
    template = _live(every_field, "deployment/todo")["spec"]["template"]
    variables = {each["name"]: each for each in template["spec"]["containers"][0]["env"]}
    refs = {
        name: each["valueFrom"]["secretKeyRef"] for name, each in variables.items() if "valueFrom" in each
    }
    assert refs == {
        "MCP_HEADER_0_0": {"name": "tools", "key": "bearer"},
        "ACCESS_TOKEN": {"name": "mine", "key": "word"},
        "STORE_URL": {"name": "redis", "key": "url"},
    }
    (secret,) = (each["secret"] for each in template["spec"]["volumes"] if "secret" in each)
    assert (secret["secretName"], secret["items"][0]["key"]) == ("openrouter-secret", "api-key")
    assert variables["OPENROUTER_API_KEY_FILE"]["value"].endswith(secret["items"][0]["path"])
    revisions = {f"chatassistant.dev/{each}-revision" for each in ("access", "store", "tools")}
    assert revisions <= template["metadata"]["annotations"].keys()
    assert not every_field.token(), "none is made where one is given"


def test_every_field_reaches_the_configuration(every_field: Assistants) -> None:
    config = _configuration(every_field)
    assert config["systemPrompt"] == "Answer in rhymes"
    assert config["model"] == MODEL
    assert GATEWAY.items() <= config["gateway"].items()
    headers = [{"name": "Authorization", "env": "MCP_HEADER_0_0"}]
    assert config["tools"] == {"maxRounds": 3, "mcpServers": [{**SERVER, "headers": headers}]}
    assert {name: config[name] for name in ANSWERS} == ANSWERS
    assert config["budget"] == {"dailyUSD": "0.07", "tokensPerRequest": 5000}, "not a cent is lost on the way"
    assert config["prices"].keys() == {MODEL["name"], *MODEL["fallbacks"]}
    assert config["store"] == {"type": "Redis"}
    assert config["uid"] == every_field.get()["metadata"]["uid"]
    assert config["access"] == {"mode": "Token"}
    assert config["credentials"] == {"delivery": "File"}
    assert config["observability"] == {"logLevel": "Debug", "otlpEndpoint": "http://collector:4318"}
    assert config["trustedProxies"] == ["10.0.0.0/8"]


def test_openid_connect_reaches_the_configuration(operator: OperatorProcess, assistants: Assistants) -> None:
    assistants.put_key(ACCEPTED.token)
    access = {"mode": "OIDC", "oidc": {"issuer": "https://id.example.com/realms/a", "audience": "todo"}}
    assistants.apply(image="ghcr.io/chatassistant-dev/chatbot:0", access=access)
    eventually(assistants.pods, "pods are made")
    assert _configuration(assistants)["access"] == access
    assert not assistants.token()


@pytest.mark.parametrize(
    ("spec", "setting"),
    [
        ({"gateway": {"baseURL": "http://127.0.0.1:1/api/v1"}}, "allowedGateways"),
        ({"image": "example.com/evil:1"}, "allowedImages"),
        ({"service": {"type": "LoadBalancer"}}, "allowedServiceTypes"),
        ({"pod": {"labels": {"istio.io/x": "y"}}}, "allowedMetadata"),
        ({"service": {"annotations": {"dns/name": "y"}}}, "allowedMetadata"),
        ({"pod": {"priorityClassName": "system-node-critical"}}, "allowedPriorityClasses"),
        ({"observability": {"otlpEndpoint": "http://collector.monitoring:4318"}}, "allowedEndpoints"),
        (
            {"access": {"mode": "OIDC", "oidc": {"issuer": "http://metadata", "audience": "a"}}},
            "allowedEndpoints",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_the_policy_forbids_sends_nothing_and_rolls_nothing(
    spec: dict[str, Any],
    setting: str,
    operator: OperatorProcess,
    assistants: Assistants,
    gateway: GatewayProcess,
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(**spec)
    denied = assistants.wait_for("PolicyDenied")
    assert setting in denied["message"]
    assert gateway.requests == {}
    kinds = "deployments,pods,services,configmaps,secrets,serviceaccounts"
    assert "No resources found" in assistants.kubectl("get", kinds, "-l", "chatassistant.dev/name")


def test_a_running_assistant_that_breaks_the_policy_keeps_its_pods(ready: Assistants) -> None:
    (before,) = ready.pods()
    ready.apply(image="example.com/evil:1")
    ready.wait_for("PolicyDenied")
    (after,) = ready.pods()
    assert after.metadata.uid == before.metadata.uid
    ready.apply(image="example.com/evil:1", suspend=True)
    eventually(lambda: not ready.pods(), "suspending still works")
