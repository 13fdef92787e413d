"""Deployments of one container, as a user deals with them: kubectl writes and reads."""

import json
from typing import Any

from support.assistants import merged
from support.control_plane import ControlPlane
from support.waiting import eventually


class Deployments:
    """The Deployment `todo` of a namespace, and its one pod; any pod may run there from now on."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        plane.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce-")

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace; gives what it printed."""
        return self.plane.kubectl("-n", self.namespace, *arguments, stdin=stdin).stdout

    def put(self, kind: str, name: str, **fields: Any) -> None:
        """Make an object of the core group, or change it."""
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def apply(self, image: str, container: dict[str, Any] | None = None, **pod: Any) -> None:
        """Apply a Deployment `todo`, with changes to its container and to its pods' spec."""
        spec = {
            "terminationGracePeriodSeconds": 2,
            "containers": [merged({"name": "chatbot", "image": image}, container or {})],
            **pod,
        }
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "todo"},
            "spec": {
                "selector": {"matchLabels": {"app": "todo"}},
                "template": {"metadata": {"labels": {"app": "todo"}}, "spec": spec},
            },
        }
        self.kubectl("apply", "-f", "-", stdin=json.dumps(deployment))

    def pod(self) -> dict[str, Any]:
        """The one pod."""
        pods: list[dict[str, Any]] = json.loads(self.kubectl("get", "pods", "-o", "json"))["items"]
        assert len(pods) == 1, [each["metadata"]["name"] for each in pods]
        return pods[0]

    def container(self) -> dict[str, Any]:
        """How its container is."""
        statuses: list[dict[str, Any]] = self.pod()["status"].get("containerStatuses", [{}])
        return statuses[0]

    def conditions(self) -> dict[str, dict[str, str]]:
        """Its conditions, by type."""
        return {each["type"]: each for each in self.pod()["status"].get("conditions", [])}

    def wait_for_state(self, kind: str, reason: str) -> dict[str, Any]:
        """Wait until the container is in a state; gives its status."""

        def is_so() -> dict[str, Any]:
            container = self.container()
            assert container.get("state", {}).get(kind, {}).get("reason") == reason, container
            return container

        return eventually(is_so, f"the container is {kind}: {reason}")

    def wait_until_running(self) -> dict[str, Any]:
        """Wait until the container runs; gives its status."""

        def is_so() -> dict[str, Any]:
            container = self.container()
            assert "running" in container.get("state", {}), container
            return container

        return eventually(is_so, "the container runs")

    def wait_until_restarted(self) -> dict[str, Any]:
        """Wait until the container runs for the second time; gives its status."""

        def is_so() -> dict[str, Any]:
            container = self.container()
            assert container.get("restartCount"), container
            return container

        return eventually(is_so, "the container is restarted")

    def wait_until_ready(self) -> dict[str, Any]:
        """Wait for the container's readiness; gives its status."""

        def is_ready() -> dict[str, Any]:
            container = self.container()
            assert container.get("ready"), container
            return container

        return eventually(is_ready, "the container is ready")
