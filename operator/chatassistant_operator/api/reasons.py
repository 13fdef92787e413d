"""Every condition and every reason, with what it means and what it waits for; `guide.py` has the cures."""

from enum import Enum, StrEnum
from typing import Self


class Awaits(Enum):
    """What has to happen before a reason goes away."""

    NOTHING = "nothing is wrong"
    TIME = "it mends itself"
    ARRIVAL = "something outside the spec that may still arrive"
    EDIT = "an edit of the spec"


class ConditionType(StrEnum):
    """The types of a ChatAssistant's conditions."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """A member that knows its meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    READY = "Ready", "The current generation's pods serve, and nothing is known to be wrong."
    APPLIED = "Applied", "The objects that the operator makes are as they should be."
    CREDENTIALS_VALID = "CredentialsValid", "The gateway accepts the API key."
    MODEL_AVAILABLE = "ModelAvailable", "The gateway offers the models that the spec names."
    AVAILABLE = "Available", "Pods serve."
    TOOLS_AVAILABLE = "ToolsAvailable", "The MCP servers answer and offer the tools; only with spec.tools."
    RECONCILING = "Reconciling", "Work is under way, or something that is missing may still arrive."
    STALLED = "Stalled", "Nothing more happens until somebody mends what Ready tells of."
    CREDITS_LOW = "CreditsLow", "Less than a tenth is left of the key's limit or of the day's free requests."
    KEY_EXPIRING_SOON = "KeyExpiringSoon", "The key ends within 14 days."
    MODEL_RETIRING = "ModelRetiring", "The gateway has announced the end of a model that the spec names."


class Reason(StrEnum):
    """The reasons of conditions; each may also be the reason of Ready."""

    meaning: str
    awaits: Awaits

    def __new__(cls, value: str, awaits: Awaits, meaning: str) -> Self:
        """A member that knows its meaning and what it waits for."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.awaits = awaits
        member.meaning = meaning
        return member

    @classmethod
    def named(cls, name: str) -> Self:
        """The member of this name; for one that only another version of the operator knows, one that mends itself."""
        for member in cls:
            if str(member) == name:
                return member
        unknown = str.__new__(cls, name)
        unknown._name_ = unknown._value_ = name
        unknown.awaits, unknown.meaning = Awaits.TIME, "Another version of the operator said so."
        return unknown

    READY = "Ready", Awaits.NOTHING, "It answers."
    SUSPENDED = "Suspended", Awaits.NOTHING, "spec.suspend is true: no pod runs, nothing is checked."
    PENDING = "Pending", Awaits.TIME, "Nothing is known yet."
    NOT_CHECKED = (
        "NotChecked",
        Awaits.TIME,
        "Nobody asked, or the answer is on its way; the message says which.",
    )

    KEY_ACCEPTED = "KeyAccepted", Awaits.NOTHING, "The gateway accepted the key."
    SECRET_NOT_FOUND = "SecretNotFound", Awaits.ARRIVAL, "A Secret that the spec names does not exist."
    SECRET_KEY_MISSING = (
        "SecretKeyMissing",
        Awaits.ARRIVAL,
        "The Secret has no entry of the name that the spec gives.",
    )
    KEY_MALFORMED = (
        "KeyMalformed",
        Awaits.ARRIVAL,
        "The value cannot be an OpenRouter key; it was sent to nobody.",
    )
    KEY_REJECTED = "KeyRejected", Awaits.ARRIVAL, "The gateway refuses the key."
    KEY_EXPIRED = (
        "KeyExpired",
        Awaits.ARRIVAL,
        "The gateway refuses the key, whose end it told earlier has passed.",
    )
    MANAGEMENT_KEY = "ManagementKey", Awaits.ARRIVAL, "The key manages other keys; no model answers to it."
    KEY_LIMIT_REACHED = "KeyLimitReached", Awaits.ARRIVAL, "The key's own limit of spending is used up."
    INSUFFICIENT_CREDITS = "InsufficientCredits", Awaits.ARRIVAL, "The account has no credit left."
    GATEWAY_UNREACHABLE = (
        "GatewayUnreachable",
        Awaits.TIME,
        "The gateway could not tell; the key may be good.",
    )
    RATE_LIMITED = "RateLimited", Awaits.TIME, "The gateway was asked too often; the key may be good."

    MODEL_FOUND = "ModelFound", Awaits.NOTHING, "The gateway offers every model that the spec names."
    MODEL_NOT_FOUND = "ModelNotFound", Awaits.EDIT, "The gateway offers no such model."
    FREE_VARIANT_ENDED = (
        "FreeVariantEnded",
        Awaits.EDIT,
        "The model is no longer free; the paid one lives on.",
    )
    TOOLS_UNSUPPORTED = "ToolsUnsupported", Awaits.EDIT, "The spec has tools, and the model cannot call any."
    MAX_TOKENS_TOO_LARGE = "MaxTokensTooLarge", Awaits.EDIT, "maxTokens is more than the model can answer."
    NO_ENDPOINT_FOR_POLICY = (
        "NoEndpointForPolicy",
        Awaits.EDIT,
        "No provider of the model fits spec.model.provider.",
    )
    COMPLETION_REFUSED = (
        "CompletionRefused",
        Awaits.EDIT,
        "A completion with the spec's parameters is refused.",
    )
    CATALOG_UNAVAILABLE = (
        "CatalogUnavailable",
        Awaits.TIME,
        "The catalogue could not be read; the model may be there.",
    )

    DEPLOYMENT_AVAILABLE = "DeploymentAvailable", Awaits.NOTHING, "Pods of the current revision serve."
    SERVING_PREVIOUS_REVISION = "ServingPreviousRevision", Awaits.TIME, "Pods of an earlier revision serve."
    ROLLOUT_PROGRESSING = "RolloutProgressing", Awaits.TIME, "New pods are not ready yet."
    ROLLOUT_FAILED = (
        "RolloutFailed",
        Awaits.EDIT,
        "New pods did not become ready within the progress deadline.",
    )
    IMAGE_PULL_FAILED = "ImagePullFailed", Awaits.ARRIVAL, "The image cannot be pulled."
    CRASH_LOOPING = "CrashLooping", Awaits.ARRIVAL, "The chatbot ends again and again."
    OUT_OF_MEMORY = (
        "OutOfMemory",
        Awaits.ARRIVAL,
        "The chatbot was killed because it needed more memory than it may have.",
    )
    UNSCHEDULABLE = "Unschedulable", Awaits.ARRIVAL, "No node can run the pod."
    QUOTA_EXCEEDED = "QuotaExceeded", Awaits.ARRIVAL, "The namespace's quota leaves no room for a pod."
    POD_SECURITY_REJECTED = (
        "PodSecurityRejected",
        Awaits.ARRIVAL,
        "The namespace's Pod Security level refuses the pod.",
    )

    TOOLS_LISTED = "ToolsListed", Awaits.NOTHING, "Every MCP server answers and offers what the spec allows."
    TOOL_SERVER_UNREACHABLE = (
        "ToolServerUnreachable",
        Awaits.ARRIVAL,
        "A pod cannot list the tools of an MCP server.",
    )
    TOOL_NOT_FOUND = (
        "ToolNotFound",
        Awaits.ARRIVAL,
        "An MCP server does not offer a tool that allowedTools names.",
    )

    APPLIED = "Applied", Awaits.NOTHING, "Every object is as it should be."
    APPLY_FAILED = "ApplyFailed", Awaits.ARRIVAL, "The API server refused an object."
    FORBIDDEN = "Forbidden", Awaits.ARRIVAL, "The operator lacks a right."
    NAME_CONFLICT = (
        "NameConflict",
        Awaits.ARRIVAL,
        "An object of the name that a child needs belongs to someone else.",
    )
    POLICY_DENIED = (
        "PolicyDenied",
        Awaits.EDIT,
        "The operator's settings do not allow what the spec asks for.",
    )
    PROMPT_NOT_FOUND = (
        "PromptNotFound",
        Awaits.ARRIVAL,
        "The ConfigMap or the key that systemPromptFrom names does not exist.",
    )
    INVALID_SPEC = "InvalidSpec", Awaits.EDIT, "The spec is not valid for this operator's version of the API."

    CREDITS_LOW = "CreditsLow", Awaits.ARRIVAL, "Less than a tenth is left of a limit."
    KEY_EXPIRING_SOON = "KeyExpiringSoon", Awaits.ARRIVAL, "The key ends within 14 days."
    MODEL_RETIRING = "ModelRetiring", Awaits.EDIT, "A model that the spec names is to end."
