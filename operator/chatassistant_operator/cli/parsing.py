"""ChatAssistants of the API server as typed objects."""

from pydantic import ValidationError

from chatassistant_operator.api.v1alpha1 import ChatAssistant, explain
from chatassistant_operator.cli.failure import CommandError
from chatassistant_operator.observed import Manifest


def parsed(assistant: Manifest) -> ChatAssistant:
    """The typed object; raises `CommandError` for one that another version of the CRD let in."""
    try:
        return ChatAssistant.parse(assistant)
    except ValidationError as error:
        problems = "; ".join(explain(error))
        raise CommandError(
            f"The ChatAssistant {assistant['metadata']['name']!r} is not valid for this version of kubectl-assistant: "
            f"{problems}. Correct it, or install the version that fits the operator's."
        ) from None
