"""Every read of a reconcile, in one place: nothing here waits, and nothing is read twice."""

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.policy import denied
from chatassistant_operator.checks.secret import usable_key
from chatassistant_operator.observed import KeyRefused, Observed
from chatassistant_operator.ports import Ports


def gather(assistant: ChatAssistant, ports: Ports) -> Observed:
    """The world as it is known now; an answer that is still on its way is `PENDING`.

    The gateway is asked only what may be asked: nothing while suspended, when validation is disabled, or when
    the policy forbids what the spec says.
    """
    spec = assistant.spec
    may_ask = not spec.suspend and spec.validation.mode != "Disabled" and not denied(assistant, ports.policy)
    credential = ports.references.credential(assistant)
    api_key = usable_key(assistant, credential)
    key = ports.gateway.key(assistant, api_key) if may_ask and api_key else None
    if isinstance(key, KeyRefused):
        ports.references.hurry(assistant)
    return Observed(
        policy=ports.policy,
        defaults=ports.defaults,
        credential=credential,
        prompt=ports.references.prompt(assistant) if spec.system_prompt_from else None,
        key=key,
        catalogue=ports.gateway.catalogue(assistant) if may_ask else None,
        children=ports.cluster.children(assistant),
    )
