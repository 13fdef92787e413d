"""One reconcile, from what is seen to what is said: the page to read first.

A value flows forward once: what is gathered is judged, what is judged is built, what is built is applied, and
what came of it is summarised. Only `gather` reads, only `_apply` and `_prune` write.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from chatassistant_operator import checks, desired, status
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Status
from chatassistant_operator.checks.access import callers_are_let_in
from chatassistant_operator.checks.rollout import pods_serve
from chatassistant_operator.finding import Finding
from chatassistant_operator.gather import gather
from chatassistant_operator.observed import Manifest, Observed
from chatassistant_operator.ports import NotInstalled, Ports, Refused


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a reconcile: the status to write, None for no news, and when to look again in any case."""

    status: Status | None
    again: datetime | None = None


async def reconcile(assistant: ChatAssistant, ports: Ports, now: datetime) -> Outcome:
    """Make the cluster be as a ChatAssistant says, as far as that is known to be right."""
    seen = gather(assistant, ports, now)
    findings = checks.run(assistant, seen)
    plan = desired.build(assistant, seen, tuple(findings.values()))
    with ports.turns.during((assistant.metadata.namespace, assistant.metadata.name), wanted=plan.unasked):
        applied = await _apply(assistant, plan, seen, ports)
    rollout = pods_serve(assistant, plan.revision, applied.deployment, seen.children, now)
    if rollout.complete:
        await _prune(assistant, plan, seen, ports)
    subject, damper = assistant.metadata, ports.damper
    trouble, sound_at = damper.settle_trouble(subject, plan.revision, rollout.trouble, now)
    rollout = replace(rollout, trouble=trouble, serving=callers_are_let_in(assistant, seen, rollout.serving))
    findings = {ConditionType.APPLIED: applied.finding, ConditionType.AVAILABLE: rollout.finding} | findings
    findings, calm_at = damper.settle(subject, plan.revision, findings, now)
    summary, stalled_at = status.summarise(
        assistant, seen, status.Found(findings, rollout, applied.deployment)
    )
    tried_again = None if applied.again is None else now + applied.again
    times = (tried_again, calm_at, sound_at, stalled_at, rollout.steady_at, status.expires_soon_at(seen))
    return Outcome(summary, min((at for at in times if at is not None), default=None))


class _Applied(NamedTuple):
    """What came of the writes, the Deployment as it is now, and after how long to try again what was refused."""

    finding: Finding
    deployment: Manifest | None
    again: timedelta | None = None


async def _apply(assistant: ChatAssistant, plan: desired.Plan, seen: Observed, ports: Ports) -> _Applied:
    """Apply the manifests in order, up to the first that is refused, then remove what is not wanted any more."""
    deployment = seen.children.deployment
    refusals: list[Refused] = []
    try:
        for manifest in plan.manifests:
            try:
                live = await _write(assistant, manifest, ports)
            except NotInstalled as turn:
                # The rest works without.
                refusals.append(turn)
                continue
            if manifest["kind"] == "Deployment":
                deployment = live
        for kind, name in plan.unwanted:
            await ports.cluster.delete(assistant, kind, name)
    except Refused as refusal:
        refusals = [refusal]
    if refusals:
        message = " ".join(map(str, refusals))
        finding = Finding(ConditionType.APPLIED, "False", refusals[0].reason, message)
        return _Applied(finding, deployment, refusals[0].again)
    message = "Every object is as it should be."
    return _Applied(Finding(ConditionType.APPLIED, "True", Reason.APPLIED, message), deployment)


async def _write(assistant: ChatAssistant, manifest: Manifest, ports: Ports) -> Manifest:
    """Make one child be as its manifest says; gives the live object."""
    if manifest["kind"] == "Secret":
        # It is created and never changed: for more the operator needs no right.
        await ports.tokens.make_access_token(assistant, manifest)
        return manifest
    return await ports.cluster.apply(assistant, manifest)


async def _prune(assistant: ChatAssistant, plan: desired.Plan, seen: Observed, ports: Ports) -> None:
    """Delete configurations that no revision needs, once the current one serves."""
    for name in desired.obsolete(plan, seen):
        await ports.cluster.delete(assistant, "ConfigMap", name)
