"""Everything that works while Kopf watches: informers, workers, questions, leadership, put together from the settings.

Kopf's events and the informers only name keys, and workers reconcile them.
"""

import asyncio
import logging
import os
import signal
import socket
import uuid
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import kopf

from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.asking.pods import AskedPods
from chatassistant_operator.asking.references import AskedReferences, Readers
from chatassistant_operator.asking.tokens import AskedTokens
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT
from chatassistant_operator.cluster.login import Access
from chatassistant_operator.controller import Controller
from chatassistant_operator.damping import Damper
from chatassistant_operator.engine.leadership import Leadership
from chatassistant_operator.engine.queue import WorkQueue
from chatassistant_operator.engine.turns import Turns
from chatassistant_operator.engine.workers import Workers
from chatassistant_operator.live.assistants import LiveAssistants, NamedReads
from chatassistant_operator.live.children import LiveChildren
from chatassistant_operator.live.lease import LiveLease, NotLeadingError
from chatassistant_operator.live.reports import PodReports
from chatassistant_operator.live.tokens import LiveTokens
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.ports import Key, Ports
from chatassistant_operator.settings import Settings
from chatassistant_operator.telemetry import State, Telemetry

logger = logging.getLogger(__name__)

# Several events of one change, such as those of a Deployment and its ReplicaSet, are one reconcile.
_DEBOUNCE_SECONDS: Final = 0.05
# A watch gets a bookmark each minute; one that is silent for so long is dead, and so is this process.
_DEAF_SECONDS: Final = 300.0
# Kopf's own watch shows no bookmarks: it is dead when audits in a row find what it did not tell.
_MISSING_AUDITS: Final = 2


class Engine:
    """Everything that works while Kopf watches."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._settings = settings
        self._access = access
        self._resources = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._audit_wanted = asyncio.Event()
        self._lost = asyncio.Event()
        self._missing_audits = 0
        self._ready = False
        self.telemetry = Telemetry(self._state)

    async def start(self) -> None:
        """Fill the caches, then work."""
        settings = self._settings
        if settings.metrics_port:
            try:
                runner = await self.telemetry.serve(settings.metrics_host, settings.metrics_port)
            except OSError as error:
                raise kopf.PermanentError(
                    f"CHATASSISTANT_METRICS_PORT: {settings.metrics_host}:{settings.metrics_port} cannot be listened on "
                    f"({error.strerror}): set it to a free port, or to 0 for no metrics."
                ) from None
            self._resources.push_async_callback(runner.cleanup)
        session = await self._resources.enter_async_context(self._access.session())
        self.queue: WorkQueue[Key] = WorkQueue()
        self._leadership = self._candidate(session)
        client = self._client = Client(
            session,
            self._access.server,
            writes=settings.workers,
            may_write=self._may_write,
            observe=self.telemetry.count_request,
        )
        if not await client.serves(CHAT_ASSISTANT):
            raise kopf.PermanentError(
                f"{self._access.server} does not know ChatAssistants: install the CRD with `kubectl apply -f crds/` "
                "and start the operator again."
            )
        self.assistants = LiveAssistants(client, settings.namespaces, self.queue.add)
        self._turns = Turns(settings.max_concurrent_rollouts, self.queue.add)
        self._children = LiveChildren(client, settings.namespaces, self._notice, self._turns, self._run)
        self._controller = Controller(
            self.assistants,
            await self._ports(client),
            self._forget,
            lambda: datetime.now(UTC),
            self.telemetry.tell_status,
            socket.gethostname(),
        )
        self._workers = Workers(self.queue, self._handle, self._until_leading, settings.workers)
        await self._children.start()
        self._ready = True
        if self._leadership is not None:
            self._run(self._leadership.run())
        self._run(self._lead())
        self._run(self._audit())

    async def _ports(self, client: Client) -> Ports:
        """What a reconcile may reach."""
        settings, reads = self._settings, NamedReads(client)
        openrouter = OpenRouter(self.telemetry.count_gateway_request)
        pods = await self._resources.enter_async_context(aiohttp.ClientSession())
        self._references = AskedReferences(
            Readers(reads.credential, reads.secret, reads.config_map, reads.service),
            self._answered,
            settings.secret_interval_seconds,
        )
        self._tokens = AskedTokens(
            reads.secret,
            LiveTokens(client, self._children.owner_exists).make,
            self._answered,
            settings.secret_interval_seconds,
        )
        self._gateway = AskedGateway(await self._resources.enter_async_context(openrouter), self._answered)
        self._pods = AskedPods(PodReports(pods).read, self._answered, settings.report_interval_seconds)
        return Ports(
            self._children,
            self._references,
            self._gateway,
            self._pods,
            Damper(),
            settings.policy,
            settings.defaults_in(self._access.namespace),
            self._tokens,
            self._turns,
        )

    async def stop(self) -> None:
        """Let go of everything, the Lease last, so that nothing is written after it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._leadership is not None:
            await self._leadership.release()
        await self._resources.aclose()

    def observe(self, event_type: str | None, body: Mapping[str, Any]) -> None:
        """A ChatAssistant was listed (no type), added, modified or deleted."""
        key = body["metadata"]["namespace"], body["metadata"]["name"]
        if event_type is None and self.assistants.get(key) is not None:
            # Kopf lists anew only after a gap in its watch.
            self._audit_wanted.set()
        if self.assistants.primaries.observe(event_type, body):
            self.queue.add(key, 0.0 if event_type is None else _DEBOUNCE_SECONDS)

    def check_health(self) -> Mapping[str, float]:
        """Raises when a watch is dead; a task that ends, ends the process."""
        ages = self._children.ages()
        if any(age > _DEAF_SECONDS for age in ages.values()):
            raise RuntimeError("a watch has been silent for too long")
        if self._missing_audits >= _MISSING_AUDITS:
            raise RuntimeError("the watch of ChatAssistants does not tell what changes")
        told = {f"{resource} {namespace}".strip(): age for (resource, namespace), age in ages.items()}
        return {"queue": float(len(self.queue)), "assistants": float(len(self.assistants.primaries)), **told}

    def _state(self) -> State | None:
        """What metrics show at this moment."""
        if not self._ready:
            return None
        return State(
            queue_depth=self.queue.due(),
            queue_age=self.queue.oldest_age(),
            watch_ages=self._children.ages(),
            leading=self._leadership is None or self._leadership.leading.is_set(),
            down=self._gateway.down(),
            keys=self._gateway.keys(),
        )

    async def _handle(self, key: Key) -> float | None:
        """Reconcile a key, and count it."""
        with self.telemetry.reconcile_seconds.time():
            try:
                again = await self._controller.handle(key)
            except BaseException as error:
                result = "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
                self.telemetry.reconciles.labels(result).inc()
                raise
        self.telemetry.reconciles.labels("ok").inc()
        return again

    async def _lead(self) -> None:
        """Ask and work while leading: a standby only keeps its caches warm."""
        while True:
            await self._until_leading()
            self._lost.clear()
            await self.assistants.catch_up()
            asked = (self._references, self._tokens, self._gateway, self._pods)
            works = (*(run for each in asked for run in each.runs()), self._workers.run(), self._lost.wait())
            tasks = [asyncio.ensure_future(work) for work in works]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._client.finish()

    async def _audit(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._settings.audit_interval_seconds):
                    await self._audit_wanted.wait()
            except TimeoutError:
                pass
            self._audit_wanted.clear()
            try:
                missed = await self.assistants.audit()
                self._missing_audits = self._missing_audits + 1 if missed else 0
            except Exception as error:  # noqa: BLE001 (the next audit may do)
                logger.warning("the audit of ChatAssistants failed: %s", error)

    def _candidate(self, session: aiohttp.ClientSession) -> Leadership | None:
        settings = self._settings
        if not settings.leader_election:
            return None
        namespace = settings.lease_namespace or self._access.namespace
        # Its own client: writes of the Lease must not wait behind others, nor for the Lease.
        lease = LiveLease(Client(session, self._access.server), namespace, settings.lease_name)
        identity = f"{socket.gethostname()}_{uuid.uuid4()}"
        return Leadership(lease, identity, self._lost.set)

    def _may_write(self) -> None:
        if self._leadership is not None and not self._leadership.may_write():
            raise NotLeadingError

    async def _until_leading(self) -> None:
        if self._leadership is not None:
            await self._leadership.leading.wait()

    def _notice(self, key: Key) -> None:
        self.queue.add(key, _DEBOUNCE_SECONDS)

    def _answered(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.queue.add(key)

    def _forget(self, key: Key) -> None:
        for each in (self._references, self._tokens, self._gateway, self._pods, self.telemetry):
            each.forget(key)

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        task.add_done_callback(_end_if_broken)
        self._tasks.append(task)


def _end_if_broken(task: asyncio.Task[None]) -> None:
    """End the process when a task that should run for ever does not: it is started anew, and that costs nothing."""
    if not task.cancelled():
        logger.critical("the operator ends, because a task of it did", exc_info=task.exception())
        os.kill(os.getpid(), signal.SIGTERM)
