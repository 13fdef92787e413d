"""Do pods let callers in? With an issuer's tokens that takes the issuer's keys, which only the pods ask for."""

from dataclasses import replace

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.completion import told_by_pods
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.pods import Report


def callers_are_let_in(assistant: ChatAssistant, seen: Observed, serving: Finding) -> Finding:
    """`Available` with what the pods of the current revision say of the issuer.

    Pods that have its keys go on without it. Where none has them, it is not known whether anybody can be let in.
    """
    oidc = assistant.spec.access.oidc
    if serving.reason is not Reason.DEPLOYMENT_AVAILABLE or oidc is None:
        return serving
    told = [each.issuer for each in told_by_pods(seen.children, seen.reports) if isinstance(each, Report)]
    problem = next((each.problem for each in told if each.problem is not None), None)
    if problem is None:
        return serving
    cure = (
        f"Check spec.access.oidc.issuer, {oidc.issuer}, and that it can be reached from the cluster: pods ask it again "
        "within two minutes, and log what it answers."
    )
    if any(each.admits for each in told):
        message = f"The issuer of access tokens does not tell every pod its keys now ({problem}). {cure}"
        return replace(serving, message=f"{serving.message} {message}")
    message = (
        f"No pod can let anybody in: the issuer of access tokens does not tell its keys ({problem}). {cure}"
    )
    return Finding(ConditionType.AVAILABLE, "Unknown", Reason.NOT_CHECKED, message)
