"""Findings become a status: the conditions, and what `kubectl get chat` shows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import (
    ChatAssistant,
    Condition,
    CredentialsStatus,
    ModelStatus,
    Pricing,
    Status,
)
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Catalogue, Credential, KeyAccepted, KeyRefused, Manifest, Observed

# What is most fundamental first: it is what Ready tells of when several things are wrong.
_ORDER: Final = (
    ConditionType.APPLIED,
    ConditionType.CREDENTIALS_VALID,
    ConditionType.MODEL_AVAILABLE,
    ConditionType.AVAILABLE,
)


def summarise(
    assistant: ChatAssistant,
    seen: Observed,
    findings: Mapping[ConditionType, Finding],
    deployment: Manifest | None,
    now: datetime,
) -> Status | None:
    """The status as it should be, or None while an answer on its way decides what to say.

    A pending answer does not undo what an earlier one said of the same generation: after a restart of the
    operator the status stands until there is news.
    """
    known = {type_: _settle(assistant, finding) for type_, finding in findings.items()}
    if any(finding.pending for finding in known.values()):
        return None
    ready = _ready(assistant, known)
    live: Manifest = deployment.get("status", {}) if deployment else {}
    return Status(
        observed_generation=assistant.metadata.generation,
        conditions=tuple(
            _condition(assistant, each, now) for each in (ready, *(known[type_] for type_ in _ORDER))
        ),
        url=_url(assistant),
        replicas=live.get("replicas", 0),
        ready_replicas=live.get("readyReplicas", 0),
        selector=",".join(f"{key}={value}" for key, value in names.selector(assistant.metadata.name).items()),
        model=_model(assistant, seen),
        credentials=_credentials(assistant, seen),
    )


def _settle(assistant: ChatAssistant, finding: Finding) -> Finding:
    """The finding, or what the status says already where the finding is pending."""
    previous = _previous(assistant, finding.type)
    if (
        not finding.pending
        or previous is None
        or previous.observed_generation != assistant.metadata.generation
    ):
        return finding
    return Finding(finding.type, previous.status, Reason.named(previous.reason), previous.message)


def _ready(assistant: ChatAssistant, known: Mapping[ConditionType, Finding]) -> Finding:
    """Ready: true when this generation's pods serve and nothing is known to be wrong."""
    wrong = next((known[type_] for type_ in _ORDER if known[type_].truth == "False"), None)
    if wrong is not None:
        return Finding(ConditionType.READY, "False", wrong.reason, wrong.message)
    if assistant.spec.suspend:
        message = "Suspended: no pod runs. Set spec.suspend to false to go on."
        return Finding(ConditionType.READY, "True", Reason.SUSPENDED, message)
    available = known[ConditionType.AVAILABLE]
    if available.reason is Reason.SERVING_PREVIOUS_REVISION:
        return Finding(ConditionType.READY, "False", Reason.ROLLOUT_PROGRESSING, available.message)
    if available.truth == "Unknown":
        return Finding(ConditionType.READY, "Unknown", Reason.PENDING, available.message)
    unknown = [known[type_].message for type_ in _ORDER if known[type_].truth == "Unknown"]
    message = " ".join([f"{assistant.metadata.name} answers at {_url(assistant)}.", *unknown])
    return Finding(ConditionType.READY, "True", Reason.READY, message)


def _condition(assistant: ChatAssistant, finding: Finding, now: datetime) -> Condition:
    """The condition; its time moves only with its status (Kubernetes API conventions)."""
    previous = _previous(assistant, finding.type)
    same = previous is not None and previous.status == finding.truth
    return Condition(
        type=finding.type,
        status=finding.truth,
        reason=finding.reason,
        message=finding.message,
        last_transition_time=previous.last_transition_time if previous and same else now,
        observed_generation=assistant.metadata.generation,
    )


def _previous(assistant: ChatAssistant, type_: ConditionType) -> Condition | None:
    conditions = assistant.status.conditions if assistant.status else ()
    return next((each for each in conditions if each.type == str(type_)), None)


def _url(assistant: ChatAssistant) -> str:
    """Where the assistant answers inside the cluster."""
    port = "" if assistant.spec.service.port == 80 else f":{assistant.spec.service.port}"  # noqa: PLR2004 (http's own)
    return f"http://{assistant.metadata.name}.{assistant.metadata.namespace}.svc{port}"


def _model(assistant: ChatAssistant, seen: Observed) -> ModelStatus:
    """What the catalogue says of the model; kept from the last status while it cannot be read."""
    name = assistant.spec.model.name
    previous = assistant.status.model if assistant.status else None
    if not isinstance(seen.catalogue, Catalogue):
        return previous if previous and previous.name == name else ModelStatus(name=name)
    row = seen.catalogue.find(name)
    if row is None:
        return ModelStatus(name=name)
    prices = (row.prompt_price, row.completion_price)
    return ModelStatus(
        name=name,
        context_length=row.context_length,
        supports_tools=row.supports_tools,
        free=row.free,
        pricing=Pricing(prompt=f"{prices[0]:f}", completion=f"{prices[1]:f}") if None not in prices else None,
    )


def _credentials(assistant: ChatAssistant, seen: Observed) -> CredentialsStatus | None:
    """What the gateway told of the key; kept from the last status while nobody says otherwise."""
    if isinstance(seen.key, KeyAccepted):
        key = seen.credential.key if isinstance(seen.credential, Credential) else None
        return CredentialsStatus(
            key_label=seen.key.label,
            fingerprint=key.fingerprint if key else None,
            free_tier=seen.key.free_tier,
            expires_at=seen.key.expires_at,
        )
    if isinstance(seen.key, KeyRefused) or not assistant.status:
        return None
    return assistant.status.credentials


def invalid(body: Manifest, problem: str, now: datetime) -> Status:
    """The status of an object that this operator's API does not accept, as an older CRD may have let in."""
    generation = body["metadata"]["generation"]
    message = (
        f"The spec is not valid: {problem}. Correct it, or install the CRD that belongs to this operator."
    )
    return Status(
        observed_generation=generation,
        conditions=tuple(
            Condition(
                type=type_,
                status="False",
                reason=Reason.INVALID_SPEC,
                message=message,
                last_transition_time=now,
                observed_generation=generation,
            )
            for type_ in (ConditionType.READY, ConditionType.APPLIED)
        ),
    )
