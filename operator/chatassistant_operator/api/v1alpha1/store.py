"""Where what pods remember is kept."""

from typing import ClassVar, Literal

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule
from chatassistant_operator.api.v1alpha1.references import SecretEntryRef


class Store(ApiModel):
    """Where cache, limits, budget and conversations are kept."""

    type: Literal["Memory", "Redis"] = "Memory"
    """Memory keeps them in each pod for itself, until it ends; Redis for all pods."""

    url_secret_ref: SecretEntryRef | None = None
    """The Secret with the URL of the Redis, such as `rediss://user:password@host:6379/0`; it has the label
    `chatassistant.dev/use: store`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.type != 'Redis' || has(self.urlSecretRef)",
            "type Redis needs urlSecretRef: name the Secret and its entry with the URL, or set type to Memory",
            lambda store: store.type != "Redis" or store.url_secret_ref is not None,
            ".urlSecretRef",
        ),
        Rule(
            "!has(self.urlSecretRef) || self.type == 'Redis'",
            "is only for type Redis: remove urlSecretRef, or set type to Redis",
            lambda store: store.url_secret_ref is None or store.type == "Redis",
            ".urlSecretRef",
        ),
    )
