"""On a real API server with its controllers: a cold start beside a bare loop, drift, and an idle minute."""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from chatassistant_operator import checks, desired
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import NotFoundError
from chatassistant_operator.cluster.kinds import BY_NAME, CHAT_ASSISTANT, SECRET, SERVICE
from chatassistant_operator.cluster.login import login
from chatassistant_operator.local.openrouter import StandIn
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from chatassistant_operator.observed import Children, Defaults, Observed
from chatassistant_operator.observed.named import Absent

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from support.control_plane import ControlPlane

DRIFTS = 50
_AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


async def _each(number: int, work: Callable[[int], Awaitable[None]]) -> float:
    """Do something so many times, 16 at a time; gives the seconds."""
    numbers = iter(range(number))

    async def worker() -> None:
        for each in numbers:
            await work(each)

    started = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(16)))
    return time.monotonic() - started


async def _until(check: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> float:
    """Wait until something is so; gives the seconds."""
    started = time.monotonic()
    while not await check():
        if time.monotonic() - started > seconds:
            raise TimeoutError("it did not come about")
        await asyncio.sleep(0.005)
    return time.monotonic() - started


class Bench:
    """One control plane, one client, one gateway."""

    def __init__(self, plane: ControlPlane, client: Client, gateway: str, assistants: int) -> None:
        self.plane = plane
        self.client = client
        self._gateway = gateway
        self._assistants = assistants

    def assistant(self, namespace: str, number: int) -> dict[str, Any]:
        """A ChatAssistant's manifest."""
        return {
            "apiVersion": "chatassistant.dev/v1alpha1",
            "kind": "ChatAssistant",
            "metadata": {"name": f"chat-{number}", "namespace": namespace},
            "spec": {
                "credentials": {"apiKeySecretRef": {"name": "key"}},
                "gateway": {"baseURL": self._gateway},
            },
        }

    async def prepare(self, namespace: str) -> None:
        """A namespace with the Secret and the ChatAssistants."""
        self.plane.kubectl("create", "namespace", namespace)
        secret = {
            "metadata": {"name": "key", "namespace": namespace},
            "stringData": {"api-key": ACCEPTED.token},
        }
        await self.client.create(SECRET, {"apiVersion": "v1", "kind": "Secret", **secret})

        async def create(number: int) -> None:
            await self.client.create(CHAT_ASSISTANT, self.assistant(namespace, number))

        await _each(self._assistants, create)

    async def bare(self, namespace: str, status: dict[str, Any]) -> float:
        """The same writes and guarding reads as the operator's, with nothing between them; gives the seconds."""

        async def write(number: int) -> None:
            live = await self.client.get(CHAT_ASSISTANT, namespace, f"chat-{number}")
            subject = ChatAssistant.parse(live)
            seen = Observed(
                datetime.now(UTC),
                Policy(allowed_gateways=("*",)),
                Defaults("chatbot:1"),
                Absent(),
                None,
                None,
                None,
                Children(),
            )
            findings = checks.run(subject, seen)
            for manifest in desired.build(subject, seen, ()).manifests:
                if manifest["kind"] == "Secret":
                    await self.client.create(SECRET, manifest)
                    continue
                kind = BY_NAME[manifest["kind"]]
                with suppress(NotFoundError):
                    await self.client.get(kind, namespace, manifest["metadata"]["name"])
                await self.client.apply(kind, manifest)
            head = {field: live[field] for field in ("apiVersion", "kind")}
            metadata = {"name": f"chat-{number}", "namespace": namespace}
            body = {**head, "metadata": metadata, "status": status}
            await self.client.apply(CHAT_ASSISTANT, body, subresource="status")
            assert findings

        return await _each(self._assistants, write)

    async def all_reconciled(self, namespace: str) -> bool:
        """Whether each ChatAssistant has a status of the operator's."""
        items, _ = await self.client.list(CHAT_ASSISTANT, namespace, {})
        return all(item["status"].get("observedGeneration") for item in items)

    async def drift(self, namespace: str, number: int) -> float:
        """Break a Service's selector; gives the seconds until it is mended."""
        name = f"chat-{number}"
        live = await self.client.get(SERVICE, namespace, name)
        broken = {**live, "spec": {**live["spec"], "selector": {"chatassistant.dev/name": "broken"}}}
        await self.client.replace(SERVICE, broken)

        async def mended() -> bool:
            now = await self.client.get(SERVICE, namespace, name)
            return bool(now["spec"]["selector"] == live["spec"]["selector"])

        return await _until(mended)


def _idle_requests(audit: Path, since: float) -> Counter[str]:
    """What the operator asked since then, by the API server's audit log."""
    counts: Counter[str] = Counter()
    for line in audit.read_bytes().splitlines():
        event = orjson.loads(line)
        ours = (
            event["userAgent"].startswith("chatassistant-operator") and event["stage"] == "ResponseComplete"
        )
        if (
            ours
            and event["verb"] != "watch"
            and event["stageTimestamp"] >= time.strftime("%FT%T", time.gmtime(since))
        ):
            counts[f"{event['verb']} {event['objectRef']['resource']}"] += 1
    return counts


async def _run(folder: Path, assistants: int, idle_seconds: int) -> None:
    policy, audit = folder / "policy.json", folder / "audit.log"
    policy.write_text(json.dumps(_AUDIT_POLICY), encoding="utf-8")
    plane = ControlPlane(folder / "plane", f"--audit-policy-file={policy}", f"--audit-log-path={audit}")
    plane.start()
    os.environ["KUBECONFIG"] = str(plane.kubeconfig)
    access = login()
    try:
        async with StandIn() as stand_in, access.session() as session:
            bench = Bench(plane, Client(session, access.server), stand_in.base_url, assistants)
            await bench.prepare("ours")
            await bench.prepare("bare")
            settings = {
                "CHATASSISTANT_POLICY__ALLOWED_GATEWAYS": json.dumps([stand_in.base_url]),
                "CHATASSISTANT_NAMESPACES": '["ours"]',
                "CHATASSISTANT_HEALTH_PORT": "0",
                "CHATASSISTANT_METRICS_PORT": "0",
            }
            started = time.monotonic()
            operator = subprocess.Popen(  # noqa: ASYNC220 (it takes no time)
                [sys.executable, "-m", "chatassistant_operator"],
                env=os.environ | settings,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                await _until(lambda: bench.all_reconciled("ours"), 600.0)
                ours = time.monotonic() - started
                status = (await bench.client.get(CHAT_ASSISTANT, "ours", "chat-0"))["status"]
                await asyncio.sleep(10)
                drifts = sorted([await bench.drift("ours", number) for number in range(DRIFTS)])
                await asyncio.sleep(10)
                idle_since = time.time()
                await asyncio.sleep(idle_seconds)
                idle = _idle_requests(audit, idle_since)
            finally:
                operator.terminate()
                operator.wait()
            bare = await bench.bare("bare", status)
    finally:
        plane.stop()
    print(f"cold start of {assistants}, Python's own start included: {ours:.1f} s; bare loop {bare:.1f} s; "
          f"ratio {ours / bare:.2f} (goal 1.5)")  # fmt: skip
    print(f"drift mended in {statistics.median(drifts) * 1000:.0f} ms (median, goal 150), "
          f"{drifts[int(DRIFTS * 0.95)] * 1000:.0f} ms (95th, goal 400)")  # fmt: skip
    print(f"{idle_seconds} idle seconds, requests that are no watches: {dict(idle)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assistants", type=int, default=300)
    parser.add_argument("--idle-seconds", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder), arguments.assistants, arguments.idle_seconds))


if __name__ == "__main__":
    main()
