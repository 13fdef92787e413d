"""The children of some ChatAssistants, as files: what a change does to them shows in the diff.

`make test ARGS="-k golden --update-goldens"` writes them anew.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatassistant_chatbot.settings import Configuration
from chatassistant_operator import checks, desired
from chatassistant_operator.api import names
from chatassistant_operator.api.crd import object_schema
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.v1alpha1 import Spec
from chatassistant_operator.observed import Children, Defaults, Manifest, Observed
from chatassistant_operator.observed.gateway import KeyRefused
from chatassistant_operator.observed.named import Absent, OtherSecret, Prompt, Service
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, assistant

HERE = Path(__file__).parent
SAMPLE = yaml.safe_load((HERE.parents[1] / "deploy/samples/every-field.yaml").read_text(encoding="utf-8"))
TOOLS_AND_KEY_FILE = {
    "credentials": {"delivery": "File"},
    "tools": {
        "mcpServers": [
            {"name": "wiki", "url": "https://wiki.example.com/mcp", "allowedTools": ["search"]},
            {
                "name": "todo",
                "url": "http://todo:8000/mcp",
                "headersFrom": [
                    {"name": "Authorization", "secretKeyRef": {"name": "todo-token", "key": "bearer"}}
                ],
            },
        ]
    },
}
ALLOWED = OtherSecret(
    frozenset({"bearer"}), {names.USE_LABEL: "tools"}, {names.HOSTS_ANNOTATION: "todo:8000"}
)


def _secret(use: str, entry: str, revision: str) -> OtherSecret:
    return OtherSecret(frozenset({entry}), {names.USE_LABEL: use}, revision=revision)


GIVEN = {
    "todo-tools": OtherSecret(
        frozenset({"authorization"}), {names.USE_LABEL: "tools"}, {names.HOSTS_ANNOTATION: "todo-tools:8000"}
    ),
    "todo-redis": _secret("store", "url", "3c9909afec25"),
    "todo-token": _secret("access", "token", "1b6453892473"),
}
EVERY_DEFAULT = Defaults(
    GOOD.defaults.image,
    environment={"HTTPS_PROXY": "http://10.0.0.9:3128", "NO_PROXY": ".svc"},
    ca_bundle="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    metrics_namespaces=("chatassistant-system", "monitoring"),
    egress=("10.0.0.0/24",),
    monitoring_labels={"release": "prometheus"},
)
LIMITED = {
    "model": {"fallbacks": ["openrouter/free", "openrouter/auto"]},
    "budget": {"dailyUSD": 0.1},
    "faq": [{"question": "Who are you?", "answer": "Nobody — and you?"}],
    "access": {"mode": "OIDC", "oidc": {"issuer": "https://id.example.com", "audience": "todo"}},
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "smallest": ({}, {}),
    "every-field": (
        SAMPLE["spec"],
        {
            "prompt": Prompt("Answer in rhymes."),
            "secrets": GIVEN,
            "services": {"todo-tools": Service({"app.kubernetes.io/name": "todo-tools"}, {8000: "http"})},
            "defaults": EVERY_DEFAULT,
        },
    ),
    "budget-and-oidc": (LIMITED, {"defaults": Defaults(GOOD.defaults.image, ("10.0.0.0/8",))}),
    "open-to-all": ({"access": {"mode": "None"}}, {}),
    "tools-and-key-file": (TOOLS_AND_KEY_FILE, {"secrets": {"todo-token": ALLOWED}}),
    "suspended": ({"suspend": True, "replicas": 3}, {"key": None, "catalogue": None}),
}

LENIENT = GOOD.policy.model_copy(
    update={
        "allowed_images": ("*",),
        "allowed_metadata": ("*",),
        "allowed_priority_classes": ("*",),
        "allowed_service_accounts": ("*",),
        "allowed_egress": ("10.0.0.0/8",),
    }
)


def _plan(spec: dict[str, Any], seen: Observed) -> desired.Plan:
    subject = assistant(**spec)
    return desired.build(subject, seen, tuple(checks.run(subject, seen).values()))


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    spec, seen = CASES[name]
    plan = _plan(spec, replace(GOOD, policy=LENIENT, **seen))
    text = yaml.safe_dump_all(plan.manifests, sort_keys=False, width=110, allow_unicode=True)
    path = HERE / f"{name}.yaml"
    if request.config.getoption("--update-goldens"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", CASES)
def test_the_chatbot_reads_what_the_operator_writes(name: str) -> None:
    spec, seen = CASES[name]
    plan = _plan(spec, replace(GOOD, policy=LENIENT, **seen))
    (config,) = (each for each in plan.manifests if each["kind"] == "ConfigMap")
    read = Configuration.model_validate_json(config["data"]["config.json"])
    subject = assistant(**spec)
    assert read.model.name == subject.spec.model.name
    assert read.model.parameters.max_tokens == subject.spec.model.parameters.max_tokens
    assert read.gateway.base_url == subject.spec.gateway.base_url
    assert read.name == "todo"


def _deployment(plan: desired.Plan) -> Manifest | None:
    return next((each for each in plan.manifests if each["kind"] == "Deployment"), None)


def _running(spec: dict[str, Any]) -> Children:
    live = _deployment(_plan(spec, GOOD))
    assert live is not None
    return Children(deployment=json.loads(json.dumps(live)))


def test_what_is_known_to_be_bad_is_not_rolled_out() -> None:
    refused = replace(GOOD, key=KeyRefused(401, "User not found."))
    assert _deployment(_plan({}, refused)) is None


def test_what_runs_is_kept_as_it_is_and_still_scaled() -> None:
    seen = replace(GOOD, key=KeyRefused(401, "User not found."), children=_running({}))
    held = _deployment(_plan({"systemPrompt": "Another", "replicas": 5}, seen))
    assert held is not None
    assert seen.children.deployment is not None
    assert held["spec"]["template"] == seen.children.deployment["spec"]["template"]
    assert held["spec"]["replicas"] == 5


def test_a_key_that_went_bad_changes_nothing_of_what_runs() -> None:
    seen = replace(GOOD, key=KeyRefused(401, "User not found."), children=_running({}))
    assert _deployment(_plan({}, seen)) == _deployment(_plan({}, GOOD))


@pytest.mark.parametrize(
    "unread", [{"key": PENDING}, {"credential": PENDING, "key": None}], ids=["key", "Secret"]
)
def test_a_restart_that_has_asked_nothing_yet_changes_nothing(unread: dict[str, Any]) -> None:
    seen = replace(GOOD, children=_running({}), **unread)
    assert _deployment(_plan({}, seen)) == _deployment(_plan({}, GOOD))
    assert _deployment(_plan({"systemPrompt": "Another"}, seen)) is None
    assert _deployment(_plan({}, replace(GOOD, **unread))) is None


def test_an_answer_that_cannot_be_had_stops_no_rollout() -> None:
    seen = replace(GOOD, credential=Absent(), key=None)
    assert _deployment(_plan({}, seen)) is None
    disabled = {"validation": {"mode": "Disabled"}}
    assert _deployment(_plan(disabled, replace(GOOD, key=None, catalogue=None))) is not None


def test_pods_are_told_which_urls_the_operators_settings_list() -> None:
    inner, public = "http://tools.other.svc/$(OPENROUTER_API_KEY)", "https://mcp.example.com/mcp"
    servers = [{"name": f"s{number}", "url": url} for number, url in enumerate((inner, public))]
    spec = {"tools": {"mcpServers": servers}, "observability": {"otlpEndpoint": "http://collector:4318"}}
    policy = Policy(allowed_gateways=("*",), allowed_endpoints=("Public", "SameNamespace", inner))
    for allowed, expected in (
        (policy, [inner]),
        (
            GOOD.policy.model_copy(update={"allowed_endpoints": ("*",)}),
            [inner, public, "http://collector:4318"],
        ),
    ):
        made = _deployment(_plan(spec, replace(GOOD, policy=allowed)))
        assert made is not None
        container = made["spec"]["template"]["spec"]["containers"][0]
        values = {each["name"]: each.get("value") for each in container["env"]}
        text = values["CHATASSISTANT_ALLOWED_ENDPOINTS"]
        assert json.loads(text) == expected
        assert "$" not in text, "Kubernetes replaces $(NAME) in values"


def test_configurations_go_when_no_revision_needs_them() -> None:
    plan = _plan({}, GOOD)
    (current,) = (each["metadata"]["name"] for each in plan.manifests if each["kind"] == "ConfigMap")
    children = Children(config_maps=(current, "todo-config-old"))
    assert desired.obsolete(plan, replace(GOOD, children=children)) == ("todo-config-old",)


def test_configurations_stay_that_another_operator_has_begun_to_roll_out() -> None:
    newer = _plan({"systemPrompt": "Another"}, GOOD)
    begun, live = (
        next(each for each in newer.manifests if each["kind"] == kind) for kind in ("ConfigMap", "Deployment")
    )
    names_ = (begun["metadata"]["name"],)
    # The Deployment asks for it, and its ReplicaSet is not there yet.
    asked = replace(GOOD, children=Children(deployment=live, config_maps=names_))
    assert desired.obsolete(_plan({}, GOOD), asked) == ()
    # The Deployment comes next, when answers that are awaited have come.
    awaited = replace(GOOD, key=PENDING, children=replace(_running({}), config_maps=names_))
    assert desired.obsolete(_plan({"systemPrompt": "Another"}, awaited), awaited) == ()


def test_what_is_left_out_is_the_same_on_both_sides() -> None:
    """A field that is not rendered means the API's default to the author, and the chatbot's to the chatbot."""
    spec, configuration = assistant().spec, Configuration()
    for name in ("cache", "rate_limit", "limits", "budget"):
        ours, theirs = getattr(spec, name).model_dump(by_alias=True), getattr(configuration, name)
        assert ours == theirs.model_dump(by_alias=True)
    assert (spec.store.type, spec.faq) == (configuration.store.type, configuration.faq)
    assert spec.tools.max_rounds == configuration.tools.max_rounds


def _fields(schema: dict[str, Any], path: str = "") -> set[str]:
    while "items" in schema:
        schema = schema["items"]
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if not properties:
        return {path}
    return set().union(*(_fields(each, f"{path}.{name}".lstrip(".")) for name, each in properties.items()))


def _paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path}.union(*(_paths(each, f"{path}.{name}".lstrip(".")) for name, each in value.items()))
    if isinstance(value, list):
        return {path}.union(*(_paths(each, path) for each in value))
    return {path}


# What excludes something that the sample has, and Kubernetes' own fields, of which it has one example each.
_ELSEWHERE = ("access.oidc.", "pod.affinity.", "pod.tolerations.", "pod.topologySpreadConstraints.")


def test_the_sample_has_every_field() -> None:
    missing = _fields(object_schema(Spec)) - _paths(SAMPLE["spec"]) - {"systemPrompt", "replicas"}
    assert {each for each in missing if not each.startswith(_ELSEWHERE)} == set()
