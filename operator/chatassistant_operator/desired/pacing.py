"""Whose doing is it that pods roll? What no author asked for, as after an upgrade of the operator, is paced."""

from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import digest
from chatassistant_operator.observed import Manifest, Observed, annotation
from chatassistant_operator.observed.named import Prompt

_REVISIONS: Final = (
    names.CREDENTIALS_REVISION_ANNOTATION,
    names.ACCESS_REVISION_ANNOTATION,
    names.TOKEN_REVISION_ANNOTATION,
    names.STORE_REVISION_ANNOTATION,
    names.TOOLS_REVISION_ANNOTATION,
)


def made_for(assistant: ChatAssistant, seen: Observed) -> str:
    """What of the author's a Deployment is made for, Secrets aside: the spec's generation and the prompt's ConfigMap."""
    generation = str(assistant.metadata.generation)
    return f"{generation}-{digest(seen.prompt.text)}" if isinstance(seen.prompt, Prompt) else generation


def is_asked_for(wanted: Manifest, live: Manifest) -> bool:
    """Whether the author has changed anything since the live Deployment was made: the spec, the prompt, or a Secret.

    A Deployment that does not say what it was made for is an older operator's.
    """
    said = annotation(live, names.MADE_FOR_ANNOTATION)
    if said is not None and said != annotation(wanted, names.MADE_FOR_ANNOTATION):
        return True
    before, now = live["spec"]["template"], wanted["spec"]["template"]
    return any(annotation(before, name) not in {None, annotation(now, name)} for name in _REVISIONS)
