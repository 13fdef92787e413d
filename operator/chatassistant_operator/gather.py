"""Every read of a reconcile, in one place: nothing here waits, and nothing is read twice."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from chatassistant_operator.api import names
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.completion import met_by_pods
from chatassistant_operator.checks.endpoints import needs_endpoints
from chatassistant_operator.checks.policy import denied
from chatassistant_operator.checks.secret import usable_key
from chatassistant_operator.desired.egress import services as called_services
from chatassistant_operator.desired.trial import trial_digest
from chatassistant_operator.observed import Children, Observed, annotation
from chatassistant_operator.observed.gateway import (
    Catalogue,
    CatalogueVerdict,
    CompletionAnswered,
    CompletionRefused,
    CompletionVerdict,
    EndpointsVerdict,
    KeyAccepted,
    KeyVerdict,
    KnownKey,
    against,
    last_word,
)
from chatassistant_operator.observed.named import Credential, CredentialReading
from chatassistant_operator.ports import Ports


def gather(assistant: ChatAssistant, ports: Ports, now: datetime) -> Observed:
    """The world as it is known now; an answer that is still on its way is `PENDING`.

    The gateway is asked only what may be asked: nothing while suspended, when validation is disabled, or when
    the policy forbids what the spec says.
    """
    spec, gateway = assistant.spec, ports.gateway
    may_ask = not spec.suspend and spec.validation.mode != "Disabled" and not denied(assistant, ports.policy)
    children = ports.cluster.children(assistant)
    credential = ports.references.credential(assistant)
    if not may_ask:
        gateway.rest(assistant)
    api_key = usable_key(assistant, credential)
    key = gateway.key(assistant, api_key, _known(assistant, children, credential)) if may_ask else None
    reports = ports.pods.reports(assistant, children.pods)
    if isinstance(key, KeyAccepted) and Reason.KEY_REJECTED in met_by_pods(children, reports):
        gateway.doubt(assistant)
    catalogue = gateway.catalogue(assistant) if may_ask else None
    completion = _completion(assistant, ports, children, credential, key) if may_ask else None
    if isinstance(credential, Credential) and not spec.suspend and _is_bad(api_key, key, completion):
        ports.references.hurry(assistant)
    prompt = ports.references.prompt(assistant)
    zero_retention = spec.model.provider is not None and bool(spec.model.provider.zdr) and may_ask
    seen = Observed(
        now=now,
        policy=ports.policy,
        defaults=ports.defaults,
        credential=credential,
        prompt=prompt if spec.system_prompt_from else None,
        key=key,
        catalogue=catalogue,
        children=children,
        secrets=ports.references.secrets(assistant),
        access_token=ports.tokens.access_token(assistant),
        endpoints=_endpoints(assistant, ports, catalogue),
        zero_retention=gateway.zero_retention(assistant) if zero_retention else None,
        completion=completion,
        reports=reports,
        has_looked=ports.references.has_looked(assistant) and gateway.has_looked(assistant),
        has_turn=ports.turns.has_room((assistant.metadata.namespace, assistant.metadata.name)),
    )
    called = called_services(assistant, seen) if spec.network_policy.enabled else ()
    return replace(seen, services=ports.references.services(assistant, called))


def _known(assistant: ChatAssistant, children: Children, credential: CredentialReading) -> KnownKey:
    """What an earlier verdict on just this key said: the Deployment tells which key was accepted, the status the rest."""
    said = assistant.status.credentials if assistant.status else None
    if not isinstance(credential, Credential):
        return KnownKey()
    matches = annotation(children.deployment, names.ACCEPTED_CREDENTIALS_ANNOTATION) == credential.revision
    valid = assistant.condition(ConditionType.CREDENTIALS_VALID)
    accepted = matches and (valid is None or valid.status != "False")
    if said is None or said.subject != credential.revision:
        return KnownKey(accepted=accepted)
    return KnownKey(accepted, said.last_accepted_time, said.expires_at)


def _completion(
    assistant: ChatAssistant,
    ports: Ports,
    children: Children,
    credential: CredentialReading,
    key: KeyVerdict | None,
) -> CompletionVerdict | None:
    """Whether a completion of one token comes: tried once for a key that is accepted, and remembered on the Deployment."""
    api_key = usable_key(assistant, credential)
    wanted = assistant.spec.validation.mode == "Completion" and isinstance(key, KeyAccepted)
    if not wanted or not isinstance(credential, Credential) or _is_bad(api_key, key, None):
        return ports.gateway.completion(assistant, None)
    answered = annotation(children.deployment, names.ANSWERED_COMPLETION_ANNOTATION)
    if answered == trial_digest(assistant, credential.revision):
        return CompletionAnswered()
    return ports.gateway.completion(assistant, api_key)


def _endpoints(
    assistant: ChatAssistant, ports: Ports, catalogue: CatalogueVerdict | None
) -> Mapping[str, EndpointsVerdict]:
    """Who serves the models, where the provider preferences ask for it."""
    offered = last_word(catalogue)
    if not isinstance(offered, Catalogue) or not needs_endpoints(assistant.spec.model.provider):
        return {}
    rows = (offered.find(name) for name in assistant.spec.model.named.values())
    return ports.gateway.endpoints(assistant, tuple(sorted({row.id for row in rows if row is not None})))


def _is_bad(api_key: ApiKey | None, key: KeyVerdict | None, completion: CompletionVerdict | None) -> bool:
    """Whether the key is known to be no good, so that somebody is likely to change the Secret soon."""
    return api_key is None or against(key) is not None or isinstance(last_word(completion), CompletionRefused)
