"""Is there a Secret with something in it that may be sent to the gateway?"""

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import is_openrouter
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import (
    Absent,
    Credential,
    CredentialReading,
    Observed,
    Pending,
    Unreadable,
)


def usable_key(assistant: ChatAssistant, credential: CredentialReading) -> ApiKey | None:
    """The key that may be sent to the assistant's gateway, or None.

    What does not look like an OpenRouter key is never sent to OpenRouter: it may be another service's.
    """
    if not isinstance(credential, Credential) or credential.key is None or not credential.key.is_sendable:
        return None
    if is_openrouter(assistant.spec.gateway.base_url) and not credential.key.looks_like_openrouter:
        return None
    return credential.key


def secret_is_usable(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`SecretNotFound`, `SecretKeyMissing` or `KeyMalformed`; None when a key may be sent."""
    ref, namespace = assistant.spec.credentials.api_key_secret_ref, assistant.metadata.namespace
    if assistant.spec.suspend or usable_key(assistant, seen.credential) is not None:
        return None
    create = f"`kubectl create secret generic {ref.name} -n {namespace} --from-literal={ref.key}=$OPENROUTER_API_KEY`"
    match seen.credential:
        case Pending():
            message = f"The Secret {ref.name!r} is being read."
            return Finding(
                ConditionType.CREDENTIALS_VALID, "Unknown", Reason.NOT_CHECKED, message, pending=True
            )
        case Unreadable(problem):
            message = f"The operator could not read the Secret {ref.name!r}: {problem}. It needs the right to get Secrets there."
            return Finding(ConditionType.CREDENTIALS_VALID, "Unknown", Reason.NOT_CHECKED, message)
        case Absent():
            reason = Reason.SECRET_NOT_FOUND
            message = f"There is no Secret {ref.name!r} in namespace {namespace!r}. Create it with {create}."
        case Credential(key=None):
            reason = Reason.SECRET_KEY_MISSING
            message = (
                f"The Secret {ref.name!r} in namespace {namespace!r} has no key {ref.key!r}. Add it, or name the "
                "one that it has in spec.credentials.apiKeySecretRef.key."
            )
        case Credential(key=ApiKey() as key) if not key.is_sendable:
            reason = Reason.KEY_MALFORMED
            message = (
                f"The key {ref.key!r} of the Secret {ref.name!r} is empty or is no API key. Put one there, "
                f"for example by deleting the Secret and running {create}."
            )
        case _:
            reason = Reason.KEY_MALFORMED
            message = (
                f"The value of {ref.key!r} in the Secret {ref.name!r} does not look like an OpenRouter key "
                "(sk-or-…), so it was sent to nobody. Put a key of https://openrouter.ai/settings/keys there."
            )
    return Finding(ConditionType.CREDENTIALS_VALID, "False", reason, message)
