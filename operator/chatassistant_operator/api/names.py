"""The names that manifests, selectors and other people's tools rely on."""

from typing import Final

GROUP: Final = "chatassistant.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ChatAssistant"
PLURAL: Final = "chatassistants"
SHORT_NAME: Final = "chat"

FIELD_MANAGER: Final = "chatassistant-operator"
"""The field manager of every write."""

NAME_LABEL: Final = f"{GROUP}/name"
"""The label whose value is the ChatAssistant's name; selectors use it and nothing else."""

REVISION_ANNOTATION: Final = f"{GROUP}/revision"
"""On Deployments: which revision of the pods it asks for."""

CREDENTIALS_REVISION_ANNOTATION: Final = f"{GROUP}/credentials-revision"
"""On pods: which revision of the API key they were made for."""

ACCEPTED_CREDENTIALS_ANNOTATION: Final = f"{GROUP}/accepted-credentials"
"""On Deployments: the revision of the API key that the gateway accepted last."""

ANSWERED_COMPLETION_ANNOTATION: Final = f"{GROUP}/answered-completion"
"""On Deployments: the digest of the one-token completion that was answered last, which is not asked for again."""

ACCESS_REVISION_ANNOTATION: Final = f"{GROUP}/access-revision"
"""On pods: which revision of the Secret of spec.access.tokenSecretRef they were made for."""

TOKEN_REVISION_ANNOTATION: Final = f"{GROUP}/token-revision"
"""On Secrets with access tokens that the operator made, and on pods that use them: which revision it is."""

STORE_REVISION_ANNOTATION: Final = f"{GROUP}/store-revision"
"""On pods: which revision of the store's Secret they were made for."""

TOOLS_REVISION_ANNOTATION: Final = f"{GROUP}/tools-revision"
"""On pods: which revision of the Secrets with the tool servers' headers they were made for."""

PRICES_ANNOTATION: Final = f"{GROUP}/prices"
"""On Deployments: what the models cost when the pods were made, so that a price that moves rolls none."""

MADE_FOR_ANNOTATION: Final = f"{GROUP}/made-for"
"""On Deployments: the generation of the ChatAssistant that it was made for, and the digest of its prompt's ConfigMap."""

VALIDATE_AT_ANNOTATION: Final = f"{GROUP}/validate-at"
"""On ChatAssistants: a new value has Secret, key and model checked at once."""

USE_LABEL: Final = f"{GROUP}/use"
"""On Secrets other than the API key's: what its owner lets it be used for."""

HOSTS_ANNOTATION: Final = f"{GROUP}/hosts"
"""On Secrets for tools: the hosts, `host` or `host:port` separated by commas, that its values may be sent to."""

DESIRED_HASH_ANNOTATION: Final = f"{GROUP}/desired-hash"
"""On children: what was last applied, so that fields which are no longer wanted are noticed."""

ACCESS_TOKEN: Final = "token"  # noqa: S105 (an entry's name)
"""The entry of a Secret that holds an access token, where nobody names another."""

CONTAINER: Final = "chatbot"
HTTP_PORT: Final = 8080
METRICS_PORT: Final = 9090


def selector(name: str) -> dict[str, str]:
    """The labels by which the pods of a ChatAssistant are found."""
    return {NAME_LABEL: name}


def labels(name: str) -> dict[str, str]:
    """The labels of every child of a ChatAssistant."""
    return {
        "app.kubernetes.io/name": "chatbot",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
        "app.kubernetes.io/part-of": "chatassistant",
        **selector(name),
    }


def config_map(name: str, digest: str) -> str:
    """The name of the immutable ConfigMap whose content has this digest."""
    return f"{name}-config-{digest}"


def access_secret(name: str) -> str:
    """The name of the Secret with the access token that the operator makes."""
    return f"{name}-access"
