"""What a ChatAssistant asks for."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from chatassistant_operator.api.policy import OPENROUTER
from chatassistant_operator.api.v1alpha1.access import Access
from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches
from chatassistant_operator.api.v1alpha1.cache import Cache, Faq
from chatassistant_operator.api.v1alpha1.limits import Budget, Limits, RateLimit
from chatassistant_operator.api.v1alpha1.model import ModelSpec
from chatassistant_operator.api.v1alpha1.network import HttpRoute, Ingress, NetworkPolicy, Service
from chatassistant_operator.api.v1alpha1.pod import Pod, Resources
from chatassistant_operator.api.v1alpha1.references import (
    OBJECT_NAME,
    LocalObjectReference,
    SecretKeyRef,
    SystemPromptSource,
    no_key,
)
from chatassistant_operator.api.v1alpha1.scaling import Autoscaling
from chatassistant_operator.api.v1alpha1.store import Store
from chatassistant_operator.api.v1alpha1.tools import URL, Tools

_IMAGE: Final = r"[a-zA-Z0-9][-a-zA-Z0-9._:/]*(@sha256:[0-9a-f]{64})?"


class Credentials(ApiModel):
    """How the assistant pays."""

    api_key_secret_ref: SecretKeyRef
    """The Secret with the OpenRouter API key."""

    delivery: Literal["Env", "File"] = "Env"
    """How pods get the key: Env at their start, so that a new key needs new pods; File also while they run."""

    rotation_policy: Literal["ValidateFirst", "Immediate"] = "ValidateFirst"
    """Whether pods roll to a new key only once the gateway has accepted it, or at once."""


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
            URL,
            f"must be an http or https URL without user, query or fragment, such as {OPENROUTER}",
        ),
        matches("referer", r"https?://[\x21-\x7e]+", "must be an http or https URL", optional=True),
        matches(
            "title", r"[\x20-\x7e]+", "must be printable ASCII: it is sent as an HTTP header", optional=True
        ),
    )


class Validation(ApiModel):
    """Whether key and model are checked before pods roll."""

    mode: Literal["Catalog", "Completion", "Disabled"] = "Catalog"
    """Catalog asks for the key and the list of models; Completion also for an answer of one token, once for each key, model
    and parameters; Disabled asks nothing."""

    interval_seconds: Annotated[int, Field(ge=30, le=86_400)] = 600
    """After how many seconds it is asked again."""


class Observability(ApiModel):
    """What can be seen of the assistant."""

    log_level: Literal["Debug", "Info", "Warning", "Error"] = "Info"
    """The least severe level that is logged; Debug also logs the exchanges with the gateway, never the key."""

    service_monitor: bool = False
    """Whether the Prometheus Operator is told, by a ServiceMonitor, to read the pods' metrics; the operator's settings say
    from which namespaces they may be read."""

    prometheus_rule: bool = False
    """Whether the Prometheus Operator is given alerts about these metrics, by a PrometheusRule."""

    otlp_endpoint: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Where traces are sent, by OTLP over HTTP, such as `http://collector:4318`; nowhere when empty. The operator's
    policy says which are allowed."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches(
            "otlp_endpoint",
            URL,
            "must be an http or https URL without user, query or fragment",
            optional=True,
        ),
    )


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

    tools: Tools = Tools()
    """What the model may call."""

    cache: Cache = Cache()
    """Answers that are given again to equal questions."""

    faq: Faq = ()
    """Questions that are answered without a model."""

    rate_limit: RateLimit = RateLimit()
    """How often a user may ask."""

    limits: Limits = Limits()
    """How much each pod does at a time."""

    budget: Budget = Budget()
    """Hard stops on spending."""

    store: Store = Store()
    """Where cache, limits, budget and conversations are kept."""

    access: Access = Access()
    """Who may ask."""

    validation: Validation = Validation()
    """Whether key and model are checked before pods roll."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """How many pods run; `kubectl scale chat/NAME --replicas=N` changes it."""

    autoscaling: Autoscaling | None = None
    """How many pods run, by how busy they are, instead of replicas."""

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

    service_account_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The ServiceAccount under which pods run, which gets no token mounted; one with no rights, which the operator makes,
    when empty. The operator's policy says which are allowed."""

    resources: Resources | None = None
    """CPU and memory of each pod; small defaults when empty."""

    service: Service = Service()
    """How the assistant is reached inside the cluster."""

    ingress: Ingress | None = None
    """How the assistant is reached from outside, by an Ingress."""

    http_route: HttpRoute | None = None
    """How the assistant is reached from outside, by the Gateway API."""

    network_policy: NetworkPolicy = NetworkPolicy()
    """Whom pods may reach, and who may reach them."""

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
        Rule(
            "!has(self.autoscaling) || self.replicas == 1",
            "autoscaling says how many pods run: remove replicas, or autoscaling",
            lambda spec: spec.autoscaling is None or spec.replicas == 1,
            ".replicas",
        ),
        no_key("service_account_name", "the name of a ServiceAccount", optional=True),
        matches(
            "service_account_name",
            OBJECT_NAME,
            "must be the name of a ServiceAccount: lower-case letters, digits, '-' and '.'",
            optional=True,
        ),
        matches(
            "image",
            _IMAGE,
            "must be an image, such as ghcr.io/chatassistant-dev/chatbot:0.1.0",
            optional=True,
        ),
    )

    @property
    def other_secrets(self) -> tuple[str, ...]:
        """The names of the Secrets, other than the API key's, that the spec names; each once."""
        headers = (each for server in self.tools.mcp_servers for each in server.headers_from)
        refs = (
            *(each.secret_key_ref for each in headers),
            self.access.token_secret_ref,
            self.store.url_secret_ref,
        )
        return tuple(dict.fromkeys(each.name for each in refs if each is not None))

    @property
    def pods_at_least(self) -> int:
        """How many pods run at least while it is not suspended."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas
