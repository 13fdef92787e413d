"""Runs ChatAssistants with no cluster: the operator's own reconcile, with other ports."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
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
from chatassistant_operator.engine.turns import Turns
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
    edits: AsyncIterator[Manifests] | None = None
    """The manifests after each edit."""


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
        route = await _choose_route(manifests, options, watcher, stack)
        route.prepare(manifests)
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
        ports = Ports(
            cluster,
            cluster,
            gateway,
            pods,
            Damper(),
            route.allow(policy),
            defaults,
            cluster,
            Turns(1, queue.add),
        )
        controller = Controller(cluster, ports, gateway.forget, lambda: datetime.now(UTC))
        workers = Workers(queue, controller.handle, _always)
        for each in manifests.assistants:
            queue.add((each["metadata"]["namespace"], each["metadata"]["name"]))
        work = [*gateway.runs(), *pods.runs(), workers.run()]
        if options.edits is not None:
            work.append(_follow(cluster, options.edits, route))
        tasks = [asyncio.create_task(each) for each in work]
        try:
            yield cluster
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class _Route:
    """Where requests go; the same for all of a run.

    Attributes:
        url: The gateway for all ChatAssistants; None for what their specs say.
        key: The key of those whose Secret nobody has given; may be empty.
        secrets: Keys by their Secrets' names.
    """

    url: str | None
    key: str = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)

    def prepare(self, manifests: Manifests) -> None:
        """Fill in what is missing."""
        for name, value in self.secrets.items():
            _add_key(manifests, value, only=name)
        if self.key:
            _add_key(manifests, self.key)
        if self.url is not None:
            for each in manifests.assistants:
                each["spec"]["gateway"] = {**each["spec"].get("gateway", {}), "baseURL": self.url}

    def allow(self, policy: Policy) -> Policy:
        """The policy that lets requests go there."""
        if self.url is None:
            return policy
        return policy.model_copy(update={"allowed_gateways": (*policy.allowed_gateways, self.url)})


async def _choose_route(
    manifests: Manifests, options: Options, watcher: Watcher, stack: AsyncExitStack
) -> _Route:
    """Choose where requests go, and say it.

    That is `--openrouter` when given; else what the spec says when there is any key; else the stand-in.
    """
    url, key = options.openrouter, os.environ.get(_KEY_VARIABLE, "").strip()
    given = key or options.secrets or any(map(manifests.has_key, manifests.assistants))
    if url is None and not given:
        stand_in = await stack.enter_async_context(StandIn())
        watcher.say(
            f"No {_KEY_VARIABLE}: answers come from the bundled stand-in for OpenRouter at {stand_in.base_url}"
        )
        return _Route(stand_in.base_url, ACCEPTED.token, {})
    if url is None:
        gateways = {
            each["spec"].get("gateway", {}).get("baseURL", OPENROUTER) for each in manifests.assistants
        }
        watcher.say(f"Answers come from {', '.join(sorted(gateways))}")
    else:
        watcher.say(f"Answers come from {url}")
    return _Route(url, key, options.secrets)


async def _follow(cluster: LocalCluster, edits: AsyncIterator[Manifests], route: _Route) -> None:
    async for manifests in edits:
        route.prepare(manifests)
        await cluster.follow(manifests)


def _add_key(manifests: Manifests, value: str, only: str | None = None) -> None:
    """Make the Secrets that ChatAssistants name and nobody has given, or those of one name."""
    for each in manifests.assistants:
        namespace, ref = each["metadata"]["namespace"], each["spec"]["credentials"]["apiKeySecretRef"]
        if ref["name"] == only or (only is None and not manifests.has_key(each)):
            manifests.add_secret(namespace, ref["name"], {ref.get("key", "api-key"): value})


async def _always() -> None:
    """Nobody else is here to lead."""
