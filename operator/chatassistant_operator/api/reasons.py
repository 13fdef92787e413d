"""Every condition and every reason, with what it means."""

from enum import StrEnum
from typing import Self


class _Documented(StrEnum):
    """A name that goes out, and a line that says what it means."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    @classmethod
    def named(cls, name: str) -> Self:
        """The member of this name."""
        return next(member for member in cls if member == name)


class ConditionType(_Documented):
    """The types of a ChatAssistant's conditions."""

    READY = "Ready", "The current generation's pods serve, and nothing is known to be wrong."
    CREDENTIALS_VALID = "CredentialsValid", "The gateway accepts the API key."
    MODEL_AVAILABLE = "ModelAvailable", "The gateway offers the model."
    AVAILABLE = "Available", "Pods serve."
    APPLIED = "Applied", "The objects that the operator makes are as they should be."


class Reason(_Documented):
    """The reasons of conditions; each may also be the reason of Ready."""

    READY = "Ready", "It answers."
    SUSPENDED = "Suspended", "spec.suspend is true: no pod runs, nothing is checked."
    PENDING = "Pending", "Nothing is known yet."
    NOT_CHECKED = "NotChecked", "Nobody asked, or the answer is on its way; the message says which."

    KEY_ACCEPTED = "KeyAccepted", "The gateway accepted the key."
    SECRET_NOT_FOUND = "SecretNotFound", "The Secret that the spec names does not exist."
    SECRET_KEY_MISSING = "SecretKeyMissing", "The Secret has no entry of the name that the spec gives."
    KEY_MALFORMED = (
        "KeyMalformed",
        "The value is empty or cannot be an OpenRouter key; it was sent to nobody.",
    )
    KEY_REJECTED = "KeyRejected", "The gateway refused the key."
    GATEWAY_UNREACHABLE = "GatewayUnreachable", "The gateway could not be asked; the key may be good."
    RATE_LIMITED = "RateLimited", "The gateway was asked too often; the key may be good."

    MODEL_FOUND = "ModelFound", "The gateway's catalogue has the model."
    MODEL_NOT_FOUND = "ModelNotFound", "The gateway's catalogue does not have the model."
    CATALOG_UNAVAILABLE = "CatalogUnavailable", "The catalogue could not be read; the model may be there."

    DEPLOYMENT_AVAILABLE = "DeploymentAvailable", "Pods of the current revision serve."
    SERVING_PREVIOUS_REVISION = "ServingPreviousRevision", "Pods of an earlier revision serve."
    ROLLOUT_PROGRESSING = "RolloutProgressing", "New pods are not ready yet."

    APPLIED = "Applied", "Every object is as it should be."
    APPLY_FAILED = "ApplyFailed", "The API server refused an object."
    FORBIDDEN = "Forbidden", "The operator lacks a right."
    NAME_CONFLICT = "NameConflict", "An object of the name that a child needs belongs to someone else."
    POLICY_DENIED = "PolicyDenied", "The operator's settings do not allow what the spec asks for."
    PROMPT_NOT_FOUND = (
        "PromptNotFound",
        "The ConfigMap or the key that systemPromptFrom names does not exist.",
    )
    INVALID_SPEC = "InvalidSpec", "The spec is not valid for this operator's version of the API."
