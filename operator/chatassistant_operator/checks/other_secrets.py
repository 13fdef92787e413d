"""May the Secrets with access token and store's URL be used, and are they there?"""

from collections.abc import Iterator
from dataclasses import dataclass

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1.references import SecretEntryRef
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.named import Absent, OtherSecret, Unreadable
from chatassistant_operator.observed.pending import Pending


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of a Secret: the label by which its owner allows it, the field that names it, what to put there."""

    label: str
    field: str
    value: str
    ref: SecretEntryRef


def named_secrets_may_be_used(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """A Secret other than the API key's is used only if its owner says so, by a label."""
    return None if assistant.spec.suspend else named_secrets_stand_against(assistant, seen)


def named_secrets_stand_against(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What stands against the Secret of the access token, or of the store."""
    found = (_stands_against(assistant, use, seen) for use in _uses(assistant))
    return next((each for each in found if each is not None), None)


def made_secret_is_ours(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`NameConflict` where somebody else's Secret has the name of the one that the operator makes."""
    secret, name = seen.access_token, names.access_secret(assistant.metadata.name)
    if not isinstance(secret, OtherSecret) or secret.controller == assistant.metadata.uid:
        return None
    return _not_applied(
        Reason.NAME_CONFLICT,
        f"The Secret {name!r} in namespace {assistant.metadata.namespace!r} was not made for this ChatAssistant, so it is "
        f"left alone. Delete it (`kubectl delete secret {name} -n {assistant.metadata.namespace}`), or name a Secret "
        "with the access token in spec.access.tokenSecretRef.",
    )


def _uses(assistant: ChatAssistant) -> Iterator[_Use]:
    access, store = assistant.spec.access.token_secret_ref, assistant.spec.store.url_secret_ref
    if access is not None:
        yield _Use("access", "spec.access.tokenSecretRef", "$ACCESS_TOKEN", access)
    if store is not None:
        yield _Use("store", "spec.store.urlSecretRef", "$STORE_URL", store)


def _stands_against(assistant: ChatAssistant, use: _Use, seen: Observed) -> Finding | None:
    name, namespace = use.ref.name, assistant.metadata.namespace
    label = f"kubectl label secret {name} -n {namespace} {names.USE_LABEL}={use.label}"
    match seen.secrets.get(name):
        case None | Pending():
            message = f"The Secret {name!r} is being read."
            return Finding(ConditionType.APPLIED, "Unknown", Reason.SECRET_NOT_FOUND, message, pending=True)
        case Absent():
            message = (
                f"There is no Secret {name!r} in namespace {namespace!r}, which {use.field} names. Create it with "
                f'`kubectl create secret generic {name} -n {namespace} --from-literal={use.ref.key}="{use.value}" && {label}`.'
            )
            return _not_applied(Reason.SECRET_NOT_FOUND, message)
        case Unreadable(problem):
            message = f"The operator could not read the Secret {name!r}: {problem.rstrip('.')}."
            return _not_applied(Reason.FORBIDDEN, message)
        case OtherSecret(labels=labels) if labels.get(names.USE_LABEL) != use.label:
            message = (
                f"The owner of the Secret {name!r} has not allowed its use for {use.label} ({use.field}). Allow it with "
                f"`{label} --overwrite`."
            )
            return _not_applied(Reason.POLICY_DENIED, message)
        case OtherSecret(entries=entries) if use.ref.key not in entries:
            patch = f'-p \'{{"stringData":{{"{use.ref.key}":"\'"{use.value}"\'"}}}}\''
            message = (
                f"The Secret {name!r} in namespace {namespace!r} has no key {use.ref.key!r}, which {use.field} names. Name "
                f"the one that it has there, or add it: `kubectl patch secret {name} -n {namespace} {patch}`."
            )
            return _not_applied(Reason.SECRET_KEY_MISSING, message)
        case _:
            return None


def _not_applied(reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.APPLIED, "False", reason, message)
