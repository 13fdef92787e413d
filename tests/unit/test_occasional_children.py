"""Which children a spec asks for, and which of those that are there it does not ask for any more."""

import inspect
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chatassistant_chatbot.deps import Deps
from chatassistant_chatbot.metrics import Metrics
from chatassistant_operator import checks, desired
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.desired.autoscaler import replicas
from chatassistant_operator.desired.disruption_budget import disruption_budget
from chatassistant_operator.desired.prometheus_rule import prometheus_rule
from chatassistant_operator.observed import Children, Manifest
from chatassistant_operator.observed.gateway import KeyRefused
from chatassistant_operator.observed.named import Service
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.ports import NotInstalled
from support.situations import GOOD, assistant
from unit.world import World

MINUTE = timedelta(minutes=1)
SCALED = {"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}
SERVER = {"tools": {"mcpServers": [{"name": "todo", "url": "http://tools/mcp"}]}}
WATCHED = inspect.getsource(Deps.watch)
TODO = frozenset({("NetworkPolicy", "todo"), ("Ingress", "todo"), ("HTTPRoute", "todo")})


def _plan(spec: dict[str, Any], **seen: Any) -> desired.Plan:
    subject, world = assistant(**spec), replace(GOOD, **seen)
    return desired.build(subject, world, tuple(checks.run(subject, world).values()))


def _kinds(plan: desired.Plan) -> list[str]:
    return [each["kind"] for each in plan.manifests]


def _live(count: int) -> Manifest:
    (made,) = (each for each in _plan({}).manifests if each["kind"] == "Deployment")
    metadata = {**made["metadata"], "resourceVersion": "41"}
    return {**made, "metadata": metadata, "spec": {**made["spec"], "replicas": count}}


@pytest.mark.parametrize(
    ("spec", "children", "expected"),
    [
        ({"replicas": 3}, Children(), 3),
        ({"replicas": 3}, Children(_live(5), scaled_by_others=True), 3),
        (SCALED, Children(), 2),
        (SCALED, Children(_live(0)), 2),
        (SCALED, Children(_live(0), scaled_by_others=True), 2),
        (SCALED, Children(_live(5)), 5),
        (SCALED, Children(_live(5), scaled_by_others=True), None),
        ({**SCALED, "suspend": True}, Children(_live(5), scaled_by_others=True), 0),
    ],
)
def test_how_many_pods_are_asked_for(spec: dict[str, Any], children: Children, expected: int | None) -> None:
    assert replicas(assistant(**spec), children).number == expected


@pytest.mark.parametrize(
    ("spec", "children", "expected"),
    [
        ({"replicas": 3}, Children(_live(5)), None),
        (SCALED, Children(), None),
        (SCALED, Children(_live(0)), None),
        (SCALED, Children(_live(5)), "41"),
        (SCALED, Children(_live(5), scaled_by_others=True), None),
        ({**SCALED, "suspend": True}, Children(_live(5)), None),
    ],
)
def test_a_number_that_was_read_is_written_only_where_it_still_stands(
    spec: dict[str, Any], children: Children, expected: str | None
) -> None:
    (wanted,) = (each for each in _plan(spec, children=children).manifests if each["kind"] == "Deployment")
    assert wanted["metadata"].get("resourceVersion") == expected


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [({}, False), ({"replicas": 2}, True), (SCALED, True), ({"autoscaling": {"maxReplicas": 9}}, False)],
)
def test_one_pod_alone_keeps_no_node_from_being_drained(spec: dict[str, Any], wanted: bool) -> None:
    assert (disruption_budget(assistant(**spec)) is not None) is wanted


def test_what_is_not_asked_for_any_more_is_removed() -> None:
    plan = _plan({"ingress": {"host": "a.example.com"}}, children=Children(_live(1), others=TODO))
    assert plan.unwanted == (("HTTPRoute", "todo"),)
    plan = _plan({"networkPolicy": {"enabled": False}}, children=Children(_live(1), others=TODO))
    assert plan.unwanted == (("HTTPRoute", "todo"), ("Ingress", "todo"), ("NetworkPolicy", "todo"))


def test_what_the_policy_forbids_removes_nothing() -> None:
    policy = Policy(allowed_gateways=("*",), allowed_hosts=())
    plan = _plan(
        {"ingress": {"host": "a.example.com"}}, children=Children(_live(1), others=TODO), policy=policy
    )
    assert (_kinds(plan), plan.unwanted) == (["Deployment"], ())


def test_a_bad_edit_does_not_close_the_ways_of_pods_that_serve() -> None:
    children = Children(_live(1), others=TODO)
    plan = _plan(SERVER, key=KeyRefused(401, "User not found."), children=children)
    assert "NetworkPolicy" not in _kinds(plan)
    assert ("NetworkPolicy", "todo") not in plan.unwanted


def test_what_is_not_read_yet_changes_no_policy_that_is_there() -> None:
    def kinds(others: frozenset[tuple[str, str]], service: Any) -> list[str]:
        return _kinds(_plan(SERVER, children=Children(others=others), services={"tools": service}))

    assert "NetworkPolicy" not in kinds(TODO, PENDING)
    assert "NetworkPolicy" in kinds(TODO, Service({}, {}))
    assert "NetworkPolicy" in kinds(frozenset(), PENDING), "there is one before there are pods"


def test_alerts_are_about_metrics_that_exist() -> None:
    metrics = Metrics()
    for name in re.findall(r'watch\(\s*"(\w+)"', WATCHED):
        metrics.watch(name, "", lambda: 0.0)
    exposed = set(re.findall(r"^# TYPE (\w+)", metrics.render().decode(), re.MULTILINE))
    rule = prometheus_rule(assistant(observability={"prometheusRule": True}), GOOD)
    assert rule is not None
    expressions = " ".join(each["expr"] for each in rule["spec"]["groups"][0]["rules"])
    used = set(re.findall(r"chatassistant_chatbot_\w+", expressions))
    assert len(used) >= 6
    assert {each.removesuffix("_bucket") for each in used} <= exposed
    assert "%s" not in expressions


async def test_what_is_not_installed_is_told_and_the_rest_works() -> None:
    it = World(observability={"serviceMonitor": True})
    it.refusals["ServiceMonitor"] = NotInstalled("The cluster knows no ServiceMonitor.")
    await it.reconcile()
    await it.reconcile(MINUTE)
    assert it.condition("Applied") == it.condition() == ("False", Reason.APPLY_FAILED)
    assert it.condition("Available") == ("True", Reason.DEPLOYMENT_AVAILABLE)
    it.refusals.clear()
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", Reason.READY)
    assert it.problems() == []
