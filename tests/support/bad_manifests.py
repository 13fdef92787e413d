"""ChatAssistants that nobody may apply: what is wrong, which field the answer names, and a part of the cure.

The API server's own checks (types, bounds, unknown fields) name the field; our rules also say what to do. The same
table is tried on the API server and on the models, which must not differ.
"""

from typing import Any, NamedTuple

KEY = "sk-or-v1-" + "5ec4e7" * 10 + "beef"


class Bad(NamedTuple):
    """A change that makes a good manifest bad."""

    id: str
    change: dict[str, Any]
    field: str
    cure: str = ""


def _spec(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


def _secret(**ref: Any) -> dict[str, Any]:
    return _spec(credentials={"apiKeySecretRef": ref})


def _egress(*cidrs: str) -> dict[str, Any]:
    rule = {"to": [{"ipBlock": {"cidr": each}} for each in cidrs]}
    return _spec(networkPolicy={"additionalEgress": [rule]})


BAD = (
    # Names that no Service could have.
    Bad("name with a dot", {"metadata": {"name": "to.do"}}, "metadata.name", "53 lower-case letters"),
    Bad(
        "name that begins with a digit",
        {"metadata": {"name": "1todo"}},
        "metadata.name",
        "begin with a letter",
    ),
    Bad("name of 54 characters", {"metadata": {"name": "a" * 54}}, "metadata.name", "at most 53"),
    Bad("name that ends with a dash", {"metadata": {"name": "todo-"}}, "metadata.name"),
    # A key where something else belongs.
    Bad("key as Secret name", _secret(name=KEY), "apiKeySecretRef.name", "revoke it"),
    Bad("key as Secret entry", _secret(name="x", key=KEY), "apiKeySecretRef.key", "revoke it"),
    Bad("key instead of a reference", _spec(credentials={"apiKeySecretRef": KEY}), "apiKeySecretRef"),
    Bad("key in a field of its own", _spec(credentials={"apiKey": KEY}), "spec.credentials"),
    Bad("key as model", _spec(model={"name": KEY}), "spec.model.name", "author/slug"),
    Bad("key as pull Secret", _spec(imagePullSecrets=[{"name": KEY}]), "imagePullSecrets", "revoke it"),
    Bad(
        "key as ConfigMap name",
        _spec(systemPromptFrom={"configMapKeyRef": {"name": KEY, "key": "a"}}),
        "configMapKeyRef.name",
        "revoke it",
    ),
    # Credentials.
    Bad("no credentials", _spec(credentials=None), "spec.credentials"),
    Bad("no Secret", _spec(credentials={"apiKeySecretRef": None}), "apiKeySecretRef"),
    Bad("Secret name with capitals", _secret(name="OpenRouter"), "apiKeySecretRef.name", "lower-case"),
    Bad("Secret name with a space", _secret(name="open router"), "apiKeySecretRef.name", "name of a Secret"),
    Bad("empty Secret name", _secret(name=""), "apiKeySecretRef.name"),
    Bad("Secret entry with a slash", _secret(name="x", key="a/b"), "apiKeySecretRef.key", "letters, digits"),
    # Model.
    Bad(
        "model with a space", _spec(model={"name": "openai/gpt 5"}), "spec.model.name", "openrouter.ai/models"
    ),
    Bad("model without an author", _spec(model={"name": "gpt-5"}), "spec.model.name", "author/slug"),
    Bad("empty model", _spec(model={"name": ""}), "spec.model.name"),
    Bad("temperature above 2", _spec(model={"parameters": {"temperature": 2.1}}), "parameters.temperature"),
    Bad("temperature as text", _spec(model={"parameters": {"temperature": "hot"}}), "parameters.temperature"),
    Bad("topP of 0", _spec(model={"parameters": {"topP": 0}}), "parameters.topP"),
    Bad("maxTokens of 0", _spec(model={"parameters": {"maxTokens": 0}}), "parameters.maxTokens"),
    Bad("five stops", _spec(model={"parameters": {"stop": list("abcde")}}), "parameters.stop"),
    Bad("snake case", _spec(model={"parameters": {"max_tokens": 5}}), "max_tokens"),
    # Prompt.
    Bad(
        "two prompts",
        _spec(systemPrompt="Be brief", systemPromptFrom={"configMapKeyRef": {"name": "a", "key": "b"}}),
        "systemPromptFrom",
        "remove one of them",
    ),
    Bad("prompt as a number", _spec(systemPrompt=5), "spec.systemPrompt"),
    Bad(
        "prompt without entry",
        _spec(systemPromptFrom={"configMapKeyRef": {"name": "a"}}),
        "configMapKeyRef.key",
    ),
    # Gateway.
    Bad(
        "URL without a scheme", _spec(gateway={"baseURL": "openrouter.ai/api/v1"}), "gateway.baseURL", "http"
    ),
    Bad("URL of files", _spec(gateway={"baseURL": "file:///etc/passwd"}), "gateway.baseURL", "http"),
    Bad(
        "URL with a user",
        _spec(gateway={"baseURL": "https://a:b@c.example/v1"}),
        "gateway.baseURL",
        "without user",
    ),
    Bad(
        "URL with a query", _spec(gateway={"baseURL": "https://c.example/v1?a=b"}), "gateway.baseURL", "query"
    ),
    Bad("timeout of 0", _spec(gateway={"timeoutSeconds": 0}), "gateway.timeoutSeconds"),
    Bad("timeout of an hour", _spec(gateway={"timeoutSeconds": 3600}), "gateway.timeoutSeconds"),
    Bad("title of two lines", _spec(gateway={"title": "a\nb"}), "gateway.title", "ASCII"),
    Bad("referer that is no URL", _spec(gateway={"referer": "my site"}), "gateway.referer", "URL"),
    # Cache and known answers.
    Bad("cache of no entry", _spec(cache={"maxEntries": 0}), "cache.maxEntries"),
    Bad("cache for no time", _spec(cache={"ttlSeconds": 0}), "cache.ttlSeconds"),
    Bad("faq without an answer", _spec(faq=[{"question": "Who are you?"}]), "faq[0].answer"),
    Bad("faq with an empty question", _spec(faq=[{"question": "", "answer": "a"}]), "faq[0].question"),
    Bad("65 known answers", _spec(faq=[{"question": str(n), "answer": "a"} for n in range(65)]), "spec.faq"),
    Bad("a known answer of a book", _spec(faq=[{"question": "a", "answer": "x" * 2001}]), "faq[0].answer"),
    # Limits.
    Bad("no request at all", _spec(rateLimit={"requests": 0}), "rateLimit.requests"),
    Bad("window of two days", _spec(rateLimit={"windowSeconds": 172_800}), "rateLimit.windowSeconds"),
    Bad("nobody at a time", _spec(limits={"concurrent": 0}), "limits.concurrent"),
    Bad("queue below 0", _spec(limits={"queue": -1}), "limits.queue"),
    Bad("budget below 0", _spec(budget={"dailyUSD": -1}), "budget.dailyUSD"),
    Bad("budget as text", _spec(budget={"dailyUSD": "5 USD"}), "budget.dailyUSD"),
    Bad("budget in another case", _spec(budget={"dailyUsd": 5}), "dailyUsd"),
    Bad("no token", _spec(budget={"tokensPerRequest": 0}), "budget.tokensPerRequest"),
    # Store.
    Bad("unknown store", _spec(store={"type": "Etcd"}), "store.type"),
    Bad("Redis without a URL", _spec(store={"type": "Redis"}), "store.urlSecretRef", "name the Secret"),
    Bad(
        "memory with a URL",
        _spec(store={"urlSecretRef": {"name": "redis", "key": "url"}}),
        "store.urlSecretRef",
        "set type to Redis",
    ),
    Bad(
        "Redis URL without its entry",
        _spec(store={"type": "Redis", "urlSecretRef": {"name": "redis"}}),
        "urlSecretRef.key",
    ),
    Bad(
        "Redis URL instead of a Secret",
        _spec(store={"type": "Redis", "urlSecretRef": {"name": f"redis://:{KEY}@redis:6379", "key": "url"}}),
        "urlSecretRef.name",
        "name of a Secret",
    ),
    Bad(
        "key as the store's Secret",
        _spec(store={"type": "Redis", "urlSecretRef": {"name": KEY, "key": "url"}}),
        "urlSecretRef.name",
        "revoke it",
    ),
    # Access.
    Bad("unknown access", _spec(access={"mode": "Basic"}), "access.mode"),
    Bad(
        "key as the token's Secret",
        _spec(access={"tokenSecretRef": {"name": KEY}}),
        "tokenSecretRef.name",
        "revoke it",
    ),
    Bad(
        "key as the token's entry",
        _spec(access={"tokenSecretRef": {"name": "a", "key": KEY}}),
        "tokenSecretRef.key",
        "revoke it",
    ),
    Bad("token in a field of its own", _spec(access={"token": KEY}), "spec.access"),
    Bad(
        "open with a token",
        _spec(access={"mode": "None", "tokenSecretRef": {"name": "a"}}),
        "access.tokenSecretRef",
        "set mode to Token",
    ),
    Bad("OIDC without an issuer", _spec(access={"mode": "OIDC"}), "access.oidc", "issuer and audience"),
    Bad(
        "OIDC without an audience",
        _spec(access={"mode": "OIDC", "oidc": {"issuer": "https://a.example"}}),
        "oidc.audience",
    ),
    Bad(
        "issuer without OIDC",
        _spec(access={"oidc": {"issuer": "https://a.example", "audience": "todo"}}),
        "access.oidc",
        "set mode to OIDC",
    ),
    Bad(
        "issuer without a scheme",
        _spec(access={"mode": "OIDC", "oidc": {"issuer": "id.example.com", "audience": "todo"}}),
        "oidc.issuer",
        "http",
    ),
    # Validation.
    Bad("unknown mode", _spec(validation={"mode": "Maybe"}), "validation.mode"),
    Bad("interval of a second", _spec(validation={"intervalSeconds": 1}), "validation.intervalSeconds"),
    # The deployment's knobs.
    Bad("replicas below 0", _spec(replicas=-1), "spec.replicas"),
    Bad("replicas as text", _spec(replicas="2"), "spec.replicas"),
    Bad("suspend as text", _spec(suspend="yes"), "spec.suspend"),
    Bad("image with a space", _spec(image="ghcr.io/a b"), "spec.image", "ghcr.io/"),
    Bad("unknown pull policy", _spec(imagePullPolicy="Sometimes"), "imagePullPolicy"),
    Bad(
        "memory that is no quantity",
        _spec(resources={"limits": {"memory": "much"}}),
        "resources.limits.memory",
    ),
    Bad("unknown Service type", _spec(service={"type": "ExternalName"}), "service.type"),
    Bad("port out of range", _spec(service={"port": 70000}), "service.port"),
    Bad("label value too long", _spec(pod={"labels": {"a": "x" * 64}}), "pod.labels"),
    Bad("free environment", _spec(env=[{"name": "A", "value": "b"}]), "env"),
    Bad("unknown toleration", _spec(pod={"tolerations": [{"operator": "Maybe"}]}), "tolerations[0].operator"),
    Bad(
        "spread without a place",
        _spec(pod={"topologySpreadConstraints": [{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]}),
        "topologyKey",
    ),
    # How many pods run.
    Bad(
        "replicas beside autoscaling",
        _spec(replicas=2, autoscaling={"maxReplicas": 3}),
        "spec.replicas",
        "remove replicas, or autoscaling",
    ),
    Bad("autoscaling without an end", _spec(autoscaling={"minReplicas": 2}), "autoscaling.maxReplicas"),
    Bad(
        "autoscaling upside down",
        _spec(autoscaling={"minReplicas": 3, "maxReplicas": 2}),
        "autoscaling.maxReplicas",
        "lower minReplicas",
    ),
    Bad("autoscaling to nothing", _spec(autoscaling={"minReplicas": 0, "maxReplicas": 2}), "minReplicas"),
    Bad(
        "CPU below 0",
        _spec(autoscaling={"maxReplicas": 2, "targetCPUUtilizationPercentage": -1}),
        "targetCPUUtilizationPercentage",
    ),
    # How it is reached, and whom it reaches.
    Bad("Ingress without a host", _spec(ingress={"className": "nginx"}), "ingress.host"),
    Bad("Ingress at a URL", _spec(ingress={"host": "https://a.example"}), "ingress.host", "no wildcard"),
    Bad("Ingress for all hosts", _spec(ingress={"host": "*.example.com"}), "ingress.host", "no wildcard"),
    Bad(
        "key as the certificate's Secret",
        _spec(ingress={"host": "a.example", "tlsSecretName": KEY}),
        "ingress.tlsSecretName",
        "revoke it",
    ),
    Bad(
        "Ingress of a class with a space",
        _spec(ingress={"host": "a.example", "className": "my class"}),
        "ingress.className",
        "name of an IngressClass",
    ),
    Bad("route of no Gateway", _spec(httpRoute={"parentRefs": []}), "httpRoute.parentRefs"),
    Bad("route that hangs on nothing", _spec(httpRoute={"hostnames": ["a.example"]}), "httpRoute.parentRefs"),
    Bad(
        "route of a Gateway with a slash",
        _spec(httpRoute={"parentRefs": [{"name": "a/b"}]}),
        "httpRoute.parentRefs[0].name",
    ),
    Bad(
        "route to a URL",
        _spec(httpRoute={"parentRefs": [{"name": "a"}], "hostnames": ["https://a.example"]}),
        "httpRoute.hostnames[0]",
    ),
    Bad("egress to nobody", _egress(), "networkPolicy.additionalEgress[0].to"),
    Bad("egress to a name", _egress("redis.example"), "ipBlock.cidr", "range of addresses"),
    Bad("egress to an address without a prefix", _egress("10.0.0.1"), "ipBlock.cidr", "such as 10.1.2.0/24"),
    Bad("egress to a range with bits beyond it", _egress("10.0.0.1/24"), "ipBlock.cidr", "no bits set"),
    Bad(
        "egress to pods",
        _spec(
            networkPolicy={
                "additionalEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]
            }
        ),
        "additionalEgress[0].to[0]",
    ),
    Bad("network policy as a word", _spec(networkPolicy={"enabled": "no"}), "networkPolicy.enabled"),
    Bad("key as ServiceAccount", _spec(serviceAccountName=KEY), "serviceAccountName", "revoke it"),
    Bad(
        "ServiceAccount with capitals",
        _spec(serviceAccountName="Chatbots"),
        "serviceAccountName",
        "name of a ServiceAccount",
    ),
    Bad("unknown log level", _spec(observability={"logLevel": "Loud"}), "observability.logLevel"),
    Bad(
        "collector with a password",
        _spec(observability={"otlpEndpoint": "http://a:b@collector:4318"}),
        "observability.otlpEndpoint",
        "without user",
    ),
    Bad("unknown field", _spec(modle={"name": "openrouter/free"}), "modle"),
)
