"""The cluster of `make cluster`, as its administrator sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from deploy.cluster.console import run
from deploy.cluster.folders import CONTAINERD_SOCKET, IMAGES, KUBECONFIG, PROJECT
from deploy.cluster.images import project
from deploy.cluster.installation import NAMESPACE, STAND_IN
from deploy.cluster.kubectl import helm
from deploy.cluster.machine.files import PROGRAMS

from support.waiting import eventually

CLIENT: Final = "client"
_CLIENT_PROGRAM: Final = Path(__file__).with_name("whole_cluster_client.py")


def make(action: str) -> str:
    """What `make cluster` and `make cluster-down` do here: `up` and `down`; gives what is said."""
    command = [sys.executable, "-m", "deploy.cluster", action, "--here"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "tests")}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def buildah(*words: str) -> str:
    """What buildah says of our images."""
    return run("buildah", f"--root={IMAGES}/store", f"--runroot={IMAGES}/run", *words).stdout


def images_of_the_node(*words: str | Path) -> str:
    """What containerd says of the node's images."""
    return run("ctr", f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io", "images", *words).stdout


class WholeCluster:
    """A cluster with a real node."""

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints."""
        done = subprocess.run(
            [PROGRAMS / "kubectl", f"--kubeconfig={KUBECONFIG}", *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {words}: {done.stderr or done.stdout}"
        return done.stdout

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Apply objects as a user does."""
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listed))

    def get(self, *words: str) -> dict[str, Any]:
        """An object or a list of them."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return answer

    def helm(self, *words: str) -> str:
        """What Helm prints, of the operator's namespace."""
        return helm(*words, f"--namespace={NAMESPACE}")

    def tag_image(self, name: str, tag: str) -> None:
        """Have the node know one of the project's images by another tag, too."""
        image = project.tag(name)
        images_of_the_node("tag", "--force", image, f"{image.rpartition(':')[0]}:{tag}")

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Tell the stand-in for OpenRouter something."""
        program = (
            "import sys, urllib.request as u; "
            f"u.urlopen(u.Request('http://127.0.0.1:8080/control{path}', sys.stdin.buffer.read() or None, method='{method}'))"
        )
        words = ("exec", "-i", "-n", "openrouter", "deployment/openrouter", "--", "python", "-c", program)
        self.kubectl(*words, stdin=json.dumps(body) if body else "")


class Team:
    """A namespace with a key for the stand-in, and a pod from which to ask."""

    def __init__(self, cluster: WholeCluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints, in this namespace."""
        return self.cluster.kubectl("-n", self.namespace, *words, stdin=stdin, check=check)

    def start_client(self) -> None:
        """Have a pod that waits to be told whom to ask."""
        container = {
            "name": "client",
            "image": project.tag("chatbot"),
            "command": ["python", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
        spec = {"containers": [container], "securityContext": security, "automountServiceAccountToken": False}
        metadata = {"name": CLIENT, "namespace": self.namespace}
        eventually(
            lambda: self.kubectl("get", "serviceaccount", "default", check=False), "the account is there"
        )
        self.cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        self.kubectl("wait", "--for=condition=Ready", f"pod/{CLIENT}", "--timeout=60s")

    def apply(self, name: str = "todo", **spec: Any) -> None:
        """Apply a ChatAssistant."""
        key = {"apiKeySecretRef": {"name": "openrouter-secret"}}
        self.cluster.apply(
            {
                "apiVersion": "chatassistant.dev/v1alpha1",
                "kind": "ChatAssistant",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {"credentials": key, "gateway": {"baseURL": STAND_IN}, **spec},
            }
        )

    def give_key(self, token: str, name: str = "openrouter-secret") -> None:
        """Write the Secret with the API key."""
        metadata = {"name": name, "namespace": self.namespace}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": token}}
        )

    def condition(self, kind: str, name: str = "todo") -> dict[str, Any]:
        """A condition of a ChatAssistant, of its current generation; empty when there is none."""
        assistant = self.cluster.get("chat", name, "-n", self.namespace)
        generation = assistant["metadata"]["generation"]
        conditions = assistant.get("status", {}).get("conditions", [])
        found = [each for each in conditions if each["type"] == kind]
        return found[0] if found and found[0].get("observedGeneration") == generation else {}

    def wait_until_ready(self, name: str = "todo", timeout: float = 90) -> None:
        """Wait until the ChatAssistant is ready, as it is now."""

        def is_ready() -> bool:
            condition = self.condition("Ready", name)
            assert condition.get("status") == "True", condition
            return True

        eventually(is_ready, f"{name} is ready", timeout)

    def wait_for_reason(self, kind: str, reason: str, name: str = "todo", timeout: float = 120) -> str:
        """Wait until a condition has a reason; gives its message."""

        def has_it() -> str:
            condition = self.condition(kind, name)
            assert condition.get("reason") == reason, condition
            return str(condition["message"])

        return eventually(has_it, f"{kind} is {reason}", timeout)

    def pods(self, name: str = "todo") -> list[str]:
        """The names of an assistant's pods."""
        words = ("get", "pods", "-l", f"chatassistant.dev/name={name}", "-o", "name")
        return self.kubectl(*words).split()

    def ask(self, text: str, name: str = "todo") -> str:
        """What an assistant answers a pod of its namespace, by the name of its Service."""
        return str(Client(self, name, "--ask", text).end()["answers"][0])


class Client:
    """Callers in a pod: they ask an assistant by the name of its Service.

    Args:
        team: Whose pod it is.
        name: The ChatAssistant.
        options: Options of the client's program.
    """

    def __init__(self, team: Team, name: str, *options: str) -> None:
        token = team.cluster.get("secret", f"{name}-access", "-n", team.namespace)["data"]["token"]
        kubectl = [str(PROGRAMS / "kubectl"), f"--kubeconfig={KUBECONFIG}", f"--namespace={team.namespace}"]
        command = [*kubectl, "exec", "-i", CLIENT]
        command += ["--", "python", "-c", _CLIENT_PROGRAM.read_text(encoding="utf-8")]
        command += [f"http://{name}.{team.namespace}.svc.cluster.local", token, *options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_for_an_answer(self) -> None:
        """Wait until the first one has been given."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline()

    def end(self) -> dict[str, Any]:
        """Have it begin nothing more; gives what it met: `answers` and `failures`."""
        output, errors = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, errors
        met: dict[str, Any] = json.loads(output.splitlines()[-1])
        return met
