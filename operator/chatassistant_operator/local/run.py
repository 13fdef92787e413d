"""Runs ChatAssistants with no cluster: the operator's own reconcile, with other ports."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp

from chatassistant_operator.api.policy import OPENROUTER, Policy
from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.asking.pods import AskedPods
from chatassistant_operator.controller import Controller
from chatassistant_operator.damping import Damper
from chatassistant_operator.engine.queue import WorkQueue
from chatassistant_operator.engine.workers import Workers
from chatassistant_operator.live.reports import PodReports
from chatassistant_operator.local.cluster import LocalCluster
from chatassistant_operator.local.manifests import Manifests
from chatassistant_operator.local.openrouter import StandIn
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from chatassistant_operator.observed import Defaults, Manifest
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.ports import Key, Ports

_REPORT_SECONDS: Final = 5.0
_KEY_VARIABLE: Final = "OPENROUTER_API_KEY"


@dataclass(frozen=True)
class Options:
    """What a run is asked for beside its files."""

    openrouter: str | None = None
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0


@dataclass(frozen=True)
class Watcher:
    """Who is told what happens: of a new status, a chatbot's line, and what the run itself has to say."""

    shown: Callable[[Manifest], None]
    log: Callable[[str, str], None]
    say: Callable[[str], None]


@asynccontextmanager
async def running(
    manifests: Manifests, policy: Policy, defaults: Defaults, options: Options, watcher: Watcher
) -> AsyncGenerator[LocalCluster, None]:
    """Run the ChatAssistants of the manifests until the context ends; then their chatbots have ended too."""
    async with AsyncExitStack() as stack:
        openrouter = await stack.enter_async_context(OpenRouter())
        policy = await _choose_gateway(manifests, policy, options, watcher, stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chatassistant-")))
        queue: WorkQueue[Key] = WorkQueue()
        cluster = LocalCluster(
            manifests, folder, changed=queue.add, shown=watcher.shown, log=watcher.log, port=options.port
        )
        stack.push_async_callback(cluster.stop)

        def answered(keys: Iterable[Key]) -> None:
            for key in keys:
                queue.add(key)

        gateway = AskedGateway(openrouter, answered)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        pods = AskedPods(PodReports(session).read, answered, _REPORT_SECONDS)
        ports = Ports(cluster, cluster, gateway, pods, Damper(), policy, defaults, cluster)
        controller = Controller(cluster, ports, gateway.forget, lambda: datetime.now(UTC))
        workers = Workers(queue, controller.handle, _always)
        for each in manifests.assistants:
            queue.add((each["metadata"]["namespace"], each["metadata"]["name"]))
        tasks = [asyncio.create_task(work) for work in (*gateway.runs(), *pods.runs(), workers.run())]
        try:
            yield cluster
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _choose_gateway(
    manifests: Manifests, policy: Policy, options: Options, watcher: Watcher, stack: AsyncExitStack
) -> Policy:
    """Say where requests go, and fill in what is missing for it; gives the policy that allows it.

    That is `--openrouter` when given; else what the spec says when there is any key; else the stand-in.
    """
    for name, value in options.secrets.items():
        _add_key(manifests, value, only=name)
    url, key = options.openrouter, os.environ.get(_KEY_VARIABLE, "").strip()
    if url is None and not key and not any(map(manifests.has_key, manifests.assistants)):
        stand_in = await stack.enter_async_context(StandIn())
        url, key = stand_in.base_url, ACCEPTED.token
        watcher.say(f"No {_KEY_VARIABLE}: answers come from the bundled stand-in for OpenRouter at {url}")
    elif url is None:
        gateways = {
            each["spec"].get("gateway", {}).get("baseURL", OPENROUTER) for each in manifests.assistants
        }
        watcher.say(f"Answers come from {', '.join(sorted(gateways))}")
    else:
        watcher.say(f"Answers come from {url}")
    if key:
        _add_key(manifests, key)
    if url is None:
        return policy
    for each in manifests.assistants:
        each["spec"]["gateway"] = {**each["spec"].get("gateway", {}), "baseURL": url}
    return policy.model_copy(update={"allowed_gateways": (*policy.allowed_gateways, url)})


def _add_key(manifests: Manifests, value: str, only: str | None = None) -> None:
    """Make the Secrets that ChatAssistants name and nobody has given, or those of one name."""
    for each in manifests.assistants:
        namespace, ref = each["metadata"]["namespace"], each["spec"]["credentials"]["apiKeySecretRef"]
        if ref["name"] == only or (only is None and not manifests.has_key(each)):
            manifests.add_secret(namespace, ref["name"], {ref.get("key", "api-key"): value})


async def _always() -> None:
    """Nobody else is here to lead."""
