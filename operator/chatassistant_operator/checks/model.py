"""Does the gateway offer the model?"""

import difflib
from typing import Final

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.key import why_not_asked
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Catalogue, Observed, Pending, Unanswered

_SUGGESTIONS: Final = 3


def model_is_offered(assistant: ChatAssistant, seen: Observed) -> Finding:
    """What the catalogue says of `spec.model.name`, or why it was not asked."""
    name, gateway = assistant.spec.model.name, assistant.spec.gateway.base_url
    match seen.catalogue:
        case Catalogue() as catalogue if catalogue.offers(name):
            return _finding("True", Reason.MODEL_FOUND, f"{gateway} offers {name}.")
        case Catalogue() as catalogue:
            return _finding(
                "False",
                Reason.MODEL_NOT_FOUND,
                f"{gateway} offers no model {name!r}.{_suggestion(catalogue, name)} "
                "Put an id of https://openrouter.ai/models into spec.model.name.",
            )
        case Unanswered(detail=detail):
            return _finding(
                "Unknown",
                Reason.CATALOG_UNAVAILABLE,
                f"The list of models could not be read, which says nothing against {name}: {detail} "
                "It is asked again by itself.",
            )
        case Pending():
            return _finding("Unknown", Reason.NOT_CHECKED, "The list of models is being read.", pending=True)
        case None:
            return _finding(
                "Unknown", Reason.NOT_CHECKED, f"The model is not checked: {why_not_asked(assistant)}."
            )


def _suggestion(catalogue: Catalogue, name: str) -> str:
    nearest = difflib.get_close_matches(name, catalogue.models, n=_SUGGESTIONS, cutoff=0.5)
    return f" The nearest are {', '.join(nearest)}." if nearest else ""


def _finding(truth: Truth, reason: Reason, message: str, *, pending: bool = False) -> Finding:
    return Finding(ConditionType.MODEL_AVAILABLE, truth, reason, message, pending)
