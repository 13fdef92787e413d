"""A pod as a plain process: its environment, volumes, probes and restarts, without a container."""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from chatassistant_operator.local.pod_files import ConfigurationError, LookUp, environment, mount, translated
from chatassistant_operator.observed import Manifest

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)
_INHERITED: Final = ("PATH", "HOME", "LANG", "SSL_CERT_FILE")
_PROBE_SECONDS: Final = 0.1
_LONGEST_PROBE_SECONDS: Final = 1.0
_FIRST_BACKOFF_SECONDS: Final = 0.5
_LAST_BACKOFF_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Place:
    """Where a pod runs: its address, the real port of each container port, and what else its process is told."""

    address: str
    ports: Mapping[int, int]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class PodProcess:
    """Runs a pod's one container as a process, and says how it is in a pod's status.

    Args:
        pod: The pod's manifest.
        command: What runs in the place of the container's image; None for an image that nobody has.
        look_up: Gives the Secrets and ConfigMaps that the pod names.
        place: Where it runs.
        changed: Called with a new status.
        log: Called with each line that the process prints.
    """

    def __init__(
        self,
        pod: Manifest,
        command: Sequence[str] | None,
        look_up: LookUp,
        place: Place,
        changed: Callable[[dict[str, Any]], None],
        log: Callable[[str], None],
    ) -> None:
        self.place: Final = place
        self.namespace: Final[str] = pod["metadata"]["namespace"]
        self._pod = pod
        self._command = command
        self._look_up = look_up
        self._changed = changed
        self._log = log
        self._container: dict[str, Any] = pod["spec"]["containers"][0]
        self._restarts = 0
        self._last_state: dict[str, Any] = {}
        self._started_at = _now()
        self._process: asyncio.subprocess.Process | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run."""
        self._task = asyncio.create_task(self._run())

    def refresh(self) -> None:
        """A Secret or a ConfigMap has changed."""
        self._news.set()
        if self._process is not None:
            with contextlib.suppress(ConfigurationError):
                mount(self._pod, self._look_up, self.place.folder)

    async def stop(self, *, lame_duck: bool = True) -> None:
        """End as the kubelet does: preStop, SIGTERM, and SIGKILL when the grace period is over.

        Args:
            lame_duck: Whether to wait as long as preStop says; nobody needs it who sends no new requests.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        spec = self._pod["spec"]
        sleep = self._container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if lame_duck:
            await asyncio.sleep(sleep)
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(spec.get("terminationGracePeriodSeconds", 30) - sleep):
                await process.wait()
        except TimeoutError:
            _signal(process, signal.SIGKILL)
            await process.wait()
        if self._reading is not None:
            await self._reading

    async def _run(self) -> None:
        while True:
            try:
                variables = environment(self._pod, self._look_up, self.place.address)
                mounts = mount(self._pod, self._look_up, self.place.folder)
            except ConfigurationError as error:
                await self._wait("CreateContainerConfigError", str(error), 1.0)
                continue
            if self._command is None:
                image = self._container["image"]
                await self._wait("ImagePullBackOff", f'Back-off pulling image "{image}"', 3600.0)
                continue
            await self._run_once(self._command, translated(variables, mounts))
            self._restarts += 1
            pause = min(_LAST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** (self._restarts - 1))
            await self._wait(
                "CrashLoopBackOff", f"back-off restarting failed container={self._container['name']}", pause
            )

    async def _wait(self, reason: str, message: str, seconds: float) -> None:
        """Say what is awaited, and wait until something changes or it is time to try again."""
        self._tell({"waiting": {"reason": reason, "message": message}}, ready=False)
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _run_once(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        termination_log = self.place.folder / "termination-log"
        termination_log.unlink(missing_ok=True)
        told = {"HOST": self.place.address, "TERMINATION_LOG_PATH": os.fspath(termination_log)}
        started_at = _now()
        process = self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**inherited, **variables, **told, **self.place.environment},
            preexec_fn=_end_with_parent,
        )
        state = {"running": {"startedAt": started_at}}
        self._tell(state, ready=False)
        self._reading = asyncio.create_task(self._read(process))
        probing = asyncio.create_task(self._probe(process, state))
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        await self._reading
        message = termination_log.read_text(encoding="utf-8") if termination_log.exists() else ""
        self._last_state = {
            "terminated": {
                "exitCode": code if code >= 0 else 128 - code,
                "reason": "Completed" if code == 0 else "Error",
                "message": message,
                "startedAt": started_at,
                "finishedAt": _now(),
            }
        }

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            async for line in process.stdout:
                self._log(line.decode(errors="replace").rstrip("\n"))

    async def _probe(self, process: asyncio.subprocess.Process, state: dict[str, Any]) -> None:
        """Say when the container is ready, and kill it when it is dead."""
        async with aiohttp.ClientSession() as session:
            while not await self._passes(session, "startupProbe"):  # noqa: ASYNC110 (the kubelet asks again, too)
                await asyncio.sleep(_PROBE_SECONDS)
            ready, unready, dead, lived_at = False, 0, 0, time.monotonic()
            readiness, liveness = (
                self._container.get(f"{name}Probe", {}) for name in ("readiness", "liveness")
            )
            while True:
                unready = 0 if await self._passes(session, "readinessProbe") else unready + 1
                if ready != (unready < (readiness.get("failureThreshold", 3) if ready else 1)):
                    ready = not ready
                    self._tell(state, ready=ready)
                if time.monotonic() - lived_at > liveness.get("periodSeconds", 10):
                    lived_at = time.monotonic()
                    dead = 0 if await self._passes(session, "livenessProbe") else dead + 1
                    if dead >= liveness.get("failureThreshold", 3):
                        _signal(process, signal.SIGKILL)
                period = readiness.get("periodSeconds", 10)
                await asyncio.sleep(min(_LONGEST_PROBE_SECONDS, period) if ready else _PROBE_SECONDS)

    async def _passes(self, session: aiohttp.ClientSession, name: str) -> bool:
        probe = self._container.get(name)
        if probe is None:
            return True
        port = probe["httpGet"]["port"]
        if isinstance(port, str):
            port = next(
                each["containerPort"] for each in self._container["ports"] if each.get("name") == port
            )
        url = f"http://{self.place.address}:{self.place.ports.get(port, port)}{probe['httpGet'].get('path', '/')}"
        timeout = aiohttp.ClientTimeout(total=probe.get("timeoutSeconds", 1))
        try:
            async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                return response.status < 400  # noqa: PLR2004 (HTTP's own)
        except (TimeoutError, aiohttp.ClientError):
            return False

    def _tell(self, state: dict[str, Any], *, ready: bool) -> None:
        truth = "True" if ready else "False"
        container = {
            "name": self._container["name"],
            "image": self._container["image"],
            "imageID": "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": self._restarts,
            "state": state,
            "lastState": self._last_state,
        }
        types = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": truth, "Ready": truth}
        self._changed(
            {
                "phase": "Running" if "running" in state or self._restarts else "Pending",
                "startTime": self._started_at,
                "hostIP": self.place.address,
                "podIP": self.place.address,
                "podIPs": [{"ip": self.place.address}],
                "conditions": [
                    {"type": type_, "status": status, "lastTransitionTime": _now()}
                    for type_, status in types.items()
                ],
                "containerStatuses": [container],
            }
        )


def _end_with_parent() -> None:
    """Have the kernel kill the process when this one is gone, however it ended."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
