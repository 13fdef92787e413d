"""The charts as helm renders them: their values, the operator's settings, and what they may not hold."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from chatassistant_chatbot.metrics import Metrics
from chatassistant_operator.chart.rendered import helm
from chatassistant_operator.chart.values import CHARTS_OWN
from chatassistant_operator.chart.watching import ALERTS, PANELS
from chatassistant_operator.settings import PREFIX, Settings
from chatassistant_operator.telemetry import State, Telemetry
from support.rights import CHART, rendered

LISTED = "namespaces={team-a,team-b}"


def objects_of(kind: str, *values: str) -> list[dict[str, Any]]:
    return [each for each in rendered("chatassistant-system", *values) if each["kind"] == kind]


def environment(*values: str) -> dict[str, str]:
    (deployment,) = objects_of("Deployment", *values)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def settings(monkeypatch: pytest.MonkeyPatch, *values: str) -> Settings:
    for name, value in environment(*values).items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_the_values_as_they_are_give_the_settings_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch) == Settings(health_port=8080, metrics_port=9090)


def test_each_setting_is_a_value() -> None:
    wanted = {f"{PREFIX}{name}".upper() for name in Settings.model_fields if name != "policy"}
    wanted |= {f"{PREFIX}policy__{name}".upper() for name in type(Settings().policy).model_fields}
    unset = {name for name, field in Settings.model_fields.items() if field.get_default() is None}
    missing = wanted - set(environment()) - {f"{PREFIX}{name}".upper() for name in CHARTS_OWN | unset}
    assert missing == set()


def test_values_reach_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(
        monkeypatch,
        LISTED,
        "policy.allowedGateways={https://one.example/v1,https://two.example/v1}",
        "trustedProxies={10.0.0.0/8}",
        "workers=3",
        "logLevel=DEBUG",
        "leaderElection=false",
        "chatbotImage.tag=9.9.9",
    )
    assert given.namespaces == ("team-a", "team-b")
    assert given.policy.allowed_gateways == ("https://one.example/v1", "https://two.example/v1")
    assert [str(each) for each in given.trusted_proxies] == ["10.0.0.0/8"]
    assert (given.workers, given.log_level, given.leader_election) == (3, "DEBUG", False)
    assert given.chatbot_image.endswith(":9.9.9")


@pytest.mark.parametrize(
    "value",
    ["nonsense=1", "policy.nonsense=1", "image.nonsense=1", "replicas=many", "logLevel=loud", "workers=0"],
)
def test_what_cannot_be_set_is_refused(value: str) -> None:
    command = [helm(), "template", "x", str(CHART), f"--set={value}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert value.partition("=")[0].rpartition(".")[2] in done.stderr


def test_an_image_by_digest() -> None:
    digest = f"sha256:{'0' * 64}"
    (deployment,) = objects_of("Deployment", f"image.digest={digest}", "image.tag=1.0.0")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"ghcr.io/chatassistant-dev/operator@{digest}"


def test_a_proxy_and_certificates_are_the_operators_too() -> None:
    given = environment("httpsProxy=http://proxy.example.com:3128", "caBundle.configMap=authorities")
    assert given["HTTPS_PROXY"] == given["CHATASSISTANT_HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert given["NO_PROXY"] == given["CHATASSISTANT_NO_PROXY"]
    assert given["SSL_CERT_FILE"] == given["CHATASSISTANT_CA_FILE"]
    (deployment,) = objects_of("Deployment", "caBundle.configMap=authorities")
    pod = deployment["spec"]["template"]["spec"]
    (mounted,) = (each for each in pod["volumes"] if "configMap" in each)
    assert mounted["configMap"] == {"name": "authorities"}
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == mounted["name"])
    assert given["SSL_CERT_FILE"].startswith(mount["mountPath"])


@pytest.mark.parametrize("values", [(), (LISTED,)], ids=["everywhere", "listed"])
def test_no_right_is_too_wide(values: tuple[str, ...]) -> None:
    roles = [*objects_of("Role", *values), *objects_of("ClusterRole", *values)]
    operators = [each for each in roles if "aggregate-to" not in str(each["metadata"])]
    assert operators
    for role in operators:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
            assert not {"pods/exec", "pods/log", "pods/attach"} & set(rule["resources"])
            if "secrets" in rule["resources"]:
                assert set(rule["verbs"]) == {"get", "create"}


def test_with_listed_namespaces_nothing_is_granted_elsewhere() -> None:
    assert objects_of("ClusterRoleBinding", LISTED) == []
    roles = objects_of("ClusterRole", LISTED)
    assert all("aggregate-to" in str(each["metadata"]["labels"]) for each in roles)
    where = [each["metadata"]["namespace"] for each in objects_of("RoleBinding", LISTED)]
    assert sorted(where) == ["chatassistant-system", "team-a", "team-b"]


def test_what_is_switched_off_is_not_there() -> None:
    off = (
        "rbac.create=false",
        "rbac.aggregate=false",
        "admissionPolicy.enabled=false",
        "networkPolicy.enabled=false",
        "podDisruptionBudget.enabled=false",
        "serviceAccount.create=false",
    )
    kinds = {each["kind"] for each in rendered("chatassistant-system", *off)}
    assert kinds == {"Deployment", "Service"}


def test_what_is_optional_can_be_had() -> None:
    on = ("serviceMonitor.enabled=true", "prometheusRule.enabled=true", "dashboard.enabled=true")
    kinds = {each["kind"] for each in rendered("chatassistant-system", *on)}
    assert {"ServiceMonitor", "PrometheusRule", "ConfigMap"} <= kinds
    (rule,) = objects_of("PrometheusRule", *on)
    assert "{{ $labels.reason }}" in str(rule), "Prometheus' braces are not Helm's"
    (board,) = objects_of("ConfigMap", *on)
    assert json.loads(board["data"]["chatassistants.json"])["title"] == "ChatAssistants"


def _names_of(text: str) -> set[str]:
    return {
        sample
        for family in text_string_to_metric_families(text)
        for sample in (
            family.name,
            *(f"{family.name}_{suffix}" for suffix in ("total", "bucket", "count", "sum")),
        )
    }


def test_alerts_and_dashboard_name_metrics_that_exist() -> None:
    state = State(0, 0.0, {}, leading=True, down={}, keys=())
    told = generate_latest(Telemetry(lambda: state)._registry) + Metrics().render()
    expressions = [each.expression for each in ALERTS]
    expressions += [expression for panel in PANELS for expression, _ in panel.queries]
    used = {name for each in expressions for name in re.findall(r"chatassistant_[a-z_]+", each)}
    assert used - _names_of(told.decode()) == set()
    assert len(used) > 10


def test_the_crd_is_kept_when_its_chart_goes() -> None:
    command = [helm(), "template", "crds", str(CHART.with_name("chatassistant-crds"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    definition = yaml.safe_load(done.stdout)
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    generated = (Path(__file__).parents[2] / "crds/chatassistants.chatassistant.dev.yaml").read_text("utf-8")
    assert definition["spec"] == yaml.safe_load(generated)["spec"]
