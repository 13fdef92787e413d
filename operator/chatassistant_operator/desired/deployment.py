"""The Deployment that runs the chatbot."""

import json
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.policy import endpoints
from chatassistant_operator.desired.autoscaler import replicas
from chatassistant_operator.desired.config_map import CA_FILE, CONFIG_FILE, header_variable
from chatassistant_operator.desired.metadata import digest, object_meta
from chatassistant_operator.desired.pacing import made_for
from chatassistant_operator.desired.prices import noted, prices
from chatassistant_operator.desired.rotation import accepted_revision, pods_revision
from chatassistant_operator.desired.secrets import revisions, variables
from chatassistant_operator.desired.trial import trial_digest
from chatassistant_operator.observed import Manifest, Observed, annotation, is_running
from chatassistant_operator.observed.gateway import CompletionAnswered
from chatassistant_operator.observed.named import Credential

_CONFIG_DIRECTORY: Final = "/etc/chatassistant"
_KEY_DIRECTORY: Final = "/var/run/secrets/chatassistant.dev"
_KEY_FILE: Final = "api-key"
# The image's user; given here too, so that an image which forgets it still runs as nobody.
_USER: Final = 65532
# Endpoints and load balancers learn of an ending pod within this time; it goes on answering meanwhile.
_LAME_DUCK_SECONDS: Final = 5
# After that, how long running answers may take to end.
_DRAIN_SECONDS: Final = 30
_DEFAULT_RESOURCES: Final = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}}


def deployment(assistant: ChatAssistant, seen: Observed, config_map: str, *, accepted: bool) -> Manifest:
    """The Deployment; its annotation `chatassistant.dev/revision` names the revision of its pods.

    Args:
        assistant: The ChatAssistant.
        seen: The world.
        config_map: The name of the configuration's ConfigMap.
        accepted: Whether the gateway accepts the API key as it is now.
    """
    template = _template(assistant, seen, config_map, pods_revision(assistant, seen, accepted=accepted))
    annotations = {
        names.REVISION_ANNOTATION: digest(template),
        names.ACCEPTED_CREDENTIALS_ANNOTATION: accepted_revision(seen, accepted=accepted),
        names.ANSWERED_COMPLETION_ANNOTATION: _answered_completion(assistant, seen),
        names.PRICES_ANNOTATION: noted(prices(assistant, seen)),
        names.MADE_FOR_ANNOTATION: made_for(assistant, seen),
    }
    said = {name: value for name, value in annotations.items() if value is not None}
    count, read_from = replicas(assistant, seen.children)
    metadata = object_meta(assistant, annotations=said)
    if read_from is not None:
        metadata["resourceVersion"] = read_from
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            **({} if count is None else {"replicas": count}),
            "selector": {"matchLabels": names.selector(assistant.metadata.name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "template": template,
        },
    }


def hold(wanted: Manifest, live: Manifest) -> Manifest:
    """The wanted Deployment with the pods as they are: replicas are followed, nothing rolls and nothing is begun."""
    annotations: dict[str, str | None] = {
        **wanted["metadata"]["annotations"],
        names.REVISION_ANNOTATION: annotation(live, names.REVISION_ANNOTATION) or "",
        names.PRICES_ANNOTATION: annotation(live, names.PRICES_ANNOTATION),
        names.MADE_FOR_ANNOTATION: annotation(live, names.MADE_FOR_ANNOTATION),
    }
    said = {name: value for name, value in annotations.items() if value is not None}
    spec = {**wanted["spec"], "template": live["spec"]["template"]}
    if not is_running(live):
        spec["replicas"] = 0
    return {**wanted, "metadata": {**wanted["metadata"], "annotations": said}, "spec": spec}


def _template(
    assistant: ChatAssistant, seen: Observed, config_map: str, credentials_revision: str | None
) -> Manifest:
    pod = assistant.spec.pod
    spec: Manifest = {
        "serviceAccountName": assistant.spec.service_account_name or assistant.metadata.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _LAME_DUCK_SECONDS + _DRAIN_SECONDS + 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(assistant, seen)],
        "volumes": [{"name": "config", "configMap": {"name": config_map}}, *_key_volume(assistant)],
    }
    placement = pod.model_dump(
        by_alias=True, exclude_none=True, mode="json", exclude={"labels", "annotations"}
    )
    spec |= {field: value for field, value in placement.items() if value}
    spec.setdefault("topologySpreadConstraints", _spread(assistant))
    if assistant.spec.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": each.name} for each in assistant.spec.image_pull_secrets]
    metadata: Manifest = {
        "labels": {**pod.labels, **names.labels(assistant.metadata.name)},
        "annotations": dict(pod.annotations),
    }
    if credentials_revision is not None:
        metadata["annotations"][names.CREDENTIALS_REVISION_ANNOTATION] = credentials_revision
    metadata["annotations"] |= revisions(assistant, seen)
    return {"metadata": metadata, "spec": spec}


def _spread(assistant: ChatAssistant) -> list[Manifest]:
    """Over zones and nodes, as far as there are some; the pods of each revision for themselves."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": names.selector(assistant.metadata.name)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def _container(assistant: ChatAssistant, seen: Observed) -> Manifest:
    spec = assistant.spec
    resources = (
        spec.resources.model_dump(by_alias=True, exclude_none=True, mode="json") if spec.resources else {}
    )
    return {
        "name": names.CONTAINER,
        "image": spec.image or seen.defaults.image,
        "imagePullPolicy": spec.image_pull_policy,
        "env": [
            _key_variable(assistant),
            *_header_variables(assistant),
            *variables(assistant),
            *_listed_endpoints(assistant, seen),
            *_ways_out(seen),
            {"name": "CHATASSISTANT_CONFIG", "value": f"{_CONFIG_DIRECTORY}/{CONFIG_FILE}"},
            {"name": "HOST", "value": "0.0.0.0"},  # noqa: S104 (a pod is reached by its address)
            {"name": "DRAIN_SECONDS", "value": str(_DRAIN_SECONDS)},
        ],
        "ports": [
            {"name": "http", "containerPort": names.HTTP_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": names.METRICS_PORT, "protocol": "TCP"},
        ],
        "startupProbe": _probe("/healthz", period=1, failures=60),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "lifecycle": {"preStop": {"sleep": {"seconds": _LAME_DUCK_SECONDS}}},
        "resources": resources or _DEFAULT_RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG_DIRECTORY, "readOnly": True},
            *(
                {"name": each["name"], "mountPath": _KEY_DIRECTORY, "readOnly": True}
                for each in _key_volume(assistant)
            ),
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 2,
    }


def _key_variable(assistant: ChatAssistant) -> Manifest:
    """The variable that holds the API key, or that says in which file it is."""
    ref = assistant.spec.credentials.api_key_secret_ref
    if assistant.spec.credentials.delivery == "File":
        return {"name": "OPENROUTER_API_KEY_FILE", "value": f"{_KEY_DIRECTORY}/{_KEY_FILE}"}
    return {"name": "OPENROUTER_API_KEY", "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}


def _key_volume(assistant: ChatAssistant) -> list[Manifest]:
    """The Secret as files, of which only the API key's entry is there."""
    if assistant.spec.credentials.delivery != "File":
        return []
    ref = assistant.spec.credentials.api_key_secret_ref
    secret = {"secretName": ref.name, "items": [{"key": ref.key, "path": _KEY_FILE}], "defaultMode": 0o440}
    return [{"name": "credentials", "secret": secret}]


def _header_variables(assistant: ChatAssistant) -> list[Manifest]:
    """The values of the tool servers' headers."""
    return [
        {
            "name": header_variable(index, number),
            "valueFrom": {
                "secretKeyRef": {"name": header.secret_key_ref.name, "key": header.secret_key_ref.key}
            },
        }
        for index, server in enumerate(assistant.spec.tools.mcp_servers)
        for number, header in enumerate(server.headers_from)
    ]


def _listed_endpoints(assistant: ChatAssistant, seen: Observed) -> list[Manifest]:
    """The URLs that may lead into private networks, too, because the operator's settings list them; few specs have any."""
    listed = [url for _, url in endpoints(assistant) if seen.policy.lists_endpoint(url)]
    # Kubernetes would put the API key in the place of a `$(OPENROUTER_API_KEY)`.
    value = json.dumps(listed).replace("$", "\\u0024")
    return [{"name": "CHATASSISTANT_ALLOWED_ENDPOINTS", "value": value}] if listed else []


def _ways_out(seen: Observed) -> list[Manifest]:
    """The proxy, and who signs for those whom the pods call, as the operator's settings have them."""
    variables = dict(seen.defaults.environment)
    if seen.defaults.ca_bundle is not None:
        variables["SSL_CERT_FILE"] = f"{_CONFIG_DIRECTORY}/{CA_FILE}"
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]


def _answered_completion(assistant: ChatAssistant, seen: Observed) -> str | None:
    """What tells that the one-token completion need not be asked for again."""
    if isinstance(seen.completion, CompletionAnswered) and isinstance(seen.credential, Credential):
        return trial_digest(assistant, seen.credential.revision)
    return annotation(seen.children.deployment, names.ANSWERED_COMPLETION_ANNOTATION)
