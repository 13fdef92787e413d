"""Does the gateway accept the key?"""

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Cause, KeyAccepted, KeyRefused, Observed, Pending, Unanswered


def key_is_accepted(assistant: ChatAssistant, seen: Observed) -> Finding:
    """What `GET /key` said, or why it was not asked."""
    ref = assistant.spec.credentials.api_key_secret_ref
    gateway = assistant.spec.gateway.base_url
    match seen.key:
        case KeyAccepted():
            return _finding(
                "True", Reason.KEY_ACCEPTED, f"{gateway} accepts the key of the Secret {ref.name!r}."
            )
        case KeyRefused(status=status, message=message):
            return _finding(
                "False",
                Reason.KEY_REJECTED,
                f"{gateway} refuses the key of the Secret {ref.name!r} ({status}: {message}). Make a new key at "
                f"https://openrouter.ai/settings/keys and put it under {ref.key!r} in that Secret.",
            )
        case Unanswered(cause=Cause.RATE_LIMITED, detail=detail):
            return _finding(
                "Unknown", Reason.RATE_LIMITED, f"{gateway} has too many requests to check the key: {detail}"
            )
        case Unanswered(detail=detail):
            return _finding(
                "Unknown",
                Reason.GATEWAY_UNREACHABLE,
                f"The key could not be checked, which says nothing against it: {detail} It is asked again by itself.",
            )
        case Pending():
            return _finding("Unknown", Reason.NOT_CHECKED, "The gateway is being asked.", pending=True)
        case None:
            return _finding(
                "Unknown", Reason.NOT_CHECKED, f"The key is not checked: {why_not_asked(assistant)}."
            )


def why_not_asked(assistant: ChatAssistant) -> str:
    """Why no question goes to the gateway, as the end of a sentence."""
    if assistant.spec.suspend:
        return "spec.suspend is true"
    if assistant.spec.validation.mode == "Disabled":
        return "spec.validation.mode is Disabled"
    return "what stands in the way is told by the condition Applied"


def _finding(truth: Truth, reason: Reason, message: str, *, pending: bool = False) -> Finding:
    return Finding(ConditionType.CREDENTIALS_VALID, truth, reason, message, pending)
