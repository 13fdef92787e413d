"""What goes on while a key is no good: which pods serve, and what one that restarts now would get."""

from chatassistant_operator.api import names
from chatassistant_operator.observed import Observed, annotation
from chatassistant_operator.observed.named import Credential


def meanwhile(seen: Observed) -> str:
    """The end of a message about a key that is no good; empty when no pod runs."""
    live = seen.children.deployment
    if live is None or not live["spec"].get("replicas"):
        return ""
    credential = seen.credential
    if not isinstance(credential, Credential) or credential.key is None:
        return " Running pods go on with the key that they have; a pod that restarts now waits until the Secret is there."
    accepted = annotation(live, names.ACCEPTED_CREDENTIALS_ANNOTATION)
    if accepted is None:
        return ""
    if accepted == credential.revision:
        return " Running pods are left alone, but the gateway does not answer them with this key either."
    return (
        " This is a new key: running pods go on with the one before, which still serves; a pod that restarts now gets "
        "the new one and cannot answer with it. Put the old key back or a good one in; with a new key in a Secret of "
        "a new name (spec.credentials.apiKeySecretRef.name) this cannot happen."
    )
