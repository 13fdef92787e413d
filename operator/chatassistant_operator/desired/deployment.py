"""The Deployment that runs the chatbot."""

from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.config_map import CONFIG_FILE
from chatassistant_operator.desired.metadata import digest, object_meta
from chatassistant_operator.observed import Credential, KeyAccepted, Manifest, Observed

_CONFIG_DIRECTORY: Final = "/etc/chatassistant"
# The image's user; given here too, so that an image which forgets it still runs as nobody.
_USER: Final = 65532
# Endpoints and load balancers learn of an ending pod within this time; it goes on answering meanwhile.
_LAME_DUCK_SECONDS: Final = 5
# After that, how long running answers may take to end.
_DRAIN_SECONDS: Final = 30
_DEFAULT_RESOURCES: Final = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}}


def deployment(assistant: ChatAssistant, seen: Observed, config_map: str) -> Manifest:
    """The Deployment; its annotation `chatassistant.dev/revision` names the revision of its pods."""
    template = _template(assistant, seen, config_map)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": object_meta(assistant, annotations={names.REVISION_ANNOTATION: digest(template)}),
        "spec": {
            "replicas": 0 if assistant.spec.suspend else assistant.spec.replicas,
            "selector": {"matchLabels": names.selector(assistant.metadata.name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "template": template,
        },
    }


def hold(wanted: Manifest, live: Manifest) -> Manifest:
    """The wanted Deployment with the pods as they are: replicas are followed, nothing rolls."""
    running = live["metadata"].get("annotations", {}).get(names.REVISION_ANNOTATION, "")
    return {
        **wanted,
        "metadata": {**wanted["metadata"], "annotations": {names.REVISION_ANNOTATION: running}},
        "spec": {**wanted["spec"], "template": live["spec"]["template"]},
    }


def _template(assistant: ChatAssistant, seen: Observed, config_map: str) -> Manifest:
    pod = assistant.spec.pod
    spec: Manifest = {
        "serviceAccountName": assistant.metadata.name,
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
        "volumes": [{"name": "config", "configMap": {"name": config_map}}],
    }
    placement = pod.model_dump(
        by_alias=True, exclude_none=True, mode="json", exclude={"labels", "annotations"}
    )
    spec |= {field: value for field, value in placement.items() if value}
    if assistant.spec.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": each.name} for each in assistant.spec.image_pull_secrets]
    metadata: Manifest = {
        "labels": {**pod.labels, **names.labels(assistant.metadata.name)},
        "annotations": {**pod.annotations, **_credentials_revision(assistant, seen)},
    }
    return {"metadata": metadata, "spec": spec}


def _container(assistant: ChatAssistant, seen: Observed) -> Manifest:
    spec = assistant.spec
    ref = spec.credentials.api_key_secret_ref
    resources = (
        spec.resources.model_dump(by_alias=True, exclude_none=True, mode="json") if spec.resources else {}
    )
    return {
        "name": names.CONTAINER,
        "image": spec.image or seen.defaults.image,
        "imagePullPolicy": spec.image_pull_policy,
        "env": [
            {
                "name": "OPENROUTER_API_KEY",
                "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}},
            },
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
        "volumeMounts": [{"name": "config", "mountPath": _CONFIG_DIRECTORY, "readOnly": True}],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 2,
    }


def _credentials_revision(assistant: ChatAssistant, seen: Observed) -> dict[str, str]:
    """The annotation that makes pods roll to a new key: only once the gateway accepted it.

    Until then it stays as the live Deployment has it, so that neither a refused key nor a restart of the
    operator, which has read no Secret yet, rolls anything.
    """
    live = seen.children.deployment
    template: Manifest = live["spec"]["template"]["metadata"] if live else {}
    revision: str | None = template.get("annotations", {}).get(names.CREDENTIALS_REVISION_ANNOTATION)
    trusted = isinstance(seen.key, KeyAccepted) or assistant.spec.validation.mode == "Disabled"
    if isinstance(seen.credential, Credential) and (revision is None or trusted):
        key = seen.credential.key
        revision = (key.fingerprint if key else None) or digest(seen.credential.revision)
    return {names.CREDENTIALS_REVISION_ANNOTATION: revision} if revision else {}
