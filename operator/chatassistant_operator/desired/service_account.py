"""The pods' ServiceAccount: an identity with no rights and no token."""

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest


def service_account(assistant: ChatAssistant) -> Manifest | None:
    """The ServiceAccount of an assistant's pods, where the spec names none."""
    if assistant.spec.service_account_name is not None:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": object_meta(assistant),
        "automountServiceAccountToken": False,
    }
