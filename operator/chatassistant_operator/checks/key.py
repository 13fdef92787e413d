"""Does the gateway accept the key, and for how long?"""

from datetime import datetime, timedelta
from typing import Final

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.meanwhile import meanwhile, said_last
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.gateway import (
    Cause,
    KeyAccepted,
    KeyRefused,
    Left,
    Unanswered,
    against,
)
from chatassistant_operator.observed.named import Credential
from chatassistant_operator.observed.pending import Pending

SOON: Final = timedelta(days=14)
_PAYMENT_REQUIRED: Final = 402
_FORBIDDEN: Final = 403
# What only the gateway can say, and so only the gateway can take back.
_GATEWAYS_WORD: Final = frozenset(
    {
        Reason.KEY_REJECTED,
        Reason.KEY_EXPIRED,
        Reason.MANAGEMENT_KEY,
        Reason.KEY_LIMIT_REACHED,
        Reason.INSUFFICIENT_CREDITS,
    }
)


def key_may_be_asked(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """Nothing is known where nobody may ask, or while the gateway has not answered yet."""
    match seen.key:
        case None:
            message = f"The key is not checked: {why_not_asked(assistant)}."
            return _finding("Unknown", Reason.NOT_CHECKED, message)
        case Pending():
            return _finding("Unknown", Reason.NOT_CHECKED, "The gateway is being asked.", pending=True)
        case _:
            return None


def last_word_stands(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What an earlier process was told of the same key holds, too, while the gateway cannot be asked."""
    said = assistant.condition(ConditionType.CREDENTIALS_VALID)
    if not isinstance(seen.key, Unanswered) or said is None or not is_of_key(assistant, seen):
        return None
    if said.status != "False" or said.observed_generation != assistant.metadata.generation:
        return None
    return (
        _finding("False", Reason.named(said.reason), said.message) if said.reason in _GATEWAYS_WORD else None
    )


def gateway_answers(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`GatewayUnreachable` and `RateLimited`: what says nothing against the key."""
    if not isinstance(seen.key, Unanswered):
        return None
    gateway, verdict = assistant.spec.gateway.base_url, seen.key
    reason, what = {
        Cause.RATE_LIMITED: (
            Reason.RATE_LIMITED,
            f"{gateway} has too many requests to check the key: {verdict.detail}",
        ),
        Cause.QUEUED: (Reason.NOT_CHECKED, f"The key is not checked yet: {verdict.detail}"),
        Cause.DOUBTFUL: (Reason.GATEWAY_UNREACHABLE, verdict.detail),
        Cause.UNREACHABLE: (
            Reason.GATEWAY_UNREACHABLE,
            f"The key could not be checked, which says nothing against it: {verdict.detail}",
        ),
    }[verdict.cause]
    last = f" It was accepted last at {verdict.last_good:%Y-%m-%dT%H:%M:%SZ}." if verdict.last_good else ""
    return _finding("Unknown", reason, f"{what}{last} It is asked again by itself.")


def key_has_not_expired(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyExpired`: the gateway words it as for an unknown key, but told its end before (OpenRouterTeam/docs#5)."""
    said = against(seen.key)
    if not isinstance(said, KeyRefused) or said.expired_at is None:
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    message = (
        f"The key of the Secret {ref.name!r} ended at {said.expired_at:%Y-%m-%dT%H:%M:%SZ}, and "
        f"{assistant.spec.gateway.base_url} refuses it. {_new_key(assistant)}"
    )
    return _finding("False", Reason.KEY_EXPIRED, message + meanwhile(seen) + _last_word(seen))


def key_is_not_refused(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyRejected`, or what a 402 or a 403 with the key's limit says."""
    said = against(seen.key)
    if not isinstance(said, KeyRefused):
        return None
    finding = refusal(assistant, said.status, said.message)
    return _finding(finding.truth, finding.reason, finding.message + meanwhile(seen) + _last_word(seen))


def refusal(assistant: ChatAssistant, status: int, words: str) -> Finding:
    """What a definite refusal of the key means."""
    ref, gateway = assistant.spec.credentials.api_key_secret_ref, assistant.spec.gateway.base_url
    if status == _PAYMENT_REQUIRED:
        return _finding("False", Reason.INSUFFICIENT_CREDITS, no_credit(assistant, words))
    if is_key_limit(status, words):
        return _finding("False", Reason.KEY_LIMIT_REACHED, limit_used_up(assistant, words))
    message = (
        f"{gateway} refuses the key of the Secret {ref.name!r} ({status}: {words}). {_new_key(assistant)}"
    )
    return _finding("False", Reason.KEY_REJECTED, message)


def is_key_limit(status: int, words: str) -> bool:
    """Whether a 403 is about the key's own limit: moderation, guardrails and regions answer 403 too (gptme/gptme#1449)."""
    return status == _FORBIDDEN and "key limit" in words.lower()


def key_manages_no_keys(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ManagementKey`: `/key` accepts it, completions do not (OpenRouter's guide on management keys)."""
    said = against(seen.key)
    if not isinstance(said, KeyAccepted) or not said.management:
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    message = (
        f"The key of the Secret {ref.name!r} is a management key: it can make other keys, and no model answers to it. "
        f"{_new_key(assistant)}"
    )
    return _finding("False", Reason.MANAGEMENT_KEY, message + meanwhile(seen) + _last_word(seen))


def limit_is_not_reached(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyLimitReached`."""
    said = against(seen.key)
    if not isinstance(said, KeyAccepted) or said.credits is not Left.NONE:
        return None
    each = f", {said.limit_reset}" if said.limit_reset else ""
    limit = f"its limit of ${said.limit}{each}" if said.limit is not None else "its limit"
    message = limit_used_up(assistant, f"{limit} has nothing left")
    return _finding("False", Reason.KEY_LIMIT_REACHED, message + _last_word(seen))


def key_is_accepted(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyAccepted`."""
    if not isinstance(seen.key, KeyAccepted):
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    message = f"{assistant.spec.gateway.base_url} accepts the key of the Secret {ref.name!r}."
    return _finding("True", Reason.KEY_ACCEPTED, message)


def credits_are_low(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`CreditsLow`, of the key's limit or of the day's free requests."""
    if not isinstance(seen.key, KeyAccepted):
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    if seen.key.credits is Left.LOW:
        message = (
            f"Less than a tenth is left of the limit of ${seen.key.limit} that the key of the Secret {ref.name!r} has. "
            "Raise it at https://openrouter.ai/settings/keys."
        )
    elif seen.key.free_requests is not Left.PLENTY and _uses_free_models(assistant):
        message = (
            f"The account of the key in the Secret {ref.name!r} has less than a tenth of the day's requests to free "
            "models left, or none; the day begins anew at 00:00 UTC. Buying 10 credits once raises it to 1000 a day."
        )
    else:
        return None
    return Finding(ConditionType.CREDITS_LOW, "True", Reason.CREDITS_LOW, message)


def key_expires_soon(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyExpiringSoon`."""
    if not isinstance(seen.key, KeyAccepted) or seen.key.expires_at is None:
        return None
    if seen.key.expires_at - seen.now > SOON:
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    message = f"The key of the Secret {ref.name!r} ends at {seen.key.expires_at:%Y-%m-%dT%H:%M:%SZ}. {_new_key(assistant)}"
    return Finding(ConditionType.KEY_EXPIRING_SOON, "True", Reason.KEY_EXPIRING_SOON, message)


def is_of_key(assistant: ChatAssistant, seen: Observed) -> bool:
    """Whether what the status tells of a key is of the one that the Secret holds now."""
    said = assistant.status.credentials if assistant.status else None
    return (
        said is not None
        and isinstance(seen.credential, Credential)
        and said.subject == seen.credential.revision
    )


def why_not_asked(assistant: ChatAssistant) -> str:
    """Why no question goes to the gateway, as the end of a sentence."""
    if assistant.spec.suspend:
        return "spec.suspend is true"
    if assistant.spec.validation.mode == "Disabled":
        return "spec.validation.mode is Disabled"
    return "what stands in the way is told by the condition Applied"


def no_credit(assistant: ChatAssistant, words: str) -> str:
    """What to say of an account without credit."""
    return (
        f"{assistant.spec.gateway.base_url} answers that the account has no credit ({words}). Add some at "
        "https://openrouter.ai/settings/credits; a negative balance stops free models too."
    )


def limit_used_up(assistant: ChatAssistant, words: str) -> str:
    """What to say of a key whose own limit is used up."""
    ref = assistant.spec.credentials.api_key_secret_ref
    return (
        f"The key of the Secret {ref.name!r} may spend no more ({words}). Raise its limit at "
        "https://openrouter.ai/settings/keys, or wait until it is reset."
    )


def _last_word(seen: Observed) -> str:
    """The end of a message that says what was said last, where that is not now."""
    if not isinstance(seen.key, Unanswered):
        return ""
    match seen.key.stands:
        case KeyAccepted(accepted_at=datetime() as at) | KeyRefused(refused_at=datetime() as at):
            return said_last(seen.key, at)
        case _:
            return said_last(seen.key, None)


def _uses_free_models(assistant: ChatAssistant) -> bool:
    ids = assistant.spec.model.named.values()
    return any(each.endswith(":free") or each == "openrouter/free" for each in ids)


def _new_key(assistant: ChatAssistant) -> str:
    ref = assistant.spec.credentials.api_key_secret_ref
    return (
        f"Make a new key at https://openrouter.ai/settings/keys and put it under {ref.key!r} into the Secret: "
        f"`kubectl patch secret {ref.name} -n {assistant.metadata.namespace} "
        f'-p \'{{"stringData":{{"{ref.key}":"\'$OPENROUTER_API_KEY\'"}}}}\'`.'
    )


def _finding(truth: Truth, reason: Reason, message: str, *, pending: bool = False) -> Finding:
    return Finding(ConditionType.CREDENTIALS_VALID, truth, reason, message, pending)
