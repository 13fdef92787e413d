"""Which revision of the API key the pods are to have, and which one the gateway accepted last.

What is accepted is recorded on the Deployment, so that neither a refused key nor a restart of the operator, which has
read no Secret yet, rolls anything.
"""

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import Observed, annotation
from chatassistant_operator.observed.named import Credential


def accepted_revision(seen: Observed, *, accepted: bool) -> str | None:
    """The revision of the key that the gateway accepted last."""
    if accepted and isinstance(seen.credential, Credential):
        return seen.credential.revision
    return annotation(seen.children.deployment, names.ACCEPTED_CREDENTIALS_ANNOTATION)


def pods_revision(assistant: ChatAssistant, seen: Observed, *, accepted: bool) -> str | None:
    """The revision that makes pods roll to a new key; None where pods take up a new key by themselves.

    It moves at the first roll-out, once the gateway accepts the key, and at once where nobody asks or nobody wants
    to wait for that.
    """
    credentials = assistant.spec.credentials
    if credentials.delivery == "File":
        return None
    live = seen.children.deployment
    running = annotation(live["spec"]["template"] if live else None, names.CREDENTIALS_REVISION_ANNOTATION)
    at_once = credentials.rotation_policy == "Immediate" or assistant.spec.validation.mode == "Disabled"
    if isinstance(seen.credential, Credential) and (running is None or accepted or at_once):
        return seen.credential.revision
    return running
