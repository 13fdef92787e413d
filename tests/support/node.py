"""A stand-in for the node: runs pods as plain processes, so that rollouts are the real controllers' work.

It binds pending pods to itself or says why not, as the scheduler would, runs each at a loopback address of its own, and
writes its status, as a kubelet would. It has no container. Its Node object leads the API server to `kubelet.py`.
"""

import asyncio
import itertools
import json
import os
import ssl
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.utils.quantity import parse_quantity

from chatassistant_operator.local.processes import Place, PodProcess
from support.container_logs import ContainerLogs
from support.control_plane import ControlPlane
from support.kubelet import Kubelet

NAME: Final = "plain-processes"
LABELS: Final = {"kubernetes.io/os": "linux"}
BY_HAND: Final = {"example.com/node": "by-hand"}
"""The nodeSelector of pods that a test itself schedules and makes ready."""
CPUS: Final = 64
TEST_IMAGES: Final = {
    "example.com/crashes": ["sh", "-c", "echo about to crash; exit 1"],
    "example.com/out-of-memory": ["sh", "-c", "kill -KILL $$"],
    "example.com/never-ready": ["sleep", "3600"],
    "example.com/reads": ["sh", "-c", 'cat "$FILE"; echo; exec sleep 3600'],
    "example.com/stubborn": ["sh", "-c", 'trap "" TERM; exec sleep 3600'],
    "example.com/terminates": [
        "sh",
        "-c",
        'printf %s "${WORDS:-ApiKeyMissing}" > "$TERMINATION_LOG_PATH"; exit 1',
    ],
}
"""What runs in the place of images that only tests have, by their repository."""
_RESYNC_SECONDS: Final = 0.2
# Drawn from by all nodes of this process.
_NUMBERS: Final = itertools.product(range(256), range(1, 255))


class NodeStandIn:
    """Runs pods until stopped, in a thread of its own.

    Args:
        plane: The control plane whose pods it runs.
        commands: What runs in the place of an image, by the image's repository, beside `TEST_IMAGES`.
    """

    def __init__(self, plane: ControlPlane, commands: dict[str, list[str]]) -> None:
        self._plane = plane
        self._commands = {**TEST_IMAGES, **commands}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="node", daemon=True)
        # Other test runs on this machine have nodes of their own.
        network = f"127.{1 + os.getpid() % 250}"
        self._addresses = (f"{network}.{high}.{low}" for high, low in _NUMBERS)
        self._running: dict[str, PodProcess] = {}
        self._ending: set[str] = set()
        self._patches: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._logs = ContainerLogs()
        self._folder = tempfile.TemporaryDirectory(prefix="node-")
        self._kubelet = Kubelet(Path(self._folder.name), self._address_of, self._logs)

    def start(self) -> None:
        """Begin to run pods."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(timeout=30)

    def stop(self) -> None:
        """End all pods and forget them."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._folder.cleanup()

    def log(self, namespace: str, pod: str) -> str:
        """What a pod's process has printed."""
        return self._logs.text((namespace, pod))

    def folder(self, uid: str) -> Path:
        """Where a pod's volumes are, each by its name."""
        return Path(self._folder.name) / uid

    def process_id(self, uid: str) -> int:
        """The process that is a pod's container just now."""
        process_id = self._running[uid].process_id
        assert process_id is not None, "the container does not run"
        return process_id

    async def _open(self) -> None:
        context = ssl.create_default_context(cafile=str(self._plane.ca_file))
        self._session = aiohttp.ClientSession(
            base_url=self._plane.server,
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            headers={"Authorization": f"Bearer {self._plane.admin_token}"},
        )
        await self._register(await self._kubelet.start())
        for path in ("/api/v1/pods", "/api/v1/secrets", "/api/v1/configmaps"):
            self._spawn(self._watch(path))

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(each.stop(lame_duck=False) for each in self._running.values()))
        await self._kubelet.stop()
        await self._session.close()
        # What its connections have to say to the API server at their end, which may itself be about to end.
        await asyncio.sleep(_RESYNC_SECONDS)

    async def _register(self, port: int) -> None:
        """Tell the API server where the kubelet is."""
        node = {"metadata": {"name": NAME, "labels": LABELS}}
        async with self._session.post("/api/v1/nodes", json=node):
            pass
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        headers = {"Content-Type": "application/merge-patch+json"}
        path = f"/api/v1/nodes/{NAME}/status"
        async with self._session.patch(path, json={"status": status}, headers=headers) as response:
            response.raise_for_status()

    async def _address_of(self, namespace: str, pod: str) -> str | None:
        """Where a pod is, None when there is none of this name."""
        path = _path({"metadata": {"namespace": namespace, "name": pod}})
        async with self._session.get(path) as response:
            return (await response.json()).get("status", {}).get("podIP") if response.status == 200 else None

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, path: str) -> None:
        """List and watch; begun anew whatever happens, as when a test kills the API server."""
        while True:
            try:
                async with self._session.get(path) as response:
                    listed = await response.json()
                for item in listed["items"]:
                    self._take(path, "ADDED", item)
                query = {"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]}
                timeout = aiohttp.ClientTimeout(total=None)
                async with self._session.get(path, params=query, timeout=timeout) as response:
                    pending = b""
                    async for chunk in response.content.iter_any():
                        *lines, pending = (pending + chunk).split(b"\n")
                        for line in lines:
                            event = json.loads(line)
                            self._take(path, event["type"], event["object"])
            except (aiohttp.ClientError, TimeoutError, KeyError, json.JSONDecodeError):
                await asyncio.sleep(_RESYNC_SECONDS)

    def _take(self, path: str, type_: str, obj: dict[str, Any]) -> None:
        if type_ == "ERROR":
            raise KeyError(type_)
        if path.endswith("/pods"):
            self._take_pod(type_, obj)
            return
        metadata = obj["metadata"]
        key = "Secret" if path.endswith("/secrets") else "ConfigMap", metadata["namespace"], metadata["name"]
        if type_ == "DELETED":
            self._objects.pop(key, None)
        else:
            self._objects[key] = obj
        for uid, process in self._running.items():
            if process.namespace == metadata["namespace"] and uid not in self._ending:
                process.refresh()

    def _take_pod(self, type_: str, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        if type_ == "DELETED" or pod["metadata"].get("deletionTimestamp"):
            if uid not in self._ending:
                self._ending.add(uid)
                self._spawn(self._end(pod))
        elif not pod["spec"].get("nodeName"):
            if pod["spec"].get("nodeSelector") != BY_HAND:
                self._spawn(self._schedule(pod))
        elif pod["spec"]["nodeName"] == NAME and uid not in self._running:
            self._run(pod)

    async def _schedule(self, pod: dict[str, Any]) -> None:
        misfit = _misfit(pod)
        if misfit is None:
            name = pod["metadata"]["name"]
            body = {"target": {"kind": "Node", "name": NAME}, "metadata": {"name": name}}
            async with self._session.post(f"{_path(pod)}/binding", json=body):
                pass
        elif misfit not in str(pod["status"].get("conditions")):
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": misfit,
                "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            await self._write_status(pod, {"conditions": [condition]})

    def _run(self, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        namespace, uid = metadata["namespace"], metadata["uid"]
        key = namespace, metadata["name"]

        def changed(status: dict[str, Any]) -> None:
            self._logs.heed(key, status)
            self._spawn(self._write_status(pod, status))

        process = PodProcess(
            pod,
            self._commands.get(_repository(pod["spec"]["containers"][0]["image"])),
            lambda kind, name: self._objects.get((kind, namespace, name)),
            Place(next(self._addresses), {}, self.folder(uid)),
            changed,
            lambda line: self._logs.add(key, line),
        )
        self._running[uid] = process
        process.start()

    async def _end(self, pod: dict[str, Any]) -> None:
        process = self._running.get(pod["metadata"]["uid"])
        if process is not None:
            await process.stop(lame_duck=bool(pod["metadata"].get("deletionGracePeriodSeconds")))
            self._running.pop(pod["metadata"]["uid"], None)
            self._logs.end((pod["metadata"]["namespace"], pod["metadata"]["name"]))
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        async with self._session.delete(_path(pod), json=options):
            pass

    async def _write_status(self, pod: dict[str, Any], status: dict[str, Any]) -> None:
        """Write statuses of a pod one after the other, as the kubelet does."""
        headers = {"Content-Type": "application/merge-patch+json"}
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        async with self._patches[pod["metadata"]["uid"]]:
            for _ in range(50):
                try:
                    async with self._session.patch(f"{_path(pod)}/status", json=body, headers=headers):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(_RESYNC_SECONDS)


def _path(pod: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _misfit(pod: dict[str, Any]) -> str | None:
    """Why the node cannot run a pod, as the scheduler says it; None when it can."""
    wanted: dict[str, str] = pod["spec"].get("nodeSelector", {})
    containers: list[dict[str, Any]] = pod["spec"]["containers"]
    requests = [each.get("resources", {}).get("requests", {}).get("cpu", "0") for each in containers]
    if not wanted.items() <= LABELS.items():
        why = "node(s) didn't match Pod's node affinity/selector"
    elif sum(map(parse_quantity, requests)) > CPUS:
        why = "Insufficient cpu"
    else:
        return None
    return (
        f"0/1 nodes are available: 1 {why}. preemption: 0/1 nodes are available: "
        "1 Preemption is not helpful for scheduling."
    )


def _repository(image: str) -> str:
    """An image's name without its tag and its digest; a registry's port is no tag."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return folder + slash + last.partition(":")[0]


def chatbot_commands() -> dict[str, list[str]]:
    """The bundled chatbot, run by this Python."""
    return {"ghcr.io/chatassistant-dev/chatbot": [sys.executable, "-m", "chatassistant_chatbot"]}
