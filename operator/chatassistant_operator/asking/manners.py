"""How an assistant asks: at once, or with patience after a restart; and when somebody wishes for it."""

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.engine.inquiries import Manner
from chatassistant_operator.ports import Key


def key_of(assistant: ChatAssistant) -> Key:
    """(namespace, name)."""
    return assistant.metadata.namespace, assistant.metadata.name


def namespace_of(key: Key) -> str:
    """In whose name an assistant asks: namespaces take turns, so that one of them cannot starve the others."""
    return key[0]


def manner(assistant: ChatAssistant, spread_seconds: float = 60.0, *, known: bool = True) -> Manner:
    """Patient where the status speaks of this generation already, and of what is `known` to be the same still."""
    said = assistant.status
    told = said is not None and said.observed_generation == assistant.metadata.generation
    wish = assistant.validate_at
    heard = said is not None and said.last_handled_validate_at == wish
    return Manner(told and known and heard, spread_seconds, wish)
