"""The Kopf edge: events in, nothing else.

Only `on.event` is registered of what handles objects: create, update and resume handlers write annotations and
finalizers into people's objects, write everything again on a restart, and lose what happened in a watch's gap.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import kopf

from chatassistant_operator.api import names


class Operator(Protocol):
    """What the events go to."""

    def login(self) -> kopf.AiohttpSession:
        """Kopf's own connection to the API server."""
        ...

    async def start(self) -> None:
        """Begin to work; raises `kopf.PermanentError` with a message for people when that is impossible."""
        ...

    async def stop(self) -> None:
        """Stop working."""
        ...

    def observe(self, event_type: str | None, body: Mapping[str, Any]) -> None:
        """A ChatAssistant was listed (no type), added, modified or deleted."""
        ...

    def check_health(self) -> Mapping[str, float]:
        """Raises when this process should be started anew; gives what the health endpoint shows."""
        ...


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Have Kopf tell the operator of ChatAssistants."""

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.AiohttpSession:
        return operator.login()

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: object) -> None:
        _configure(settings)
        asyncio.get_running_loop().set_exception_handler(_tell)
        await operator.start()

    @kopf.on.cleanup(registry=registry)
    async def cleanup(**_: object) -> None:
        await operator.stop()

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def changed(event: Mapping[str, Any], **_: object) -> None:
        operator.observe(event["type"], event["object"])

    # A probe that raises is tried again for a minute by default, and the kubelet waits.
    @kopf.on.probe(id="engine", errors=kopf.ErrorsMode.PERMANENT, registry=registry)
    async def healthy(**_: object) -> Mapping[str, float]:
        return operator.check_health()


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody awaits, but for Kopf's watches at the end: some are closed while they run, and nothing is lost."""
    if "asyncgen" not in context:
        loop.default_exception_handler(context)


def _configure(settings: kopf.OperatorSettings) -> None:
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    # A task stands by for each object that had an event, for so long.
    settings.queueing.idle_timeout = 0.2
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = _Endless()
    settings.networking.enforce_retry_after = True
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()


class _Endless(Iterable[float]):
    """Pauses without end: by default Kopf ends the operator when the API server is away for a minute."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.5, 1.0, 2.0, 4.0)
        while True:
            yield 8.0


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps nothing on people's objects."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """Keeps nothing on people's objects."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence
