"""From the API server to an operator that has looked at the spec."""

import re
from datetime import datetime, timedelta
from typing import Final

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.cli.cures import cure
from chatassistant_operator.cli.doctor.finding import (
    Finding,
    Fix,
    broken,
    command_in,
    ok,
    unknown,
    warning,
)
from chatassistant_operator.cli.doctor.snapshot import Snapshot
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT
from chatassistant_operator.finding import Finding as Cause
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.named import Absent, Unreadable

# Twice what a Lease lasts that nobody renews.
_FRESH: Final = timedelta(seconds=30)
_OPERATORS: Final = "kubectl get pods -A -l app.kubernetes.io/name=chatassistant-operator"
# The API server's words for a right that somebody lacks.
_REFUSED: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
)
_INSTALL_ROLES: Final = "Whoever runs the operator installs its roles anew, for this namespace, too."


def api_server(seen: Snapshot) -> Finding:
    """The kubeconfig leads to an API server that answers."""
    if isinstance(seen.server, Unreadable):
        return broken(seen.server.message, "kubectl cluster-info")
    return ok(f"{seen.server} answers.")


def definition(seen: Snapshot) -> Finding:
    """The API server knows ChatAssistants."""
    if isinstance(seen.served, Unreadable):
        return broken(seen.served.message, "kubectl api-resources --api-group=chatassistant.dev")
    if not seen.served:
        return broken(
            "The cluster knows no ChatAssistants: the CRD is not installed.", "kubectl apply -f crds/"
        )
    return ok("The cluster knows ChatAssistants.")


def assistant_is_there(seen: Snapshot) -> Finding:
    """The ChatAssistant can be read and is understood."""
    match seen.assistant:
        case Unreadable(message):
            return broken(
                message, f"kubectl auth can-i get chatassistants.chatassistant.dev -n {seen.namespace}"
            )
        case Absent():
            return broken(
                f"There is no ChatAssistant {seen.name!r} in the namespace {seen.namespace!r}.",
                "kubectl get chat -A",
            )
        case _ if isinstance(seen.typed, str):
            return broken(seen.typed, f"kubectl edit chat {seen.name} -n {seen.namespace}")
        case _:
            return ok(f"The ChatAssistant is there, generation {seen.chat.metadata.generation}.")


def users_rights(seen: Snapshot) -> Finding:
    """The command's user may read what the next links look at; without, the operator's word is taken."""
    if isinstance(seen.rights, Unreadable):
        return unknown(seen.rights.message)
    missing = [each for each, has in seen.rights.items() if not has]
    if not missing:
        return ok("You may read all that is looked at.")
    named = "; ".join(f"{each.words} ({each.purpose})" for each in missing)
    first = missing[0].words
    return warning(
        f"You lack rights, so that less can be told: {named}. Whoever runs the cluster can give them.",
        f"kubectl auth can-i {first} -n {seen.namespace}",
    )


def operator_runs(seen: Snapshot) -> Finding:
    """An operator renews its Lease and has looked at the spec as it is now."""
    metadata, status = seen.chat.metadata, seen.chat.status
    has_looked = status is not None and status.observed_generation == metadata.generation
    if isinstance(seen.leases, tuple) and seen.leases:
        return _by_lease(seen, seen.leases, has_looked=has_looked)
    why = seen.leases.message if isinstance(seen.leases, Unreadable) else "there is no Lease of its name."
    if has_looked:
        return ok(
            f"The operator has looked at generation {metadata.generation}. Whether it runs now cannot be told: {why}"
        )
    return broken(
        f"No operator has looked at generation {metadata.generation} of the spec: {why}", _OPERATORS
    )


def _by_lease(seen: Snapshot, leases: tuple[Manifest, ...], *, has_looked: bool) -> Finding:
    generation = seen.chat.metadata.generation
    if not any(_is_held(each, seen.now) for each in leases):
        last = max(str(each.get("spec", {}).get("renewTime", "")) for each in leases)
        return broken(f"No operator runs: none has renewed its Lease since {last[:19]}Z.", _OPERATORS)
    if has_looked:
        return ok(f"An operator runs, and has looked at generation {generation}.")
    return broken(
        f"An operator runs, and has not looked at generation {generation}: it does so within seconds where it watches the "
        f"namespace {seen.namespace!r}, which its setting CHATASSISTANT_NAMESPACES says.",
        f"kubectl get chat {seen.name} -n {seen.namespace} --watch",
    )


def operators_rights(seen: Snapshot) -> Finding:
    """The operator may do what it has to."""
    applied, key = seen.condition(ConditionType.APPLIED), seen.condition(ConditionType.CREDENTIALS_VALID)
    if applied is not None and applied["reason"] == Reason.FORBIDDEN:
        return broken(f"{applied['message']} {_INSTALL_ROLES}", _proof(seen, applied["message"]))
    if key is not None and "needs the right to get Secrets" in key["message"]:
        return broken(key["message"], _proof(seen, key["message"]))
    return ok("The operator lacks no right.")


def spec_is_applied(seen: Snapshot) -> Finding:
    """Nothing forbids or hinders what the spec asks for, and it is not suspended."""
    name, namespace = seen.name, seen.namespace
    if seen.chat.spec.suspend:
        patch = {"spec": {"suspend": None}}
        return broken(
            "spec.suspend is true: no pod runs, and nothing is checked.",
            f"kubectl assistant resume {name} -n {namespace}",
            Fix(f"Have {name} run again (spec.suspend: false)?", CHAT_ASSISTANT, name, patch),
        )
    return by_condition(seen, ConditionType.APPLIED, "Every object is as it should be.")


def by_condition(seen: Snapshot, type_: ConditionType, well: str) -> Finding:
    """What the operator says of a condition: false is broken, unknown is unknown."""
    said = seen.condition(type_)
    if said is None:
        return unknown(f"The operator says nothing of {type_} yet.")
    match said["status"]:
        case "True":
            return ok(said["message"] or well)
        case "False":
            return broken(said["message"], cure_of(seen, said))
        case _:
            return unknown(said["message"], cure_of(seen, said))


def judged(seen: Snapshot, found: Cause) -> Finding:
    """What one of the operator's own checks found to be wrong, when it was made from here."""
    said = {
        "type": str(found.type),
        "status": "False",
        "reason": str(found.reason),
        "message": found.message,
    }
    return broken(found.message, cure_of(seen, said))


def cure_of(seen: Snapshot, condition: Manifest) -> str | None:
    """The command against what a condition tells: its message's own, else the guide's, else the guide's words."""
    guided = cure(seen.assistant, condition) if isinstance(seen.assistant, dict) else None
    return command_in(condition["message"]) or command_in(guided or "") or guided


def _is_held(lease: Manifest, now: datetime) -> bool:
    spec = lease.get("spec", {})
    renewed = spec.get("renewTime")
    return (
        bool(spec.get("holderIdentity")) and bool(renewed) and now - datetime.fromisoformat(renewed) < _FRESH
    )


def _proof(seen: Snapshot, message: str) -> str:
    """The command that shows whether the operator has the right which the API server said it lacks."""
    found = _REFUSED.search(message)
    if found is None:
        return f"kubectl auth can-i get secrets -n {seen.namespace} --as=system:serviceaccount:NAMESPACE:NAME"
    resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
    return f"kubectl auth can-i {found['verb']} {resource} -n {seen.namespace} --as={found['user']}"
