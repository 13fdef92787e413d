"""Does the gateway offer the models that the spec names, for what they are to do?"""

from collections.abc import Iterator
from typing import Final

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.endpoints import excluded
from chatassistant_operator.checks.key import why_not_asked
from chatassistant_operator.checks.meanwhile import said_last
from chatassistant_operator.checks.suggestions import free_replacements, listed, nearest
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.gateway import (
    ROUTERS,
    Catalogue,
    CompletionAnswered,
    Endpoints,
    Model,
    Unanswered,
    last_word,
)
from chatassistant_operator.observed.pending import Pending

_FREE: Final = ":free"
# What only the gateway can say, and so only the gateway can take back.
_GATEWAYS_WORD: Final = frozenset(
    {
        Reason.MODEL_NOT_FOUND,
        Reason.FREE_VARIANT_ENDED,
        Reason.TOOLS_UNSUPPORTED,
        Reason.MAX_TOKENS_TOO_LARGE,
        Reason.NO_ENDPOINT_FOR_POLICY,
        Reason.COMPLETION_REFUSED,
    }
)


def catalogue_may_be_asked(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """Nothing is known where nobody may ask, or while the gateway has not answered yet."""
    match seen.catalogue:
        case None:
            message = f"The model is not checked: {why_not_asked(assistant)}."
            return _finding("Unknown", Reason.NOT_CHECKED, message)
        case Pending():
            return _finding("Unknown", Reason.NOT_CHECKED, "The list of models is being read.", pending=True)
        case _:
            return None


def last_word_stands(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What an earlier process was told of the same spec holds, too, while whoever said it cannot be asked."""
    said = assistant.condition(ConditionType.MODEL_AVAILABLE)
    if said is None or said.status != "False" or said.observed_generation != assistant.metadata.generation:
        return None
    reason = Reason.named(said.reason)
    if reason not in _GATEWAYS_WORD or not _lacks_an_answer(assistant, seen, reason):
        return None
    return _finding("False", reason, said.message)


def _lacks_an_answer(assistant: ChatAssistant, seen: Observed, reason: Reason) -> bool:
    """Whether nobody answers who could take a reason back."""
    if isinstance(seen.catalogue, Unanswered):
        return True
    if isinstance(seen.completion, CompletionAnswered):
        return False
    missing: list[object] = []
    if reason is Reason.NO_ENDPOINT_FOR_POLICY:
        missing += [*seen.endpoints.values(), seen.zero_retention]
    if assistant.spec.validation.mode == "Completion":
        # While the key cannot be checked, no completion is asked for.
        missing += [seen.key, seen.completion]
    return any(isinstance(each, Unanswered) for each in missing)


def catalogue_is_read(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`CatalogUnavailable`."""
    if not isinstance(seen.catalogue, Unanswered):
        return None
    verdict, name = seen.catalogue, assistant.spec.model.name
    last = f" It was read last at {verdict.last_good:%Y-%m-%dT%H:%M:%SZ}." if verdict.last_good else ""
    message = (
        f"The list of models could not be read, which says nothing against {name}: {verdict.detail}{last} It is asked "
        "again by itself."
    )
    return _finding("Unknown", Reason.CATALOG_UNAVAILABLE, message)


def models_are_offered(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ModelNotFound`, and `FreeVariantEnded` where the paid model lives on."""
    catalogue, gateway = last_word(seen.catalogue), assistant.spec.gateway.base_url
    if not isinstance(catalogue, Catalogue):
        return None
    for field, name in assistant.spec.model.named.items():
        if catalogue.offers(name):
            continue
        paid = name.removesuffix(_FREE)
        if paid != name and paid in catalogue.models:
            message = (
                f"{gateway} no longer offers {name} for free. The paid model is {paid}."
                f"{listed(free_replacements(catalogue, name), 'Free ones that could replace it')} Put one of them into "
                f"{field}, or openrouter/free for whichever free model there is."
            )
            return _finding("False", Reason.FREE_VARIANT_ENDED, message + _when(seen))
        message = (
            f"{gateway} offers no model {name!r}.{listed(nearest(catalogue, name, tools=_has_tools(assistant)))} Put an "
            f"id of https://openrouter.ai/models into {field}."
        )
        return _finding("False", Reason.MODEL_NOT_FOUND, message + _when(seen))
    return None


def models_call_tools(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ToolsUnsupported`; short messages never bring tools along, so the model for them need not call any."""
    catalogue = last_word(seen.catalogue)
    if not _has_tools(assistant) or not isinstance(catalogue, Catalogue):
        return None
    for field, name, row in _rows(assistant, catalogue):
        if row.supports_tools or _is_for_short_messages(field):
            continue
        message = (
            f"The spec has tools, and {name} cannot call any.{listed(nearest(catalogue, name, tools=True))} Put a "
            f"model that can into {field}, or remove spec.tools.mcpServers."
        )
        return _finding("False", Reason.TOOLS_UNSUPPORTED, message + _when(seen))
    return None


def answers_fit(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`MaxTokensTooLarge`."""
    catalogue = last_word(seen.catalogue)
    if not isinstance(catalogue, Catalogue):
        return None
    wanted = assistant.spec.model.parameters.max_tokens
    for field, name, row in _rows(assistant, catalogue):
        if row.most_tokens is not None and wanted > row.most_tokens:
            message = (
                f"spec.model.parameters.maxTokens is {wanted}, and {name} ({field}) answers with {row.most_tokens} "
                "tokens at most. Lower it, or choose another model."
            )
            return _finding("False", Reason.MAX_TOKENS_TOO_LARGE, message + _when(seen))
    return None


def endpoints_fit(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`NoEndpointForPolicy`, as far as it can be known beforehand: who collects data is published nowhere."""
    preferences, catalogue = assistant.spec.model.provider, last_word(seen.catalogue)
    if preferences is None or not isinstance(catalogue, Catalogue):
        return None
    if any(isinstance(each, Pending) for each in (*seen.endpoints.values(), seen.zero_retention)):
        message = "The list of providers is being read."
        return _finding("Unknown", Reason.NOT_CHECKED, message, pending=True)
    zero_retention = last_word(seen.zero_retention)
    for field, name, row in _rows(assistant, catalogue):
        offers = last_word(seen.endpoints.get(row.id))
        if not isinstance(offers, Endpoints) or name in ROUTERS:
            continue
        tools = _has_tools(assistant) and not _is_for_short_messages(field)
        why = excluded(preferences, row, offers, zero_retention, tools=tools)
        if why is not None:
            message = (
                f"No provider of {name} ({field}) fits spec.model.provider: {why} Loosen these preferences, or choose "
                f"another model; {assistant.spec.gateway.base_url}/models/{row.id}/endpoints lists who there is."
            )
            when = _when(seen, seen.endpoints.get(row.id), seen.zero_retention)
            return _finding("False", Reason.NO_ENDPOINT_FOR_POLICY, message + when)
    return None


def models_are_found(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ModelFound`."""
    if not isinstance(seen.catalogue, Catalogue):
        return None
    names = ", ".join(dict.fromkeys(assistant.spec.model.named.values()))
    return _finding("True", Reason.MODEL_FOUND, f"{assistant.spec.gateway.base_url} offers {names}.")


def model_retires(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ModelRetiring`."""
    catalogue = last_word(seen.catalogue)
    if not isinstance(catalogue, Catalogue):
        return None
    for field, name, row in _rows(assistant, catalogue):
        if row.expiration_date is not None:
            message = (
                f"{assistant.spec.gateway.base_url} has announced the end of {name} for {row.expiration_date}."
                f"{listed(_others(catalogue, assistant, row))} Put another model into {field} before."
            )
            return Finding(ConditionType.MODEL_RETIRING, "True", Reason.MODEL_RETIRING, message)
    return None


def _when(seen: Observed, *others: object) -> str:
    """The end of a message that says what was said last, where that is not now."""
    for verdict in (seen.catalogue, *others):
        if isinstance(verdict, Unanswered) and verdict.stands is not None:
            return said_last(verdict, verdict.last_good)
    return ""


def _others(catalogue: Catalogue, assistant: ChatAssistant, row: Model) -> tuple[str, ...]:
    staying = {id_: each for id_, each in catalogue.models.items() if each.expiration_date is None}
    return nearest(Catalogue(staying), row.id, tools=_has_tools(assistant))


def _rows(assistant: ChatAssistant, catalogue: Catalogue) -> Iterator[tuple[str, str, Model]]:
    """(field, id, row) of each named model that has a row."""
    for field, name in assistant.spec.model.named.items():
        row = catalogue.find(name)
        if row is not None:
            yield field, name, row


def _is_for_short_messages(field: str) -> bool:
    return "simpleQueries" in field


def _has_tools(assistant: ChatAssistant) -> bool:
    return bool(assistant.spec.tools.mcp_servers)


def _finding(truth: Truth, reason: Reason, message: str, *, pending: bool = False) -> Finding:
    return Finding(ConditionType.MODEL_AVAILABLE, truth, reason, message, pending)
