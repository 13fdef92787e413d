"""Processes on cores of their own, and what they cost."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

_LONGEST_START_SECONDS = 120.0


class BenchError(Exception):
    """Something did not start or answer as it must; the text says what."""


@contextmanager
def _on(cores: set[int]) -> Generator[None]:
    """What is started here runs on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    command: list[str | Path], environment: Mapping[str, str], log: Path, cores: set[int]
) -> Generator[subprocess.Popen[bytes]]:
    """A process that ends here, on some cores, with no environment but this; its output goes to a file."""
    given = {"PATH": os.environ["PATH"], "HOME": str(log.parent), **environment}
    with log.open("wb") as output, _on(cores):
        process = subprocess.Popen(
            command, env=given, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return at the first 200.

    Raises:
        BenchError: when the process has ended, or is not ready in two minutes.
    """
    deadline = time.monotonic() + _LONGEST_START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 (a URL of our own)
                return
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.005)
    raise BenchError(f"{process.args!r} is not ready:\n{log.read_text(encoding='utf-8')[-3000:]}")


def get_json(url: str) -> dict[str, Any]:
    """What a GET gives."""
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 (a URL of our own)
        told: dict[str, Any] = json.load(response)
    return told


def cpu_seconds(pid: int) -> float:
    """User's and system's, of a process and its children."""
    return sum(sum(each.cpu_times()[:2]) for each in _family(pid))


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its children, MiB."""
    return sum(each.memory_info().rss for each in _family(pid)) / 2**20


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def free_ports() -> tuple[int, int]:
    """Two ports of 127.0.0.1 that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def first_line(process: subprocess.Popen[bytes], log: Path) -> str:
    """The first line that a process writes.

    Raises:
        BenchError: when it ends before.
    """
    while process.poll() is None:
        first, newline, _ = log.read_text(encoding="utf-8").partition("\n")
        if newline:
            return first
        time.sleep(0.005)
    raise BenchError(f"{process.args!r} has ended:\n{log.read_text(encoding='utf-8')[-3000:]}")
