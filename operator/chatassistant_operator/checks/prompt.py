"""Is the system prompt's ConfigMap there?"""

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.named import Absent, Prompt, Unreadable


def prompt_is_there(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`PromptNotFound` where `systemPromptFrom` leads nowhere."""
    return None if assistant.spec.suspend else prompt_stands_against(assistant, seen)


def prompt_stands_against(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What is wrong with the ConfigMap of `systemPromptFrom`."""
    source = assistant.spec.system_prompt_from
    if source is None:
        return None
    name, key = source.config_map_key_ref.name, source.config_map_key_ref.key
    namespace = assistant.metadata.namespace
    match seen.prompt:
        case Prompt(text=str()):
            return None
        case Prompt():
            return _finding(
                f"The ConfigMap {name!r} in namespace {namespace!r} has no key {key!r}. Add it there."
            )
        case Absent():
            return _finding(
                f"There is no ConfigMap {name!r} in namespace {namespace!r}. Create it with "
                f"`kubectl create configmap {name} -n {namespace} --from-file={key}=PROMPT.txt`.",
            )
        case Unreadable(message):
            return _finding(
                f"The ConfigMap {name!r} could not be read: {message.rstrip('.')}. The operator needs the right to get it."
            )
        case _:
            return _finding("The system prompt's ConfigMap is being read.", truth="Unknown", pending=True)


def _finding(message: str, *, truth: Truth = "False", pending: bool = False) -> Finding:
    return Finding(ConditionType.APPLIED, truth, Reason.PROMPT_NOT_FOUND, message, pending)
