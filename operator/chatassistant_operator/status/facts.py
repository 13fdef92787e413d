"""What a status tells beside its conditions: where the assistant answers, and what is known of model, key and tools."""

from datetime import datetime

from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import (
    ChatAssistant,
    CredentialsStatus,
    ModelStatus,
    Pricing,
    ToolServerStatus,
)
from chatassistant_operator.checks.key import SOON, is_of_key
from chatassistant_operator.checks.tools import is_asking, servers
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted, KeyRefused, Unanswered
from chatassistant_operator.observed.named import Credential

_MOST_TOOLS = 256


def url(assistant: ChatAssistant) -> str:
    """Where the assistant answers: at a host that is known outside of the cluster, if it has one."""
    ingress, route = assistant.spec.ingress, assistant.spec.http_route
    if ingress is not None:
        return f"{'https' if ingress.tls_secret_name else 'http'}://{ingress.host}"
    if route is not None and route.hostnames:
        # Only the Gateway's listener knows for sure.
        parent = route.parent_refs[0]
        secure = parent.port == 443 or (parent.section_name or "").startswith("https")  # noqa: PLR2004 (https's own)
        return f"{'https' if secure else 'http'}://{route.hostnames[0]}"
    port = "" if assistant.spec.service.port == 80 else f":{assistant.spec.service.port}"  # noqa: PLR2004 (http's own)
    return f"http://{assistant.metadata.name}.{assistant.metadata.namespace}.svc{port}"


def last_handled_validate_at(assistant: ChatAssistant, seen: Observed) -> str | None:
    """For which wish this was looked at: who set the annotation knows by it that what is told is as of then."""
    said = assistant.status.last_handled_validate_at if assistant.status else None
    return assistant.validate_at if seen.has_looked else said


def model(assistant: ChatAssistant, seen: Observed) -> ModelStatus:
    """What the catalogue says of the model; kept from the last status while it cannot be read."""
    name = assistant.spec.model.name
    said = assistant.status.model if assistant.status else None
    if not isinstance(seen.catalogue, Catalogue):
        return said if said and said.name == name else ModelStatus(name=name)
    row = seen.catalogue.find(name)
    if row is None:
        return ModelStatus(name=name)
    prices = (row.prompt_price, row.completion_price)
    return ModelStatus(
        name=name,
        context_length=row.context_length,
        supports_tools=row.supports_tools,
        free=row.free,
        pricing=Pricing(prompt=f"{prices[0]:f}", completion=f"{prices[1]:f}") if None not in prices else None,
    )


def credentials(assistant: ChatAssistant, seen: Observed) -> CredentialsStatus | None:
    """What the gateway told of the key; kept from the last status while nobody says otherwise.

    The key's end and when it was accepted are kept for a key that is refused, too: they tell an expired key, and one
    that an outage refuses, from one that never was any good.
    """
    said = assistant.status.credentials if assistant.status else None
    same, subject = is_of_key(assistant, seen), _subject(seen)
    match seen.key:
        case KeyAccepted() as accepted:
            accepted_at = said.last_accepted_time if said and same else None
            return CredentialsStatus(
                key_label=accepted.label[:256],
                fingerprint=subject.fingerprint,
                revision=subject.revision,
                free_tier=accepted.free_tier,
                expires_at=accepted.expires_at,
                last_accepted_time=accepted_at or accepted.accepted_at,
            )
        case KeyRefused() if not same:
            return subject
        case Unanswered(last_good=datetime() as last_good) if said and same and _was_accepted(assistant):
            return said.model_copy(update={"last_accepted_time": last_good})
        case _:
            return said


def _was_accepted(assistant: ChatAssistant) -> bool:
    """Whether the status says until now that the key is good."""
    valid = assistant.condition(ConditionType.CREDENTIALS_VALID)
    return valid is not None and valid.status == "True"


def _subject(seen: Observed) -> CredentialsStatus:
    """Of which key something is told, and no more."""
    if not isinstance(seen.credential, Credential):
        return CredentialsStatus()
    fingerprint = seen.credential.key.fingerprint if seen.credential.key else None
    return CredentialsStatus(
        fingerprint=fingerprint, revision=None if fingerprint else seen.credential.revision
    )


def tools(assistant: ChatAssistant, seen: Observed) -> tuple[ToolServerStatus, ...]:
    """What the pods say of the MCP servers; kept from the last status until they have been asked, and one says anything."""
    names = {server.name for server in assistant.spec.tools.mcp_servers}
    reported = {
        each.server: ToolServerStatus(server=each.server, names=each.names[:_MOST_TOOLS])
        for each in (() if is_asking(seen) else servers(assistant, seen))
    }
    said = assistant.status.tools if assistant.status else ()
    kept = {each.server: each for each in said if each.server in names}
    return tuple((kept | reported).values())


def expires_soon_at(seen: Observed) -> datetime | None:
    """When the key's end comes near enough to be told of."""
    if not isinstance(seen.key, KeyAccepted) or seen.key.expires_at is None:
        return None
    at = seen.key.expires_at - SOON
    return at if at > seen.now else None
