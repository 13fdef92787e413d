"""What others read of a status on a real API server, and the recorder that holds every status to its contract."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from chatassistant_operator.api.reasons import ConditionType, Reason
from support.conditions import condition, judged, wrong
from support.control_plane import ControlPlane
from support.gitops import DEPLOY, HEALTH_LUA, argocd, flux
from support.kstatus import compute
from support.statuses import BY_HAND, Recorder, Watcher

READY = judged(condition("Ready"))["status"]
STALLED = wrong(Reason.MODEL_NOT_FOUND, ConditionType.STALLED)["status"]


class ByHand:
    """One ChatAssistant whose status the test writes itself."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace
        metadata = {"name": "todo", "namespace": namespace, "labels": {BY_HAND: "true"}}
        spec = {"credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}}}
        manifest = {
            "apiVersion": "chatassistant.dev/v1alpha1",
            "kind": "ChatAssistant",
            "metadata": metadata,
            "spec": spec,
        }
        plane.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def write(self, status: dict[str, Any]) -> None:
        self._patch({"status": status}, "--subresource=status")

    def edit(self, **spec: Any) -> None:
        self._patch({"spec": spec})

    def _patch(self, patch: dict[str, Any], *flags: str) -> None:
        patching = ("patch", "chat", "todo", "-n", self._namespace, "--type=merge", *flags)
        self._plane.kubectl(*patching, "-p", json.dumps(patch))

    def read(self) -> dict[str, Any]:
        shown = self._plane.kubectl("get", "chat", "todo", "-n", self._namespace, "-o", "json")
        read: dict[str, Any] = json.loads(shown.stdout)
        return read

    def has(self, waited_for: str) -> bool:
        """Whether `kubectl wait` finds a condition at once."""
        waiting = (
            "wait",
            "chat/todo",
            "-n",
            self._namespace,
            f"--for=condition={waited_for}",
            "--timeout=0s",
        )
        return self._plane.kubectl(*waiting, check=False).returncode == 0


@pytest.fixture
def todo(kubernetes: ControlPlane, namespace: str) -> ByHand:
    return ByHand(kubernetes, namespace)


def test_kubectl_wait_and_the_gitops_tools_agree(todo: ByHand) -> None:
    def seen() -> tuple[bool, bool, str, str, str]:
        obj = todo.read()
        return todo.has("Ready"), todo.has("Stalled"), argocd(obj).status, flux(obj), compute(obj)

    assert seen() == (False, False, "Progressing", "InProgress", "InProgress")
    todo.write(READY)
    assert seen() == (True, False, "Healthy", "Current", "Current")
    todo.edit(systemPrompt="Another")
    assert seen() == (False, False, "Progressing", "InProgress", "InProgress")
    at_two = [{**each, "observedGeneration": 2} for each in STALLED["conditions"]]
    todo.write({"observedGeneration": 2, "conditions": at_two})
    assert seen() == (False, True, "Degraded", "Failed", "Failed")


def test_the_patch_of_argo_cd_leaves_the_rest_alone(kubernetes: ControlPlane, namespace: str) -> None:
    def kubectl(*arguments: str) -> str:
        return kubernetes.kubectl(*arguments, "-n", namespace).stdout

    kubectl("create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example.com")
    patch = (DEPLOY / "argocd" / "argocd-cm-patch.yaml").read_text("utf-8")
    kubectl("patch", "configmap", "argocd-cm", "--type=merge", "-p", patch.replace("namespace: argocd", ""))
    data = json.loads(kubectl("get", "configmap", "argocd-cm", "-o", "json"))["data"]
    assert data.pop("url") == "https://argocd.example.com"
    assert set(data.values()) == {lua.read_text("utf-8") for lua in HEALTH_LUA.values()}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(by_hand=True)


@pytest.fixture
def watcher(kubernetes: ControlPlane, recorder: Recorder) -> Iterator[Watcher]:
    watcher = Watcher(kubernetes.server, kubernetes.ca_file, kubernetes.admin_token, recorder)
    watcher.start()
    yield watcher
    watcher.stop()


def _problems(recorder: Recorder, namespace: str) -> list[str]:
    return [each for each in recorder.problems() if each.startswith(f"{namespace}/todo ")]


def test_the_watcher_misses_no_version(
    watcher: Watcher, recorder: Recorder, todo: ByHand, namespace: str
) -> None:
    for status in (STALLED, READY, STALLED):
        todo.write(status)
    watcher.stop()
    found = _problems(recorder, namespace)
    for step in ("False to True", "True to False"):
        assert [
            each for each in found if f"Ready went from {step}, but kept its lastTransitionTime" in each
        ], found


class Relay:
    """Passes connections on to another port of this machine, and can cut them all."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.refuses = False
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.close()
            return
        to, onward = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, onward]
        await asyncio.gather(self._pump(reader, onward), self._pump(to, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        self.refuses = True
        for writer in self._writers:
            writer.transport.abort()


async def test_the_watcher_goes_on_after_a_cut(
    kubernetes: ControlPlane, recorder: Recorder, todo: ByHand, namespace: str
) -> None:
    relay = Relay(int(kubernetes.server.rpartition(":")[2]))
    async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as server:
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        watcher = Watcher(address, kubernetes.ca_file, kubernetes.admin_token, recorder)
        await asyncio.to_thread(watcher.start)
        await asyncio.to_thread(todo.write, STALLED)
        relay.cut()
        await asyncio.to_thread(todo.write, READY)
        relay.refuses = False
        await asyncio.to_thread(watcher.stop)
        relay.cut()
    found = _problems(recorder, namespace)
    assert [each for each in found if "ModelAvailable went from False to True" in each], found
