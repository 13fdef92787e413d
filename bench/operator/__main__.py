"""Cold start and restart of our operator and of a stock one, in one run, with the goals beside the figures."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

QUIET_SECONDS = 4.0
_LONGEST_SECONDS = 300.0
OURS = [sys.executable, "-m", "chatassistant_operator"]
STOCK = [sys.executable, "-m", "kopf", "run", "-A", "-q", "--standalone", "-m", "bench.operator.stock"]


@dataclass
class Figures:
    """What one start cost."""

    seconds: float
    cpu: float
    rss_mb: float
    counts: dict[str, int]

    @property
    def writes(self) -> int:
        """Requests that change something, the Lease's apart."""
        return _count(self.counts, ("POST", "PUT", "PATCH", "DELETE"), without=("leases",))

    @property
    def requests(self) -> int:
        """All requests but reads of Secrets."""
        return _count(self.counts, ("GET", "POST", "PUT", "PATCH", "DELETE", "WATCH"), without=("secrets",))


def _count(counts: dict[str, int], verbs: tuple[str, ...], without: tuple[str, ...]) -> int:
    pairs = ((name.split(), number) for name, number in counts.items())
    return sum(number for (verb, plural), number in pairs if verb in verbs and plural not in without)


@contextmanager
def _process(command: list[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _start(command: list[str], api: str, gateway: str, folder: Path) -> Figures:
    """Start an operator, wait until it asks for nothing more, and kill it."""
    kubeconfig = folder / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": api}}
    context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
    content: dict[str, Any] = {
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "c", "user": {}}],
    }
    kubeconfig.write_text(json.dumps({**content, "current-context": "c"}), encoding="utf-8")
    httpx.delete(f"{api}/control")
    started = time.time()
    settings = {
        "KUBECONFIG": str(kubeconfig),
        "PYTHONPATH": ".",
        "CHATASSISTANT_POLICY__ALLOWED_GATEWAYS": json.dumps([gateway]),
        "CHATASSISTANT_HEALTH_PORT": "0",
        "CHATASSISTANT_METRICS_PORT": "0",
    }
    with _process(command, **settings) as process:
        threading.Thread(target=_drain, args=(process,), daemon=True).start()
        probe = psutil.Process(process.pid)
        deadline = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.5)
            told = httpx.get(f"{api}/control", timeout=60).json()
            if told["idle"] > QUIET_SECONDS and told["counts"].get("WATCH chatassistants"):
                break
        times = probe.cpu_times()
        return Figures(
            told["at"] - told["idle"] - started,
            times.user + times.system,
            probe.memory_info().rss / 2**20,
            told["counts"],
        )


def _drain(process: subprocess.Popen[str]) -> None:
    """Read what it prints: a full pipe would stop it."""
    for _ in process.stdout or ():
        pass


def _imports_mb() -> float:
    code = "import chatassistant_operator.wiring, psutil; print(psutil.Process().memory_info().rss / 2**20)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(result.stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assistants", type=int, default=5000)
    parser.add_argument("--secrets", type=int, default=50)
    parser.add_argument("--no-peer", action="store_true", help="leave the stock operator out")
    options = parser.parse_args()
    table: dict[str, Figures] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        _process([sys.executable, "-u", "-m", "chatassistant_operator.local.openrouter"]) as gateway_process,
    ):
        assert gateway_process.stdout is not None
        gateway = gateway_process.stdout.readline().strip()
        for name, command in (("ours", OURS), ("stock", STOCK))[: 1 if options.no_peer else 2]:
            with _process([sys.executable, "-m", "bench.operator.api_server"]) as server:
                assert server.stdout is not None
                api = json.loads(server.stdout.readline())["url"]
                query = {"assistants": options.assistants, "secrets": options.secrets, "gateway": gateway}
                httpx.post(f"{api}/control/load", params=query, timeout=60)
                for phase in ("cold", "restart"):
                    table[f"{name} {phase}"] = _start(command, api, gateway, Path(folder))
    imports = _imports_mb()
    print(f"{options.assistants} ChatAssistants, {options.secrets} Secrets; imports alone {imports:.0f} MB\n")
    print(f"{'':16}{'seconds':>9}{'CPU s':>8}{'RSS MB':>8}{'writes':>8}{'requests':>10}")
    for name, each in table.items():
        print(
            f"{name:16}{each.seconds:9.1f}{each.cpu:8.1f}{each.rss_mb:8.0f}{each.writes:8}{each.requests:10}"
        )
    ours, stock = table["ours restart"], table.get("stock restart")
    allowed = imports + 40 + 0.02 * options.assistants
    goals = (
        ("restart writes 0", ours.writes == 0, str(ours.writes)),
        ("restart requests at most 10", ours.requests <= 10, str(ours.counts)),  # noqa: PLR2004 (the goal)
        (f"RSS at most {allowed:.0f} MB", ours.rss_mb <= allowed, f"{ours.rss_mb:.0f}"),
    )
    if stock is not None:
        ratio = ours.seconds / stock.seconds
        goals += (("restart a quarter of stock's seconds", ratio <= 1 / 4, f"{ratio:.2f}"),)
    print()
    for goal, met, figure in goals:
        print(f"{'met    ' if met else 'NOT MET'}  {goal}: {figure}")


if __name__ == "__main__":
    main()
