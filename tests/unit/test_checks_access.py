"""What is said of an issuer whose keys the pods do not get."""

from dataclasses import replace

import pytest

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.checks.access import callers_are_let_in
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Children
from chatassistant_operator.observed.pods import Issuer, Pod, ReplicaSet, Report
from support.situations import GOOD, assistant, running

SERVING = Finding(ConditionType.AVAILABLE, "True", Reason.DEPLOYMENT_AVAILABLE, "2 of 2 pods serve.")
OIDC = {"access": {"mode": "OIDC", "oidc": {"issuer": "https://id.example.com", "audience": "todo"}}}
WELL, AWAY, LOCKED = Issuer(), Issuer("Unreachable"), Issuer("Unreachable", admits=False)


def available(*told: Issuer, serving: Finding = SERVING, older: Issuer | None = None) -> Finding:
    """The condition when the pods of the current revision tell this, and one of an older revision that."""
    sets = tuple(ReplicaSet(name, name, None, 1, 1, uid=name) for name in ("current", "older"))
    pods = [Pod(f"p{number}", owner="current", ready=True) for number in range(len(told))]
    reports = {pod.name: Report(issuer=each) for pod, each in zip(pods, told, strict=True)}
    if older is not None:
        pods.append(Pod("old", owner="older", ready=True))
        reports["old"] = Report(issuer=older)
    seen = replace(GOOD, children=Children(running("current"), sets, pods=tuple(pods)), reports=reports)
    return callers_are_let_in(assistant(**OIDC), seen, serving)


@pytest.mark.parametrize("told", [(), (WELL,), (WELL, WELL)], ids=len)
def test_an_issuer_that_is_heard_is_not_spoken_of(told: tuple[Issuer, ...]) -> None:
    assert available(*told) == SERVING
    assert available(*told, older=LOCKED) == SERVING


@pytest.mark.parametrize("told", [(AWAY,), (AWAY, WELL), (LOCKED, WELL), (LOCKED, AWAY)], ids=str)
def test_pods_that_have_its_keys_serve(told: tuple[Issuer, ...]) -> None:
    found = available(*told)
    assert (found.truth, found.reason) == ("True", Reason.DEPLOYMENT_AVAILABLE)
    assert found.message.startswith("2 of 2 pods serve. The issuer of access tokens")
    assert "(Unreachable)" in found.message
    assert "https://id.example.com" in found.message


def test_where_no_pod_has_them_nobody_is_let_in() -> None:
    found = available(LOCKED, LOCKED)
    assert (found.truth, found.reason) == ("Unknown", Reason.NOT_CHECKED)
    assert "spec.access.oidc.issuer" in found.message


def test_pods_that_do_not_serve_are_told_of_first() -> None:
    failed = Finding(ConditionType.AVAILABLE, "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet.")
    assert available(LOCKED, serving=failed) == failed
