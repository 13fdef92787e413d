"""What goes on while a key is no good, and what holds while the gateway cannot be asked, as the ends of messages."""

from datetime import datetime

from chatassistant_operator.api import names
from chatassistant_operator.observed import Observed, annotation, is_running
from chatassistant_operator.observed.gateway import Unanswered
from chatassistant_operator.observed.named import Credential


def meanwhile(seen: Observed) -> str:
    """The end of a message about a key that is no good; empty when no pod runs."""
    live = seen.children.deployment
    if not is_running(live):
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


def said_last(verdict: Unanswered, at: datetime | None) -> str:
    """The end of a message that tells what the gateway said last, at a time, and not now."""
    when = f" at {at:%Y-%m-%dT%H:%M:%SZ}" if at else ""
    detail = verdict.detail.rstrip(".")
    return f" That was the gateway's last word{when}, and holds until it can be asked again ({detail})."
