"""May Secrets other than the API key's be used, and are they there: of tools, access and store?

Such a Secret is used only if its owner says so: anybody who may write a spec could have it sent elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1.references import SecretEntryRef
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.named import Absent, OtherSecret, Unreadable
from chatassistant_operator.observed.pending import Pending

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of a Secret.

    Attributes:
        label: By which its owner allows it.
        field: What names it.
        value: What to put there, as a shell has it.
        ref: Its name and entry.
        url: Where its value is sent, if anywhere.
    """

    label: str
    field: str
    value: str
    ref: SecretEntryRef
    url: str | None = None


def other_secrets_may_be_used(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`SecretNotFound`, `SecretKeyMissing`, or `PolicyDenied` where the owner has not allowed it."""
    return None if assistant.spec.suspend else other_secrets_stand_against(assistant, seen)


def other_secrets_stand_against(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What stands against the first of the Secrets that something stands against."""
    found = (_stands_against(assistant, use, seen) for use in _uses(assistant))
    return next((each for each in found if each is not None), None)


def made_secret_is_ours(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`NameConflict` where somebody else's Secret has the name of the one that the operator makes."""
    secret, name = seen.access_token, names.access_secret(assistant.metadata.name)
    if not isinstance(secret, OtherSecret) or secret.controller == assistant.metadata.uid:
        return None
    if secret.assistant == assistant.metadata.name:
        return _not_applied(
            Reason.NAME_CONFLICT,
            f"The Secret {name!r} in namespace {assistant.metadata.namespace!r} is that of an earlier ChatAssistant of this "
            "name, and is being removed.",
        )
    return _not_applied(
        Reason.NAME_CONFLICT,
        f"The Secret {name!r} in namespace {assistant.metadata.namespace!r} was not made for this ChatAssistant, so it is "
        f"left alone. Delete it (`kubectl delete secret {name} -n {assistant.metadata.namespace}`), or name a Secret "
        "with the access token in spec.access.tokenSecretRef.",
    )


def _uses(assistant: ChatAssistant) -> Iterator[_Use]:
    for server in assistant.spec.tools.mcp_servers:
        field = f"headersFrom of the MCP server {server.name!r}"
        for header in server.headers_from:
            yield _Use("tools", field, "$HEADER_VALUE", header.secret_key_ref, server.url)
    access, store = assistant.spec.access.token_secret_ref, assistant.spec.store.url_secret_ref
    if access is not None:
        yield _Use("access", "spec.access.tokenSecretRef", "$ACCESS_TOKEN", access)
    if store is not None:
        yield _Use("store", "spec.store.urlSecretRef", "$STORE_URL", store)


def _stands_against(assistant: ChatAssistant, use: _Use, seen: Observed) -> Finding | None:
    name, namespace = use.ref.name, assistant.metadata.namespace
    match seen.secrets.get(name):
        case None | Pending():
            message = f"The Secret {name!r} is being read."
            return Finding(ConditionType.APPLIED, "Unknown", Reason.SECRET_NOT_FOUND, message, pending=True)
        case Absent():
            message = (
                f"There is no Secret {name!r} in namespace {namespace!r}, which {use.field} names. Create it with "
                f'`kubectl create secret generic {name} -n {namespace} --from-literal={use.ref.key}="{use.value}" && '
                f"{_labelled(assistant, use)}`."
            )
            return _not_applied(Reason.SECRET_NOT_FOUND, message)
        case Unreadable(problem):
            message = f"The operator could not read the Secret {name!r}: {problem.rstrip('.')}."
            return _not_applied(Reason.FORBIDDEN, message)
        case OtherSecret() as secret:
            return _is_not_allowed(assistant, use, secret) or _lacks_the_entry(assistant, use, secret)


def _is_not_allowed(assistant: ChatAssistant, use: _Use, secret: OtherSecret) -> Finding | None:
    """What the Secret's owner does not allow."""
    name, namespace = use.ref.name, assistant.metadata.namespace
    if secret.labels.get(names.USE_LABEL) != use.label:
        message = (
            f"The owner of the Secret {name!r} has not allowed its use for {use.label}, as {use.field} asks for. Allow it "
            f"with `{_labelled(assistant, use)} --overwrite`."
        )
        return _not_applied(Reason.POLICY_DENIED, message)
    allowed = {each.strip() for each in secret.annotations.get(names.HOSTS_ANNOTATION, "").split(",")}
    if use.url is not None and not allowed & host_of(use.url):
        host = min(host_of(use.url), key=len)
        message = (
            f"The owner of the Secret {name!r} has not allowed that it is sent to {use.url}. Allow it with "
            f"`kubectl annotate secret {name} -n {namespace} {names.HOSTS_ANNOTATION}={host}`."
        )
        return _not_applied(Reason.POLICY_DENIED, message)
    return None


def _lacks_the_entry(assistant: ChatAssistant, use: _Use, secret: OtherSecret) -> Finding | None:
    """Which entries there are is told to nobody: who may not read Secrets learns nothing here."""
    name, key, namespace = use.ref.name, use.ref.key, assistant.metadata.namespace
    if key in secret.entries:
        return None
    patch = f'{{"stringData":{{"{key}":"\'"{use.value}"\'"}}}}'
    message = (
        f"The Secret {name!r} in namespace {namespace!r} has no key {key!r}, which {use.field} names. Name the one that it "
        f"has there, or add it: `kubectl patch secret {name} -n {namespace} -p '{patch}'`."
    )
    return _not_applied(Reason.SECRET_KEY_MISSING, message)


def host_of(url: str) -> set[str]:
    """How the annotation on a Secret may name a URL's host: with its port, and without where it is the usual one."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    host, port = parts.hostname or "", parts.port or usual
    return {f"{host}:{port}"} | ({host} if port == usual else set())


def _labelled(assistant: ChatAssistant, use: _Use) -> str:
    """The command by which the owner allows it."""
    return (
        f"kubectl label secret {use.ref.name} -n {assistant.metadata.namespace} {names.USE_LABEL}={use.label}"
    )


def _not_applied(reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.APPLIED, "False", reason, message)
