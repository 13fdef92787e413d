"""A pod's status as a kubelet writes it, for a pod of one container."""

import signal
from datetime import UTC, datetime
from typing import Any, Final

from chatassistant_operator.observed import Manifest

# What is kept of a termination message: the end (the kubelet's MaxContainerTerminationMessageLength).
_LONGEST_MESSAGE: Final = 4096


class PodStatus:
    """What is known of a pod, over its container's restarts.

    Attributes:
        restarts: How often the container was started anew.
        last_state: How it ended the last time.
    """

    def __init__(self, pod: Manifest, address: str) -> None:
        self._container: Manifest = pod["spec"]["containers"][0]
        self._address = address
        self._started_at = now()
        self._conditions: dict[str, dict[str, str]] = {}
        self.restarts = 0
        self.last_state: dict[str, Any] = {}

    def tell(self, state: dict[str, Any], *, ready: bool = False, started: bool = False) -> dict[str, Any]:
        """The status of now.

        Args:
            state: The container's.
            ready: Whether it passed its readiness probe.
            started: Whether it passed its startup probe.
        """
        has_run = bool({"running", "terminated"} & state.keys() or self.last_state)
        return {
            "phase": "Running" if has_run else "Pending",
            "startTime": self._started_at,
            "hostIP": self._address,
            "podIP": self._address,
            "podIPs": [{"ip": self._address}],
            "conditions": self._judge(ready=ready),
            "containerStatuses": [
                {
                    "name": self._container["name"],
                    "image": self._container["image"],
                    "imageID": "",
                    "ready": ready,
                    "started": started,
                    "restartCount": self.restarts,
                    "state": state,
                    "lastState": self.last_state,
                }
            ],
        }

    def _judge(self, *, ready: bool) -> list[dict[str, str]]:
        """The conditions; each keeps the time at which it changed last."""
        unready = {
            "status": "False",
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{self._container['name']}]",
        }
        true = {"status": "True"}
        judged = {
            "PodScheduled": true,
            "Initialized": true,
            "ContainersReady": true if ready else unready,
            "Ready": true if ready else unready,
        }
        for type_, said in judged.items():
            before = self._conditions.get(type_, {})
            if before.get("status") != said["status"]:
                self._conditions[type_] = {"type": type_, **said, "lastTransitionTime": now()}
        return list(self._conditions.values())


def terminated(code: int, *, killed_by_us: bool, last_words: bytes, started_at: str) -> dict[str, Any]:
    """How a container ended.

    Args:
        code: The exit status of its process, negative for the signal that ended it.
        killed_by_us: Whether that signal came from here; a SIGKILL that did not is the kernel's, out of memory.
        last_words: What the process has left in its termination log.
        started_at: When it was started.
    """
    out_of_memory = code == -signal.SIGKILL and not killed_by_us
    message = last_words[-_LONGEST_MESSAGE:].decode(errors="replace")
    return {
        "exitCode": code if code >= 0 else 128 - code,
        "reason": "OOMKilled" if out_of_memory else "Error" if code else "Completed",
        **({"message": message} if message else {}),
        "startedAt": started_at,
        "finishedAt": now(),
    }


def now() -> str:
    """The time, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
