"""What brings each reason about, what to do then, and whether it mends itself: the source of the reference.

A reason without an entry cannot be generated, and so fails the project's check.
"""

from dataclasses import dataclass
from typing import Final

from chatassistant_operator.api.reasons import ConditionType, Reason


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the reference on one reason.

    Attributes:
        condition: The condition that has the reason; Ready may have each of them, too.
        status: That condition's status then.
        cause: What brings it about.
        cure: What to do, with the command where there is one.
        mends: Whether and when it goes away by itself.
    """

    condition: ConditionType
    status: str
    cause: str
    cure: str
    mends: str


_GET: Final = "`kubectl get chat NAME -n NAMESPACE -o wide`"
_EDIT: Final = "`kubectl edit chat NAME -n NAMESPACE`"
_PODS: Final = "`kubectl describe pods -n NAMESPACE -l chatassistant.dev/name=NAME`"
_LOGS: Final = "`kubectl logs -n NAMESPACE -l chatassistant.dev/name=NAME --previous`"
_CHECK: Final = (
    '`kubectl annotate chat NAME -n NAMESPACE chatassistant.dev/validate-at="$(date +%s)" --overwrite`'
)
_NEW_KEY: Final = (
    '`kubectl patch secret SECRET -n NAMESPACE -p \'{"stringData":{"api-key":"\'$OPENROUTER_API_KEY\'"}}\'`'
)
_ASKED_EACH_MINUTE: Final = (
    "When the key is good again: it is asked each minute, the Secret read every 5 s at first."
)
_SEEN: Final = "When the Secret is mended: it is read every 5 s for ten minutes, then each minute."
_AT_NEXT_CHECK: Final = f"At the next check (spec.validation.intervalSeconds), or at once with {_CHECK}."

_READY, _APPLIED = ConditionType.READY, ConditionType.APPLIED
_KEY, _MODEL = ConditionType.CREDENTIALS_VALID, ConditionType.MODEL_AVAILABLE
_PODS_SERVE, _TOOLS = ConditionType.AVAILABLE, ConditionType.TOOLS_AVAILABLE

GUIDE: Final = {
    Reason.READY: Entry(_READY, "True", "Pods of the present spec serve, and nothing is known to be wrong.", "Nothing. A message beyond the URL says what could not be checked.", "-"),
    Reason.SUSPENDED: Entry(_READY, "True", "spec.suspend is true.", "To go on: `kubectl patch chat NAME -n NAMESPACE --type merge -p '{\"spec\":{\"suspend\":false}}'`.", "No."),
    Reason.PENDING: Entry(_READY, "Unknown", "The operator has not looked yet, or waits for the first answer.", "Wait. If it stays, see whether the operator runs: `kubectl get pods -A -l app.kubernetes.io/name=chatassistant-operator`.", "Within seconds, while an operator runs that watches the namespace."),
    Reason.NOT_CHECKED: Entry(_KEY, "Unknown", "Nobody may ask (spec.suspend, validation.mode Disabled, a policy), nothing has answered yet, or no pod runs. ModelAvailable, Available and ToolsAvailable have it, too.", "Read the message; it says which.", "Once it may be asked, and is answered."),
    Reason.KEY_ACCEPTED: Entry(_KEY, "True", "`GET /key` of the gateway answered 200.", "Nothing.", "-"),
    Reason.SECRET_NOT_FOUND: Entry(_KEY, "False", "The Secret of spec.credentials.apiKeySecretRef.name is not in the namespace; as a reason of Applied, one that headersFrom, access.tokenSecretRef or store.urlSecretRef names.", "`kubectl create secret generic SECRET -n NAMESPACE --from-literal=api-key=$OPENROUTER_API_KEY`", _SEEN),
    Reason.SECRET_KEY_MISSING: Entry(_KEY, "False", "The Secret is there, without the entry of spec.credentials.apiKeySecretRef.key. Which entries it has is not told: who may not read Secrets learns nothing here.", f"{_NEW_KEY}, or name the entry that it has.", _SEEN),
    Reason.KEY_MALFORMED: Entry(_KEY, "False", "The value is empty, binary, has spaces in it, or does not begin with sk-or- while the gateway is OpenRouter. It was sent to nobody. Space and line ends around a key do no harm.", _NEW_KEY, _SEEN),
    Reason.KEY_REJECTED: Entry(_KEY, "False", "The gateway refuses the key: it is deleted, disabled, misspelt or another service's. A key that was accepted before is called rejected only after several refusals over three minutes, as outages have looked like that. Pods that are refused have it asked about at once.", f"Make a key at https://openrouter.ai/settings/keys, then {_NEW_KEY}", _ASKED_EACH_MINUTE),
    Reason.KEY_EXPIRED: Entry(_KEY, "False", "The gateway refuses the key, and had told an end of it that has passed.", f"Make a key at https://openrouter.ai/settings/keys, then {_NEW_KEY}", "No."),
    Reason.MANAGEMENT_KEY: Entry(_KEY, "False", "The key is one that manages keys; completions are refused to it.", f"Make an ordinary key at https://openrouter.ai/settings/keys, then {_NEW_KEY}", "No."),
    Reason.KEY_LIMIT_REACHED: Entry(_KEY, "False", "The key's own limit has nothing left.", f"Raise it at https://openrouter.ai/settings/keys, then {_CHECK}", "When the limit is reset (daily, weekly or monthly); it is asked each minute."),
    Reason.INSUFFICIENT_CREDITS: Entry(_KEY, "False", "The account behind the key has no credit: a completion got 402, of validation.mode Completion or of a pod. `GET /key` does not show it.", f"Add credit at https://openrouter.ai/settings/credits, then {_CHECK}", "Within a minute of new credit with validation.mode Completion, else with the next answer that a pod gets, ten minutes after the last refusal at the latest."),
    Reason.GATEWAY_UNREACHABLE: Entry(_KEY, "Unknown", "No answer, a 408 or 5xx, something that is not this API's, or a 401 for a key that was accepted before. It says nothing against the key; pods go on. What was said against the same key before stands meanwhile, and is told instead.", "Usually nothing. If it stays: check spec.gateway.baseURL, and that the operator's namespace may reach it.", "When the gateway answers: asked again after 5 s, more rarely the longer it lasts, every 5 minutes at least."),
    Reason.RATE_LIMITED: Entry(_KEY, "Unknown", "The gateway answered 429 to the check of the key.", "Nothing; raise spec.validation.intervalSeconds if it recurs.", "After the time that the gateway asks for."),
    Reason.MODEL_FOUND: Entry(_MODEL, "True", "The catalogue has every model that the spec names, and they can do what it asks.", "Nothing.", "-"),
    Reason.MODEL_NOT_FOUND: Entry(_MODEL, "False", "The catalogue has no such id: misspelt, or ended. Main model, fallbacks and simpleQueries are all looked up.", f"{_EDIT}: take one of the ids that the message names, or of https://openrouter.ai/models.", "If the gateway offers it (again). " + _AT_NEXT_CHECK),
    Reason.FREE_VARIANT_ENDED: Entry(_MODEL, "False", "The id ends in :free, the catalogue has only the paid model.", f"{_EDIT}: the paid id, a free one that the message names, or openrouter/free.", "If it is free again. " + _AT_NEXT_CHECK),
    Reason.TOOLS_UNSUPPORTED: Entry(_MODEL, "False", "spec.tools has servers, and the main model or a fallback cannot call tools.", f"{_EDIT}: a model that can (the message names some), or no tools.", _AT_NEXT_CHECK),
    Reason.MAX_TOKENS_TOO_LARGE: Entry(_MODEL, "False", "spec.model.parameters.maxTokens is above what the model can answer.", f"{_EDIT}: lower maxTokens, or another model.", "No."),
    Reason.NO_ENDPOINT_FOR_POLICY: Entry(_MODEL, "False", "spec.model.provider (only, ignore, order without fallbacks, maxPrice, zdr) leaves no provider of a model, or none with tools. Who collects data is published nowhere, so dataCollection is not checked.", f"{_EDIT}: loosen the preference that the message names, or another model.", _AT_NEXT_CHECK),
    Reason.COMPLETION_REFUSED: Entry(_MODEL, "False", "The one-token completion of validation.mode Completion (16 tokens of a model that gives no fewer) was refused for its parameters, or by moderation, a guardrail or a region.", f"{_EDIT}: correct what the gateway's words in the message name.", "With an edit; the same is asked again each minute."),
    Reason.CATALOG_UNAVAILABLE: Entry(_MODEL, "Unknown", "The list of models could not be read. It says nothing against the model; pods go on. What was said against it before stands meanwhile, and is told instead.", "Usually nothing.", "When the gateway answers."),
    Reason.DEPLOYMENT_AVAILABLE: Entry(_PODS_SERVE, "True", "Pods of the present revision serve.", "Nothing.", "-"),
    Reason.SERVING_PREVIOUS_REVISION: Entry(_PODS_SERVE, "True", "Pods of an earlier revision serve, because new ones are not ready, or must not roll.", "Read Ready: it says what holds the new ones.", "When the new pods are ready."),
    Reason.ROLLOUT_PROGRESSING: Entry(_PODS_SERVE, "False", "No pod is ready yet, and nothing is known to stand in the way.", f"Wait; {_PODS} shows the pods.", "When pods are ready; it becomes RolloutFailed after the Deployment's progress deadline of ten minutes."),
    Reason.ROLLOUT_FAILED: Entry(_PODS_SERVE, "False", "New pods did not become ready within ten minutes, and they do not say why.", f"{_PODS}, then undo the last edit (status.history has it) or correct it.", "If the pods become ready after all."),
    Reason.IMAGE_PULL_FAILED: Entry(_PODS_SERVE, "False", "A node cannot pull the image: no such image, other credentials, or no way to the registry.", f"Correct spec.image or spec.imagePullSecrets; {_PODS} has the registry's words.", "When the image can be pulled: nodes try again by themselves."),
    Reason.CRASH_LOOPING: Entry(_PODS_SERVE, "False", "The chatbot ended more than once. Its last word, one of a fixed list, is explained in the message.", f"As the message says, or {_LOGS}.", "When a pod has run for five minutes."),
    Reason.OUT_OF_MEMORY: Entry(_PODS_SERVE, "False", "The kernel killed the chatbot at its memory limit, more than once.", f"{_EDIT}: raise spec.resources.limits.memory.", "When a pod has run for five minutes."),
    Reason.UNSCHEDULABLE: Entry(_PODS_SERVE, "False", "No node fits what spec.pod and spec.resources ask for; the message has the scheduler's words.", f"{_EDIT}, or add a node.", "When a node fits."),
    Reason.QUOTA_EXCEEDED: Entry(_PODS_SERVE, "False", "A ResourceQuota leaves no room for the pod.", "`kubectl describe quota -n NAMESPACE`; have it raised, or lower spec.replicas or spec.resources.", "When there is room: the ReplicaSet tries again by itself."),
    Reason.POD_SECURITY_REJECTED: Entry(_PODS_SERVE, "False", "The namespace's Pod Security level refuses the pod. The operator's own pods fit the restricted level, so something else added to the Deployment.", "`kubectl get deployment NAME -n NAMESPACE -o yaml --show-managed-fields` tells who; remove it.", "When the Deployment or the level is mended."),
    Reason.TOOLS_LISTED: Entry(_TOOLS, "True", "The pods have the list of tools of every MCP server.", "Nothing; status.tools has the names.", "-"),
    Reason.TOOL_SERVER_UNREACHABLE: Entry(_TOOLS, "False", "A pod cannot list an MCP server's tools: it does not answer, refuses, or is none. The operator itself calls no tool server.", f"Check url and headersFrom of the server in spec.tools, and that it runs; {_GET} names it.", "When the server answers: pods use it within 10 s, the status tells within half a minute."),
    Reason.TOOL_NOT_FOUND: Entry(_TOOLS, "False", "allowedTools names a tool that the server does not offer.", f"{_EDIT}: correct allowedTools, or have the server offer it.", "When the server offers it."),
    Reason.APPLIED: Entry(_APPLIED, "True", "Every object is as it should be.", "Nothing.", "-"),
    Reason.APPLY_FAILED: Entry(_APPLIED, "False", "The API server refused an object; the message has its words. Or it does not know a kind that the spec asks for, which is not installed: HTTPRoute, ServiceMonitor, PrometheusRule; then everything else is made.", "Correct the field that it names, or ask whoever runs admission in the cluster; install what is missing, or remove what asks for it.", "It is tried again every 30 s."),
    Reason.FORBIDDEN: Entry(_APPLIED, "False", "The operator's ServiceAccount lacks a right that the message names.", "Install the operator's roles anew, for this namespace, too.", "It is tried again every 30 s."),
    Reason.NAME_CONFLICT: Entry(_APPLIED, "False", "An object of the name that a child needs belongs to somebody else; it is left alone.", "Delete it with the command in the message, or give the ChatAssistant another name.", "When the object is gone: it is tried again every 30 s, and every 2 s where it is only what an earlier ChatAssistant of the name has left."),
    Reason.POLICY_DENIED: Entry(_APPLIED, "False", "The operator's settings, or the owner of a Secret, do not allow what the spec asks for. Nothing is sent and nothing rolls; pods that run stay.", f"{_EDIT}, or have the setting, label or annotation changed that the message names.", "When the label or annotation is there; a setting takes effect with the operator's next start."),
    Reason.PROMPT_NOT_FOUND: Entry(_APPLIED, "False", "The ConfigMap of systemPromptFrom, or its entry, is not there.", "`kubectl create configmap NAME -n NAMESPACE --from-file=KEY=PROMPT.txt`", "When it is there: it is read every 5 s for ten minutes, then each minute."),
    Reason.INVALID_SPEC: Entry(_APPLIED, "False", "The spec is not valid for this operator's version of the API: it was let in by another version of the CRD.", f"{_EDIT}: correct the field that the message names, or install the CRD of the operator's version.", "No."),
    Reason.CREDITS_LOW: Entry(ConditionType.CREDITS_LOW, "True", "Less than a tenth is left of the key's limit, or of the account's free requests of the day while the spec names a free model.", "Raise the limit at https://openrouter.ai/settings/keys, or buy credits.", "When the limit or the day is reset."),
    Reason.KEY_EXPIRING_SOON: Entry(ConditionType.KEY_EXPIRING_SOON, "True", "The key ends within 14 days.", f"Make a key at https://openrouter.ai/settings/keys, then {_NEW_KEY}", "No: it becomes KeyExpired."),
    Reason.MODEL_RETIRING: Entry(ConditionType.MODEL_RETIRING, "True", "The catalogue tells an expiration_date for a model that the spec names.", f"{_EDIT}: another model, before that day.", "No: it becomes ModelNotFound."),
}  # fmt: skip
