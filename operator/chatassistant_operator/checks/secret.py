"""Is there a Secret with something in it that may be sent to the gateway?"""

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import is_openrouter
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.meanwhile import meanwhile
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.named import Absent, Credential, CredentialReading, Unreadable
from chatassistant_operator.observed.pending import Pending


def usable_key(assistant: ChatAssistant, credential: CredentialReading) -> ApiKey | None:
    """The key that may be sent to the assistant's gateway, or None.

    What does not look like an OpenRouter key is never sent to OpenRouter: it may be another service's.
    """
    if not isinstance(credential, Credential) or credential.key is None or credential.key.flaw:
        return None
    if is_openrouter(assistant.spec.gateway.base_url) and not credential.key.looks_like_openrouter:
        return None
    return credential.key


def secret_is_read(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """Nothing is known while the Secret is being read, or when it may not be."""
    ref = assistant.spec.credentials.api_key_secret_ref
    if assistant.spec.suspend:
        return None
    match seen.credential:
        case Pending():
            return _finding(
                "Unknown", Reason.NOT_CHECKED, f"The Secret {ref.name!r} is being read.", pending=True
            )
        case Unreadable(problem):
            message = (
                f"The operator could not read the Secret {ref.name!r}: {problem.rstrip('.')}. It needs the right to get Secrets "
                f"in namespace {assistant.metadata.namespace!r}; whoever runs it can give it."
            )
            return _finding("Unknown", Reason.NOT_CHECKED, message)
        case _:
            return None


def secret_exists(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`SecretNotFound`."""
    if assistant.spec.suspend or not isinstance(seen.credential, Absent):
        return None
    ref, namespace = assistant.spec.credentials.api_key_secret_ref, assistant.metadata.namespace
    message = (
        f"There is no Secret {ref.name!r} in namespace {namespace!r}. Create it with {_create(assistant)}."
    )
    return _finding("False", Reason.SECRET_NOT_FOUND, message + meanwhile(seen))


def secret_has_the_entry(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`SecretKeyMissing`; which entries there are is told to nobody, who may not read Secrets learns nothing here."""
    if (
        assistant.spec.suspend
        or not isinstance(seen.credential, Credential)
        or seen.credential.key is not None
    ):
        return None
    ref, namespace = assistant.spec.credentials.api_key_secret_ref, assistant.metadata.namespace
    message = (
        f"The Secret {ref.name!r} in namespace {namespace!r} has no key {ref.key!r}. Name the one that it has in "
        f"spec.credentials.apiKeySecretRef.key, or put the API key there: {_replace(assistant)}."
    )
    return _finding("False", Reason.SECRET_KEY_MISSING, message + meanwhile(seen))


def value_can_be_sent(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyMalformed` for what no HTTP header can carry."""
    key = _key(assistant, seen)
    if key is None or not key.flaw:
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    message = (
        f"The value of {ref.key!r} in the Secret {ref.name!r} {key.flaw}, so it was sent to nobody. Put an API key "
        f"there: {_replace(assistant)}."
    )
    return _finding("False", Reason.KEY_MALFORMED, message + meanwhile(seen))


def value_looks_like_a_key(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`KeyMalformed` for what is no OpenRouter key and would go to OpenRouter."""
    if _key(assistant, seen) is None or usable_key(assistant, seen.credential) is not None:
        return None
    ref = assistant.spec.credentials.api_key_secret_ref
    message = (
        f"The value of {ref.key!r} in the Secret {ref.name!r} does not look like an OpenRouter key (sk-or-…), so it "
        f"was sent to nobody. Put a key of https://openrouter.ai/settings/keys there: {_replace(assistant)}."
    )
    return _finding("False", Reason.KEY_MALFORMED, message + meanwhile(seen))


def _key(assistant: ChatAssistant, seen: Observed) -> ApiKey | None:
    credential = seen.credential
    return credential.key if isinstance(credential, Credential) and not assistant.spec.suspend else None


def _create(assistant: ChatAssistant) -> str:
    ref = assistant.spec.credentials.api_key_secret_ref
    return (
        f"`kubectl create secret generic {ref.name} -n {assistant.metadata.namespace} "
        f"--from-literal={ref.key}=$OPENROUTER_API_KEY`"
    )


def _replace(assistant: ChatAssistant) -> str:
    """The command that changes one entry and leaves the others as they are."""
    ref = assistant.spec.credentials.api_key_secret_ref
    return (
        f"`kubectl patch secret {ref.name} -n {assistant.metadata.namespace} "
        f'-p \'{{"stringData":{{"{ref.key}":"\'$OPENROUTER_API_KEY\'"}}}}\'`'
    )


def _finding(truth: Truth, reason: Reason, message: str, *, pending: bool = False) -> Finding:
    return Finding(ConditionType.CREDENTIALS_VALID, truth, reason, message, pending)
