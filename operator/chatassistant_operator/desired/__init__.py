"""What the cluster should hold for a ChatAssistant: one pure file a child kind."""

from dataclasses import dataclass

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.autoscaler import autoscaler
from chatassistant_operator.desired.config_map import config_map
from chatassistant_operator.desired.deployment import deployment, hold
from chatassistant_operator.desired.disruption_budget import disruption_budget
from chatassistant_operator.desired.egress import is_known
from chatassistant_operator.desired.gate import Gate, gate
from chatassistant_operator.desired.http_route import http_route
from chatassistant_operator.desired.ingress import ingress
from chatassistant_operator.desired.metadata import revision_of
from chatassistant_operator.desired.network_policy import network_policy
from chatassistant_operator.desired.pacing import is_asked_for
from chatassistant_operator.desired.prometheus_rule import prometheus_rule
from chatassistant_operator.desired.secrets import access_secret
from chatassistant_operator.desired.service import service
from chatassistant_operator.desired.service_account import service_account
from chatassistant_operator.desired.service_monitor import service_monitor
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Child, Manifest, Observed, annotation, is_running
from chatassistant_operator.observed.pending import Pending


@dataclass(frozen=True, slots=True)
class Plan:
    """The manifests to apply, in order, and the revision of the pods that they should come to run.

    `revision` is None while it cannot be told, because something that shapes it is still being read. `unwanted` are the
    children, by kind and name, that the spec does not ask for any more. `unasked` says that pods are to roll though their author
    has changed nothing: with these manifests where they have a turn, else later.
    """

    manifests: tuple[Manifest, ...]
    revision: str | None
    unwanted: tuple[Child, ...] = ()
    unasked: bool = False


def build(assistant: ChatAssistant, seen: Observed, findings: tuple[Finding, ...]) -> Plan:
    """The children of a ChatAssistant: what serves is replaced only by what is not known to be bad."""
    live = seen.children.deployment
    frame = _frame(assistant, seen)
    # Nothing is begun before it is known how to end it; what is there is kept as it should be.
    meanwhile, unwanted = (frame, _unwanted(assistant, frame, seen)) if live else ((), ())
    if isinstance(seen.prompt, Pending) and not assistant.spec.suspend:
        return Plan(meanwhile, None, unwanted)
    config = config_map(assistant, seen)
    accepted = any(each.type is ConditionType.CREDENTIALS_VALID and each.truth == "True" for each in findings)
    wanted = deployment(assistant, seen, config["metadata"]["name"], accepted=accepted)
    revision = revision_of(wanted)
    held = (hold(wanted, live),) if live else ()
    unasked = live is not None and _rolls(wanted, live) and not is_asked_for(wanted, live)
    # Nobody waits for what nobody asked for: until it rolls, all is well with what runs.
    expected = annotation(live, names.REVISION_ANNOTATION) if unasked else revision
    match gate(assistant, seen, findings, revision):
        case Gate.OPEN if unasked and not seen.has_turn:
            return Plan(meanwhile, expected, unwanted, unasked)
        case Gate.OPEN:
            return Plan((*frame, *_reach(assistant, seen), config, wanted), revision, unwanted, unasked)
        case Gate.WAITING:
            return Plan(meanwhile, expected, unwanted)
        case Gate.CLOSED:
            return Plan((*frame, *held), expected, unwanted)
        case Gate.FORBIDDEN:
            return Plan(held, revision)


def obsolete(plan: Plan, seen: Observed) -> tuple[str, ...]:
    """The names of configuration ConfigMaps that no revision, kept for going back to, still needs.

    None while it is awaited what to run: the operator that led before may have begun just that.
    """
    if not any(kind == "Deployment" for kind, _ in map(_child, plan.manifests)):
        return ()
    needed = {each.config_map for each in seen.children.replica_sets}
    needed |= {name for kind, name in map(_child, plan.manifests) if kind == "ConfigMap"}
    needed |= _used(seen.children.deployment)
    return tuple(name for name in seen.children.config_maps if name not in needed)


def _rolls(wanted: Manifest, live: Manifest) -> bool:
    """Whether pods that run are replaced."""
    return is_running(live) and annotation(live, names.REVISION_ANNOTATION) != revision_of(wanted)


def _used(live: Manifest | None) -> set[str]:
    """The configurations that the pods of a Deployment come to read, whose ReplicaSet may not be there yet."""
    volumes: list[Manifest] = live["spec"]["template"]["spec"].get("volumes", []) if live else []
    return {each["configMap"]["name"] for each in volumes if "configMap" in each}


def _frame(assistant: ChatAssistant, seen: Observed) -> tuple[Manifest, ...]:
    """What is around the pods, whatever they run."""
    children = (
        service_account(assistant),
        service(assistant),
        *access_secret(assistant, seen),
        disruption_budget(assistant),
        autoscaler(assistant),
        ingress(assistant),
        http_route(assistant),
        service_monitor(assistant, seen),
        prometheus_rule(assistant, seen),
    )
    return tuple(each for each in children if each is not None)


def _reach(assistant: ChatAssistant, seen: Observed) -> tuple[Manifest, ...]:
    """Whom the pods reach: with what they run, and not before, it changes.

    What is not read yet, as after a restart of the operator, changes nothing either.
    """
    policy = network_policy(assistant, seen)
    stays = (
        not is_known(assistant, seen) and ("NetworkPolicy", assistant.metadata.name) in seen.children.others
    )
    return () if policy is None or stays else (policy,)


def _unwanted(assistant: ChatAssistant, frame: tuple[Manifest, ...], seen: Observed) -> tuple[Child, ...]:
    wanted = {_child(manifest) for manifest in frame}
    if assistant.spec.network_policy.enabled:
        wanted.add(("NetworkPolicy", assistant.metadata.name))
    return tuple(child for child in sorted(seen.children.others) if child not in wanted)


def _child(manifest: Manifest) -> Child:
    return manifest["kind"], manifest["metadata"]["name"]
