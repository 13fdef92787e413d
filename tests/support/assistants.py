"""ChatAssistants as a user deals with them: kubectl writes, the official client reads."""

import base64
import copy
import json
import urllib.request
from typing import Any

from kubernetes import client

from support.control_plane import ControlPlane
from support.waiting import eventually

GROUP, VERSION, PLURAL = "chatassistant.dev", "v1alpha1", "chatassistants"


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `base` with nested changes; None removes."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


class Assistants:
    """The ChatAssistants of one namespace."""

    def __init__(self, plane: ControlPlane, namespace: str, gateway: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self._gateway = gateway
        configuration = client.Configuration()
        configuration.host = plane.server
        configuration.ssl_ca_cert = str(plane.ca_file)
        configuration.api_key = {"authorization": f"Bearer {plane.admin_token}"}
        self._api = client.ApiClient(configuration)
        self.core = client.CoreV1Api(self._api)
        self.apps = client.AppsV1Api(self._api)
        self._custom = client.CustomObjectsApi(self._api)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace; gives what it printed."""
        result = self.plane.kubectl("-n", self.namespace, *arguments, stdin=stdin, check=check)
        return result.stdout + result.stderr

    def manifest(self, name: str = "todo", **spec: Any) -> dict[str, Any]:
        """A ChatAssistant that talks to the stand-in, with changes to its spec."""
        base = {
            "credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}},
            "gateway": {"baseURL": self._gateway, "timeoutSeconds": 2},
        }
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "ChatAssistant",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": merged(base, spec),
        }

    def apply(self, name: str = "todo", **spec: Any) -> None:
        """Apply a ChatAssistant with kubectl."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(self.manifest(name, **spec)))

    def put_key(self, value: str, name: str = "openrouter-secret") -> None:
        """Make the Secret, or change it."""
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {"api-key": value},
        }
        self.kubectl("apply", "-f", "-", stdin=json.dumps(secret))

    def create_many(self, names: list[str], **spec: Any) -> None:
        """Create ChatAssistants that are all the same."""
        items = [self.manifest(name, **spec) for name in names]
        self.kubectl(
            "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        )

    def edit(self, name: str = "todo", **spec: Any) -> None:
        """Change fields of the spec, without kubectl."""
        self._custom.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace, PLURAL, name, {"spec": spec}
        )

    def all(self) -> list[dict[str, Any]]:
        """All of them."""
        found: Any = self._custom.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL)
        return list(found["items"])

    def get(self, name: str = "todo") -> dict[str, Any]:
        """The object."""
        found: Any = self._custom.get_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, name)
        return dict(found)

    def condition(self, type_: str = "Ready", name: str = "todo") -> dict[str, Any]:
        """A condition of it, empty when there is none that speaks of the present generation."""
        found = self.get(name)
        for condition in found["status"].get("conditions", []):
            if (
                condition["type"] == type_
                and condition.get("observedGeneration") == found["metadata"]["generation"]
            ):
                return dict(condition)
        return {}

    def wait_for(
        self, reason: str, type_: str = "Ready", name: str = "todo", timeout: float = 30.0
    ) -> dict[str, Any]:
        """Wait until a condition has a reason; gives the condition."""

        def has_reason() -> dict[str, Any]:
            condition = self.condition(type_, name)
            assert condition.get("reason") == reason, condition
            return condition

        return eventually(has_reason, f"{name} gets {type_}/{reason}", timeout)

    def token(self, name: str = "todo") -> str:
        """The access token that the operator has made, empty when there is none."""
        jsonpath = "-o=jsonpath={.data.token}"
        encoded = self.kubectl("get", "secret", f"{name}-access", "--ignore-not-found", jsonpath)
        return base64.b64decode(encoded).decode()

    def headers(self, name: str = "todo") -> dict[str, str]:
        """What a caller sends."""
        return {"Content-Type": "application/json", "Authorization": f"Bearer {self.token(name)}"}

    def pods(self, name: str = "todo") -> list[Any]:
        """The pods that are not about to end."""
        found: Any = self.core.list_namespaced_pod(
            self.namespace, label_selector=f"chatassistant.dev/name={name}"
        )
        return [pod for pod in found.items if pod.metadata.deletion_timestamp is None]

    def ask(self, question: str, name: str = "todo") -> dict[str, Any]:
        """Ask through a ready pod, at the port that its manifest names."""
        pod = next(each for each in self.pods(name) if each.status.container_statuses[0].ready)
        return self.ask_at(pod.status.pod_ip, question, name)

    def ask_at(self, address: str, question: str, name: str = "todo") -> dict[str, Any]:
        """Ask the pod at an address."""
        body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
        request = urllib.request.Request(
            f"http://{address}:8080/v1/chat/completions", body, self.headers(name)
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (our own http URL)
            answer: dict[str, Any] = json.loads(response.read())
            return answer
