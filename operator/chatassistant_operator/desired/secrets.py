"""What pods read of Secrets other than the API key's: access token, store's URL, tools' headers, and their revisions.

The Secret with the access token is made only where the spec names none: once, and anew after somebody deleted it.
Its revision is said on the Secret itself, so that it is known before the Secret is made.
"""

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1.references import SecretEntryRef
from chatassistant_operator.desired.metadata import digest, object_meta
from chatassistant_operator.observed import Manifest, Observed, annotation
from chatassistant_operator.observed.named import Absent, OtherSecret


def access_secret(assistant: ChatAssistant, seen: Observed) -> tuple[Manifest, ...]:
    """The Secret with the access token, without the token; nothing where it is there, or is not ours to make."""
    if not assistant.spec.access.token_is_generated or not _is_missing(seen):
        return ()
    annotations = {names.TOKEN_REVISION_ANNOTATION: _next_token(assistant, seen)}
    return (
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": object_meta(assistant, names.access_secret(assistant.metadata.name), annotations),
            "type": "Opaque",
            "immutable": True,
        },
    )


def revisions(assistant: ChatAssistant, seen: Observed) -> dict[str, str]:
    """The annotations by which pods roll to new values of Secrets; what cannot be read now leaves them as they are."""
    access, store = assistant.spec.access.token_secret_ref, assistant.spec.store.url_secret_ref
    annotations = {
        names.TOKEN_REVISION_ANNOTATION: _token_revision(assistant, seen),
        names.ACCESS_REVISION_ANNOTATION: _revision(access, seen, names.ACCESS_REVISION_ANNOTATION),
        names.STORE_REVISION_ANNOTATION: _revision(store, seen, names.STORE_REVISION_ANNOTATION),
        names.TOOLS_REVISION_ANNOTATION: _tools_revision(assistant, seen),
    }
    return {name: value for name, value in annotations.items() if value is not None}


def variables(assistant: ChatAssistant) -> list[Manifest]:
    """The variables of the pods' environment that hold the access token and the store's URL."""
    access, store = assistant.spec.access, assistant.spec.store
    token: SecretEntryRef | None = access.token_secret_ref
    if access.token_is_generated:
        token = SecretEntryRef(name=names.access_secret(assistant.metadata.name), key=names.ACCESS_TOKEN)
    refs = {"ACCESS_TOKEN": token, "STORE_URL": store.url_secret_ref}
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
        for name, ref in refs.items()
        if ref is not None
    ]


def _token_revision(assistant: ChatAssistant, seen: Observed) -> str | None:
    name, made = names.TOKEN_REVISION_ANNOTATION, seen.access_token
    if not assistant.spec.access.token_is_generated:
        return None
    if _is_missing(seen):
        return _next_token(assistant, seen)
    if isinstance(made, OtherSecret) and name in made.annotations:
        return made.annotations[name]
    return _running(seen, name)


def _revision(ref: SecretEntryRef | None, seen: Observed, name: str) -> str | None:
    if ref is None:
        return None
    secret = seen.secrets.get(ref.name)
    return secret.revision if isinstance(secret, OtherSecret) else _running(seen, name)


def _tools_revision(assistant: ChatAssistant, seen: Observed) -> str | None:
    """One revision of all Secrets that tool servers' headers stand in; None where there is none."""
    servers = assistant.spec.tools.mcp_servers
    used = sorted({header.secret_key_ref.name for server in servers for header in server.headers_from})
    secrets = [seen.secrets.get(name) for name in used]
    read = [each.revision for each in secrets if isinstance(each, OtherSecret)]
    if len(read) < len(used):
        return _running(seen, names.TOOLS_REVISION_ANNOTATION)
    return digest(read) if used else None


def _is_missing(seen: Observed) -> bool:
    """Whether the Secret has to be made; one that nobody has read yet is there once pods run with it."""
    running = _running(seen, names.TOKEN_REVISION_ANNOTATION)
    unknown = not isinstance(seen.access_token, OtherSecret) and running is None
    return unknown or isinstance(seen.access_token, Absent)


def _next_token(assistant: ChatAssistant, seen: Observed) -> str:
    """The revision of the token that comes after the one that pods run with."""
    return digest([assistant.metadata.uid, _running(seen, names.TOKEN_REVISION_ANNOTATION)])


def _running(seen: Observed, name: str) -> str | None:
    live = seen.children.deployment
    return annotation(live["spec"]["template"] if live else None, name)
