"""What a ChatAssistant asks for."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from chatassistant_operator.api.policy import OPENROUTER
from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches
from chatassistant_operator.api.v1alpha1.pod import Annotations, Pod, Resources

_OBJECT_NAME: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_DATA_KEY: Final = r"[-._a-zA-Z0-9]+"
_MODEL_ID: Final = r"~?[A-Za-z0-9][-A-Za-z0-9._]*/[A-Za-z0-9][-A-Za-z0-9._]*(:[A-Za-z0-9][-A-Za-z0-9._]*)?"
_URL: Final = r"https?://[-A-Za-z0-9._~\[\]]+(:[0-9]{1,5})?(/[-A-Za-z0-9._~%!$&()*+,;=:@/]*)?"
_IMAGE: Final = r"[a-zA-Z0-9][-a-zA-Z0-9._:/]*(@sha256:[0-9a-f]{64})?"


def _no_key(field: str, what: str) -> Rule:
    """The rule that an API key was not pasted where something else belongs."""
    return Rule(
        f"!self.{field}.startsWith('sk-')",
        f"this looks like an API key, but {what} belongs here; treat that key as leaked: revoke it, put a new one "
        "into a Secret, and name that Secret here",
        lambda model: not getattr(model, field).startswith("sk-"),
        f".{field}",
    )


class SecretKeyRef(ApiModel):
    """An entry of a Secret in the same namespace."""

    name: Annotated[str, Field(max_length=253)]
    """The Secret's name, not the key itself."""

    key: Annotated[str, Field(max_length=253)] = "api-key"
    """The entry's name in that Secret."""

    rules: ClassVar[tuple[Rule, ...]] = (
        _no_key("name", "the name of a Secret"),
        _no_key("key", "the name of an entry of the Secret"),
        matches(
            "name", _OBJECT_NAME, "must be the name of a Secret: lower-case letters, digits, '-' and '.'"
        ),
        matches("key", _DATA_KEY, "must be the name of an entry: letters, digits, '-', '_' and '.'"),
    )


class ConfigMapKeyRef(ApiModel):
    """An entry of a ConfigMap in the same namespace."""

    name: Annotated[str, Field(max_length=253)]
    """The ConfigMap's name."""

    key: Annotated[str, Field(max_length=253)]
    """The entry's name in that ConfigMap."""

    rules: ClassVar[tuple[Rule, ...]] = (
        _no_key("name", "the name of a ConfigMap"),
        matches(
            "name", _OBJECT_NAME, "must be the name of a ConfigMap: lower-case letters, digits, '-' and '.'"
        ),
        matches("key", _DATA_KEY, "must be the name of an entry: letters, digits, '-', '_' and '.'"),
    )


class Credentials(ApiModel):
    """How the assistant pays."""

    api_key_secret_ref: SecretKeyRef
    """The Secret with the OpenRouter API key."""


class Parameters(ApiModel):
    """Generation parameters; what a caller sends with a request wins, up to maxTokens."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    """How varied answers are: 0 for the likeliest, 2 for the wildest."""

    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Only the likeliest tokens of this total probability are considered."""

    top_k: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Only this many of the likeliest tokens are considered; 0 for all."""

    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Tokens less probable than this share of the likeliest one are not considered."""

    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Discourages tokens by how often they occurred already."""

    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Discourages tokens that occurred already."""

    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    """Discourages tokens of the prompt and the answer from being repeated."""

    seed: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None
    """Makes answers repeatable, as far as the model can."""

    stop: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(max_length=4, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Texts at which an answer ends."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """How long an answer may be, in tokens; always sent, and the most that a caller may ask for."""


class ModelSpec(ApiModel):
    """The model that answers."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = "openrouter/free"
    """An OpenRouter model id, author/slug[:variant]."""

    parameters: Parameters = Parameters()
    """Generation parameters."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches(
            "name",
            _MODEL_ID,
            "must be a model id, author/slug[:variant], such as openrouter/free; https://openrouter.ai/models has "
            "them all",
        ),
    )


class SystemPromptSource(ApiModel):
    """Where the system prompt stands."""

    config_map_key_ref: ConfigMapKeyRef
    """The entry of a ConfigMap that holds the system prompt."""


class Gateway(ApiModel):
    """The OpenRouter-compatible endpoint that is asked."""

    base_url: Annotated[str, Field(alias="baseURL", min_length=1, max_length=2048)] = OPENROUTER
    """The endpoint's base URL; the operator's policy says which are allowed."""

    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30
    """For how many seconds the gateway may be silent before a request is given up."""

    referer: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Sent as HTTP-Referer, for OpenRouter's app rankings."""

    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Sent as X-OpenRouter-Title, for OpenRouter's app rankings."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches(
            "base_url",
            _URL,
            f"must be an http or https URL without user, query or fragment, such as {OPENROUTER}",
        ),
        matches("referer", r"https?://[\x21-\x7e]+", "must be an http or https URL", optional=True),
        matches(
            "title", r"[\x20-\x7e]+", "must be printable ASCII: it is sent as an HTTP header", optional=True
        ),
    )


class Validation(ApiModel):
    """Whether key and model are checked before pods roll."""

    mode: Literal["Catalog", "Disabled"] = "Catalog"
    """Catalog asks for the key and the list of models; Disabled asks nothing."""

    interval_seconds: Annotated[int, Field(ge=30, le=86_400)] = 600
    """After how many seconds it is asked again."""


class LocalObjectReference(ApiModel):
    """An object in the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The object's name."""

    rules: ClassVar[tuple[Rule, ...]] = (
        _no_key("name", "the name of a Secret"),
        matches(
            "name", _OBJECT_NAME, "must be the name of an object: lower-case letters, digits, '-' and '.'"
        ),
    )


class Service(ApiModel):
    """How the assistant is reached inside the cluster."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Service's type; the operator's policy says which are allowed."""

    port: Annotated[int, Field(ge=1, le=65_535)] = 80
    """The Service's port."""

    annotations: Annotations = {}
    """The Service's annotations; the operator's policy says which keys are allowed."""


class Observability(ApiModel):
    """What can be seen of the assistant."""

    log_level: Literal["Debug", "Info", "Warning", "Error"] = "Info"
    """The least severe level that is logged; Debug also logs the exchanges with the gateway, never the key."""


class Spec(ApiModel):
    """What a ChatAssistant asks for."""

    credentials: Credentials
    """How the assistant pays."""

    model: ModelSpec = ModelSpec()
    """The model that answers."""

    system_prompt: Annotated[str, Field(max_length=100_000)] | None = None
    """What the model is told before each conversation; "You are a helpful assistant" when nothing is given."""

    system_prompt_from: SystemPromptSource | None = None
    """Where the system prompt stands, instead of systemPrompt."""

    gateway: Gateway = Gateway()
    """The OpenRouter-compatible endpoint that is asked."""

    validation: Validation = Validation()
    """Whether key and model are checked before pods roll."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """How many pods run; `kubectl scale chat/NAME --replicas=N` changes it."""

    suspend: bool = False
    """Whether the assistant is scaled to zero and nothing is checked."""

    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The chatbot's image; the operator's own default when empty. The policy says which are allowed."""

    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the image is pulled."""

    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """The Secrets with which the kubelet pulls the image."""

    resources: Resources | None = None
    """CPU and memory of each pod; small defaults when empty."""

    service: Service = Service()
    """How the assistant is reached inside the cluster."""

    pod: Pod = Pod()
    """What pods get beside the chatbot."""

    observability: Observability = Observability()
    """What can be seen of the assistant."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!(has(self.systemPrompt) && has(self.systemPromptFrom))",
            "systemPrompt and systemPromptFrom exclude each other: remove one of them",
            lambda spec: spec.system_prompt is None or spec.system_prompt_from is None,
            ".systemPromptFrom",
        ),
        matches(
            "image",
            _IMAGE,
            "must be an image, such as ghcr.io/chatassistant-dev/chatbot:0.1.0",
            optional=True,
        ),
    )
