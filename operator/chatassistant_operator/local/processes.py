"""A pod as a plain process: its environment, volumes, probes and restarts, without a container."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chatassistant_operator.local.pod_files import (
    ConfigurationError,
    LookUp,
    MountError,
    environment,
    mount,
    translated,
)
from chatassistant_operator.local.pod_probes import Probes
from chatassistant_operator.local.pod_status import PodStatus, now, terminated
from chatassistant_operator.observed import Manifest

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)
_INHERITED: Final = ("PATH", "HOME", "LANG", "SSL_CERT_FILE")
# The kubelet takes twenty times as long.
_FIRST_BACKOFF_SECONDS: Final = 0.5
_LAST_BACKOFF_SECONDS: Final = 10.0
_PULL_SECONDS: Final = 0.5
# How often what is missing is looked for with no news of it.
_CONFIGURATION_SECONDS: Final = 60.0


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
        self._status = PodStatus(pod, place.address)
        self._probes = Probes(self._container, place.address, place.ports)
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def process_id(self) -> int | None:
        """The process that is its container just now, None while it waits."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    def start(self) -> None:
        """Begin to run."""
        self._task = asyncio.create_task(self._run())

    def refresh(self) -> None:
        """A Secret or a ConfigMap has changed: what is mounted changes, and what was missing may be there."""
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
        if self._process is not None:
            await self._end(self._process, lame_duck=lame_duck)
        if self._reading is not None:
            await self._reading

    async def _end(self, process: asyncio.subprocess.Process, *, lame_duck: bool = True) -> None:
        if process.returncode is not None:
            return
        sleep = self._container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if lame_duck:
            await asyncio.sleep(sleep)
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(self._pod["spec"].get("terminationGracePeriodSeconds", 30) - sleep):
                await process.wait()
        except TimeoutError:
            self._killed = True
            _signal(process, signal.SIGKILL)
            await process.wait()

    async def _run(self) -> None:
        """Start it again and again, in the kubelet's order: volumes, image, environment."""
        ends = pulls = 0
        while True:
            try:
                mounts = mount(self._pod, self._look_up, self.place.folder)
                if self._command is None:
                    pulls += 1
                    await self._pull_in_vain(_backoff(pulls))
                    continue
                variables = environment(self._pod, self._look_up, self.place.address)
            except ConfigurationError as error:
                await self._wait_for_news(error)
                continue
            ended = await self._run_once(self._command, translated(variables, mounts))
            if ends:
                self._status.last_state = ended
                await self._crash_loop(_backoff(ends))
            else:
                # The first restart comes at once.
                self._tell(ended)
                self._status.last_state = ended
            ends += 1
            self._status.restarts += 1

    async def _wait_for_news(self, error: ConfigurationError) -> None:
        self._news.clear()
        self._wait(error.waiting, "" if isinstance(error, MountError) else str(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONFIGURATION_SECONDS):
                await self._news.wait()

    async def _pull_in_vain(self, pause: float) -> None:
        """Say what containerd says of an image that its registry does not have, then that there is a pause."""
        image = self._container["image"]
        words = (
            f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
            f'failed to resolve reference "{image}": {image}: not found'
        )
        self._wait("ErrImagePull", words)
        await asyncio.sleep(_PULL_SECONDS)
        self._wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {words}')
        await asyncio.sleep(pause)

    async def _crash_loop(self, pause: float) -> None:
        metadata = self._pod["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata.get('uid', '')})"
        words = f"back-off {pause:g}s restarting failed container={self._container['name']} pod={pod}"
        self._wait("CrashLoopBackOff", words)
        await asyncio.sleep(pause)

    async def _run_once(self, command: Sequence[str], variables: Mapping[str, str]) -> dict[str, Any]:
        """Run it until it ends; gives the state in which it is then."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self.place.folder.mkdir(parents=True, exist_ok=True)
        termination_log = self.place.folder / "termination-log"
        termination_log.write_bytes(b"")
        told = {"HOST": self.place.address, "TERMINATION_LOG_PATH": os.fspath(termination_log)}
        started_at = now()
        self._killed = False
        process = self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**inherited, **variables, **told, **self.place.environment},
            preexec_fn=_end_with_parent,
        )
        state = {"running": {"startedAt": started_at}}
        self._tell(state, started=not self._probes.has_startup)
        self._reading = asyncio.create_task(self._read(process))
        probing = asyncio.create_task(self._probe(process, state))
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        await self._reading
        last_words = termination_log.read_bytes() if termination_log.exists() else b""
        ended = terminated(code, killed_by_us=self._killed, last_words=last_words, started_at=started_at)
        return {"terminated": ended}

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            async for line in process.stdout:
                self._log(line.decode(errors="replace").rstrip("\n"))

    async def _probe(self, process: asyncio.subprocess.Process, state: dict[str, Any]) -> None:
        """Say when it has started and whether it is ready, and end it when it does not live."""
        await self._probes.watch(lambda ready: self._tell(state, ready=ready, started=True))
        await self._end(process)

    def _wait(self, reason: str, message: str) -> None:
        self._tell({"waiting": {"reason": reason, **({"message": message} if message else {})}})

    def _tell(self, state: dict[str, Any], *, ready: bool = False, started: bool = False) -> None:
        self._changed(self._status.tell(state, ready=ready, started=started))


def _backoff(times: int) -> float:
    """How long to wait after so many ends, in seconds."""
    return min(_LAST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** (times - 1))


def _end_with_parent() -> None:
    """Have the kernel kill the process when this one is gone, however it ended."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
