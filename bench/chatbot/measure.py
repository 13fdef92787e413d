"""What is measured of one: its start, its requests, its streams; and of ours an hour's requests and slow readers."""

import json
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.chatbot import processes
from bench.chatbot.peers import Peer, Place
from bench.chatbot.processes import BenchError

RATE: Final = 50
# So few streams that no event has to wait for another.
FEW_STREAMS: Final = 40
_FEW_SECONDS: Final = 4.0
_SETTLED_SECONDS: Final = 1.0
_SETTLED_SHARE: Final = 0.1
_LONGEST_SETTLING: Final = 15
# Some load a part of themselves for the first of them.
_FIRST_REQUESTS: Final = 20
_WARM_SECONDS: Final = 0.5
_SAMPLE_SECONDS: Final = 0.25

Figures = dict[str, float]


@dataclass(frozen=True)
class Bench:
    """One upstream and one load for all, and the core of who is measured."""

    folder: Path
    load_program: Path
    upstream: str
    core: int

    @contextmanager
    def started(self, make: Callable[[Place], Peer]) -> Generator["Running"]:
        """One of those that are compared, from when it is ready; it ends here."""
        peer, log = make(Place(self.folder, *processes.free_ports(), self.upstream)), self.folder / "log"
        if not peer.command:
            yield Running(self, peer, None, 0.0)
            return
        began = time.monotonic()
        with processes.running(peer.command, peer.environment, log, {self.core}) as process:
            processes.wait_until_ready(process, peer.ready, log)
            yield Running(self, peer, process.pid, time.monotonic() - began)

    def counts(self) -> dict[str, int]:
        """What the upstream was asked (`requests`), is answering (`open`) and has sent (`bytes`)."""
        return processes.get_json(self.upstream.removesuffix("/v1") + "/counts")


@dataclass(frozen=True)
class Running:
    """One that is ready; `pid` is None when there is no proxy. It took so many seconds to be ready."""

    bench: Bench
    peer: Peer
    pid: int | None
    ready_seconds: float

    @property
    def cpu_seconds(self) -> float:
        """What it has taken."""
        return processes.cpu_seconds(self.pid) if self.pid else 0.0

    @property
    def rss_mb(self) -> float:
        """What it holds now."""
        return processes.rss_mb(self.pid) if self.pid else 0.0

    def round(
        self, connections: tuple[int, ...], seconds: float, streams: int, stream_seconds: float
    ) -> Figures:
        """All that is measured of everybody."""
        self._settle()
        figures = {"ready_s": self.ready_seconds, "idle_mb": self.rss_mb, "failed": 0.0}
        self._load("requests", "-connections=4", f"-count={_FIRST_REQUESTS}")
        for each in connections:
            told = self._load(
                "requests", f"-connections={each}", f"-for={seconds}s", f"-warm={_WARM_SECONDS}s"
            )
            figures["failed"] += told["failed"]
            figures |= {
                f"rps@{each}": told["rps"],
                f"p50@{each}": told["p50_ms"],
                f"p99@{each}": told["p99_ms"],
            }
            figures[f"cpu@{each}"] = told["cpu_us"] / told["asked"]
        told = self._load("streams", f"-streams={FEW_STREAMS}", f"-rate={RATE}", f"-for={_FEW_SECONDS}s")
        figures["failed"] += told["failed"]
        figures |= {
            "chunk_us": told["cpu_us"] / max(1, told["chunks"]),
            "first_ms": told["first_ms"] - 1000 / RATE,
        }
        told = self._load("streams", f"-streams={streams}", f"-rate={RATE}", f"-for={stream_seconds}s")
        figures |= {"stretch": told["ratio"], "gap_ms": told["gap_p99_ms"], "cut": told["failed"]}
        return figures | {"end_mb": self.rss_mb}

    def hour(self, requests: int) -> Figures:
        """Memory after a sixth of so many requests, which fill what is filled once, and after all of them."""
        figures: Figures = {}
        for name, count in (("first_mb", requests // 6), ("last_mb", requests - requests // 6)):
            told = self._load("requests", "-connections=16", f"-count={count}")
            self._settle()
            figures[name] = self.rss_mb
            figures["failed"] = figures.get("failed", 0) + told["failed"]
        return figures

    def slow_readers(self, readers: int, seconds: float) -> Figures:
        """Memory under so many that read 1 KiB a second of streams that come at once, and what others see."""
        before, sent_before, peak = self.rss_mb, self.bench.counts()["bytes"], 0.0
        with self._loading("slow", f"-readers={readers}", f"-for={seconds}s") as process:
            while process.poll() is None:
                time.sleep(_SAMPLE_SECONDS)
                peak = max(peak, self.rss_mb)
            told = _told(process)
        sent = self.bench.counts()["bytes"] - sent_before
        began = time.monotonic()
        while self.bench.counts()["open"] and time.monotonic() - began < seconds:
            time.sleep(0.01)
        return {
            "before_mb": before,
            "peak_mb": peak,
            "answered": told["answered"],
            "failed": told["failed"],
            "others_ms": told["others_p99_ms"],
            "sent_mb": sent / 2**20,
            "taken_mb": told["taken"] / 2**20,
            "closed_s": time.monotonic() - began,
        }

    def _settle(self) -> None:
        """Wait until it does next to nothing; some go on starting after they say that they are ready."""
        for _ in range(_LONGEST_SETTLING):
            before = self.cpu_seconds
            time.sleep(_SETTLED_SECONDS)
            if self.cpu_seconds - before < _SETTLED_SHARE * _SETTLED_SECONDS:
                return

    def _load(self, mode: str, *arguments: str) -> dict[str, Any]:
        """What the load program tells, with the CPU time that it took here (microseconds)."""
        before, asked_before = self.cpu_seconds, self.bench.counts()["requests"]
        with self._loading(mode, *arguments) as process:
            told = _told(process)
        told["cpu_us"] = (self.cpu_seconds - before) * 1e6
        asked = self.bench.counts()["requests"] - asked_before
        if told["failed"] == 0 and asked < told["asked"]:
            raise BenchError(f"{told['asked']} requests, but the upstream was asked {asked} times.")
        return told

    @contextmanager
    def _loading(self, mode: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
        peer = self.peer
        target = [f"-url={peer.completions}", f"-model={peer.model}"]
        target += [f"-header={name}: {value}" for name, value in peer.headers.items()]
        command: list[str | Path] = [self.bench.load_program, mode, *target, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise BenchError(f"The load program ended with {process.returncode}.")
    told: dict[str, Any] = json.loads(output)
    if told["failed"]:
        print(f"  {told['failed']} of {told['asked']} failed, as in: {told['failure'][:200]}", flush=True)
    return told
