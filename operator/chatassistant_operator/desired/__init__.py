"""What the cluster should hold for a ChatAssistant: one pure file a child kind."""

from dataclasses import dataclass

from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.config_map import config_map
from chatassistant_operator.desired.deployment import deployment, hold
from chatassistant_operator.desired.gate import Gate, gate
from chatassistant_operator.desired.metadata import revision_of
from chatassistant_operator.desired.secrets import access_secret
from chatassistant_operator.desired.service import service
from chatassistant_operator.desired.service_account import service_account
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Manifest, Observed
from chatassistant_operator.observed.pending import Pending


@dataclass(frozen=True, slots=True)
class Plan:
    """The manifests to apply, in order, and the revision of the pods that they should come to run.

    `revision` is None while it cannot be told, because something that shapes it is still being read.
    """

    manifests: tuple[Manifest, ...]
    revision: str | None


def build(assistant: ChatAssistant, seen: Observed, findings: tuple[Finding, ...]) -> Plan:
    """The children of a ChatAssistant: what serves is replaced only by what is not known to be bad."""
    live = seen.children.deployment
    frame = (service_account(assistant), service(assistant), *access_secret(assistant, seen))
    # Nothing is begun before it is known how to end it; what is there is kept as it should be.
    meanwhile = frame if live else ()
    if isinstance(seen.prompt, Pending) and not assistant.spec.suspend:
        return Plan(meanwhile, None)
    config = config_map(assistant, seen)
    accepted = any(each.type is ConditionType.CREDENTIALS_VALID and each.truth == "True" for each in findings)
    wanted = deployment(assistant, seen, config["metadata"]["name"], accepted=accepted)
    revision = revision_of(wanted)
    held = (hold(wanted, live),) if live else ()
    match gate(assistant, seen, findings, revision):
        case Gate.OPEN:
            return Plan((*frame, config, wanted), revision)
        case Gate.WAITING:
            return Plan(meanwhile, revision)
        case Gate.CLOSED:
            return Plan((*frame, *held), revision)
        case Gate.FORBIDDEN:
            return Plan(held, revision)


def obsolete(plan: Plan, seen: Observed) -> tuple[str, ...]:
    """The names of configuration ConfigMaps that no revision, kept for going back to, still needs."""
    needed = {each.config_map for each in seen.children.replica_sets}
    needed |= {manifest["metadata"]["name"] for manifest in plan.manifests if manifest["kind"] == "ConfigMap"}
    return tuple(name for name in seen.children.config_maps if name not in needed)
