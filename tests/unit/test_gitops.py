"""What Argo CD, Flux and kstatus make of a ChatAssistant: the shipped checks, run on every kind of status."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason
from chatassistant_operator.gitops import HEALTH, argocd_patch
from support import gitops, kstatus
from support.conditions import (
    TIME,
    WARNINGS,
    chat,
    condition,
    judged,
    new,
    serving_previous,
    suspended,
    type_of,
    wrong,
)

READY = judged(condition("Ready"))
WELL = ("Healthy", "Current", "Current")
AT_WORK = ("Progressing", "InProgress", "InProgress")
FAILED = ("Degraded", "Failed", "Failed")
SIGNS = {ConditionType.RECONCILING: AT_WORK, ConditionType.STALLED: FAILED}
SPECIAL = {
    Reason.READY,
    Reason.SUSPENDED,
    Reason.PENDING,
    Reason.SERVING_PREVIOUS_REVISION,
    *map(str, WARNINGS),
}
UNKNOWN = {Reason.GATEWAY_UNREACHABLE, Reason.RATE_LIMITED, Reason.CATALOG_UNAVAILABLE, Reason.NOT_CHECKED}


def _of_reasons() -> Iterator[Any]:
    """For each reason, objects as the operator writes them; a reason that is added here too."""
    for reason in Reason:
        if reason in SPECIAL:
            continue
        if reason.awaits is Awaits.NOTHING:
            yield pytest.param(
                judged(condition("Ready"), condition(type_of(reason), "True", reason)), WELL, id=reason
            )
            continue
        truth = "Unknown" if reason in UNKNOWN else "False"
        if reason in UNKNOWN:
            obj = judged(condition("Ready"), condition(type_of(reason), "Unknown", reason))
            yield pytest.param(obj, WELL, id=f"{reason}-with-an-earlier-answer")
        for sign, verdict in SIGNS.items():
            if (sign, reason.awaits) != (ConditionType.RECONCILING, Awaits.EDIT):
                yield pytest.param(wrong(reason, sign, truth), verdict, id=f"{reason}-{sign}")


def _others() -> Iterator[Any]:
    yield pytest.param(READY, WELL, id="ready")
    yield pytest.param(suspended(), ("Suspended", "Current", "Current"), id="suspended")
    yield pytest.param(new(), AT_WORK, id="new")
    yield pytest.param(serving_previous(), AT_WORK, id="old-pods-serve")
    for sign, verdict in SIGNS.items():
        pending = judged(
            condition("Ready", "Unknown", Reason.PENDING),
            condition("Available", "Unknown", Reason.NOT_CHECKED),
            condition(sign, reason=Reason.PENDING),
        )
        yield pytest.param(pending, verdict, id=f"pending-{sign}")
    for warning in WARNINGS:
        yield pytest.param(judged(condition("Ready"), condition(warning, reason=warning)), WELL, id=warning)
    for name, obj in {
        "ready": READY,
        "suspended": suspended(),
        "stalled": wrong(Reason.MODEL_NOT_FOUND, ConditionType.STALLED),
        "reconciling": wrong(Reason.SECRET_NOT_FOUND, ConditionType.RECONCILING),
    }.items():
        edited = copy.deepcopy(obj)
        edited["metadata"]["generation"] = 2
        yield pytest.param(edited, AT_WORK, id=f"{name}-then-edited")


def _verdict(obj: dict[str, Any]) -> tuple[str, str, str]:
    return gitops.argocd(obj).status, gitops.flux(obj), kstatus.compute(obj)


@pytest.mark.parametrize(("obj", "verdict"), [*_of_reasons(), *_others()])
def test_health(obj: dict[str, Any], verdict: tuple[str, str, str]) -> None:
    assert kstatus.violations(obj) == []
    assert _verdict(obj) == verdict
    ready = obj["status"]["conditions"][0]
    assert gitops.argocd(obj).message == f"{ready['reason']}: {ready['message']}"


def test_every_reason_is_tried() -> None:
    tried = {
        each["reason"]
        for row in (*_of_reasons(), *_others())
        for each in row.values[0]["status"]["conditions"]
    }
    assert tried == set(Reason)


def _without(obj: dict[str, Any], *path: str | int) -> dict[str, Any]:
    changed = copy.deepcopy(obj)
    place = changed
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]
    del place[path[-1]]  # type: ignore[arg-type]
    return changed


@pytest.mark.parametrize(
    ("obj", "argocd", "flux"),
    [
        pytest.param(_without(READY, "status"), "Progressing", "Unknown", id="no status"),
        pytest.param(READY | {"status": {}}, "Progressing", "InProgress", id="an empty status"),
        pytest.param(chat(), "Progressing", "InProgress", id="no condition"),
        pytest.param(
            _without(READY, "status", "conditions"), "Progressing", "InProgress", id="no conditions"
        ),
        pytest.param(chat(condition("Applied")), "Progressing", "InProgress", id="not Ready among them"),
        pytest.param(
            _without(READY, "status", "observedGeneration"),
            "Progressing",
            "InProgress",
            id="nothing observed",
        ),
        pytest.param(
            _without(READY, "status", "conditions", 0, "observedGeneration"),
            "Progressing",
            "InProgress",
            id="Ready of no generation",
        ),
        pytest.param(
            judged(condition("Ready", observedGeneration=0)),
            "Progressing",
            "InProgress",
            id="Ready of an older one",
        ),
        pytest.param(
            READY | {"metadata": READY["metadata"] | {"deletionTimestamp": TIME}},
            "Progressing",
            "Current",
            id="being deleted",
        ),
    ],
)
def test_health_of_what_the_operator_would_not_write(obj: dict[str, Any], argocd: str, flux: str) -> None:
    assert (gitops.argocd(obj).status, gitops.flux(obj)) == (argocd, flux)


CONDITIONS = st.lists(
    st.builds(
        condition,
        st.sampled_from(ConditionType),
        st.sampled_from(["True", "False", "Unknown"]),
        st.sampled_from(Reason),
        observedGeneration=st.integers(1, 4),
    ),
    unique_by=lambda each: each["type"],
)


@settings(deadline=None)
@given(CONDITIONS, st.integers(1, 4), st.none() | st.integers(1, 4))
def test_nothing_is_well_before_the_operator_has_seen_it(
    conditions: list[dict[str, Any]], generation: int, observed: int | None
) -> None:
    obj = chat(*conditions, generation=generation, observed=observed)
    if observed != generation:
        assert gitops.argocd(obj).status == "Progressing"
        assert gitops.flux(obj) == "InProgress"
        assert observed is None or kstatus.compute(obj) == "InProgress"


@settings(deadline=None)
@given(CONDITIONS)
def test_all_tools_agree_on_a_status_that_does_not_contradict_itself(
    conditions: list[dict[str, Any]],
) -> None:
    obj = judged(condition("Ready"), *({**each, "observedGeneration": 1} for each in conditions))
    true = {each["type"] for each in obj["status"]["conditions"] if each["status"] == "True"}
    if len(true & {"Ready", "Reconciling", "Stalled"}) < 2:
        argocd, flux, generic = _verdict(obj)
        assert flux == generic
        assert {"Healthy": "Current", "Suspended": "Current", "Degraded": "Failed"}.get(
            argocd, "InProgress"
        ) == flux


def test_the_patch_of_argo_cd_holds_the_checks_as_they_are() -> None:
    checks = {
        kind: (gitops.DEPLOY.parent / file).read_text(encoding="utf-8") for kind, file in HEALTH.items()
    }
    patch = (gitops.DEPLOY / "argocd" / "argocd-cm-patch.yaml").read_text(encoding="utf-8")
    assert patch == argocd_patch(checks)
    prefix = "resource.customizations.health."
    assert yaml.safe_load(patch)["data"] == {f"{prefix}{kind}": lua for kind, lua in checks.items()}


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ({}, "Progressing"),
        ({"health": {"status": "Healthy"}}, "Progressing"),
        ({"health": {"status": "Healthy"}, "sync": {"status": "OutOfSync"}}, "Progressing"),
        ({"health": {"status": "Healthy"}, "sync": {"status": "Synced"}}, "Healthy"),
        ({"health": {"status": "Degraded"}, "sync": {"status": "OutOfSync"}}, "Degraded"),
        ({"health": {"status": "Progressing"}, "sync": {"status": "Synced"}}, "Progressing"),
    ],
)
def test_a_wave_of_applications_waits_for_the_one_before(status: dict[str, Any], health: str) -> None:
    application = {"kind": "Application", "metadata": {"name": "any"}, "status": status}
    assert gitops.argocd(application).status == health


def test_flux_waits_longer_than_the_operator() -> None:
    (kustomization,) = (
        each for each in yaml.safe_load_all(gitops.FLUX.read_text("utf-8")) if each["kind"] == "Kustomization"
    )
    assert kustomization["spec"]["wait"] is True
    minutes = kustomization["spec"]["timeout"].removesuffix("m")
    assert int(minutes) > 10
