"""The process: two listeners in one event loop, from the first byte to a quiet end."""

import asyncio
import errno
import gc
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from chatassistant_chatbot.access import Access
from chatassistant_chatbot.accounting import Accounting
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.app import chat_app
from chatassistant_chatbot.cache.answers import AnswerCache
from chatassistant_chatbot.cache.faq import Faq
from chatassistant_chatbot.conversations import Conversations
from chatassistant_chatbot.credentials import Credential, follow
from chatassistant_chatbot.deps import Deps
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.http_protocol import HttpProtocol
from chatassistant_chatbot.limits.budget import Budget
from chatassistant_chatbot.limits.queue import Queue
from chatassistant_chatbot.limits.rate import RateLimiter
from chatassistant_chatbot.metrics import Metrics
from chatassistant_chatbot.routes.health import health_app
from chatassistant_chatbot.settings import Settings
from chatassistant_chatbot.settings.configuration import RateLimit
from chatassistant_chatbot.store import opened
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.termination import StartError, Termination
from chatassistant_chatbot.tools.servers import ToolServers
from chatassistant_chatbot.tracing import tracing
from chatassistant_chatbot.unsaid import Unsaid

logger = logging.getLogger(__name__)

# Longer than proxies keep an idle connection (nginx: 60 s), so that they close it first and none sends into a closed one.
_KEEP_ALIVE_SECONDS = 75
# A minute from one address, behind which a whole office may be. Anybody may ask, so it fills no store that is shared.
_SIGN_INS = RateLimit(requests=60)
_AFTER_A_DEFECT_SECONDS = 5


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to us: there are two of them in this process."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM, then until running answers have ended.

    Raises:
        StartError: when a port cannot be listened on.
    """
    process = settings.process
    chat_socket = _listen(process.host, process.port, "PORT")
    health_socket = _listen(process.host, process.metrics_port, "METRICS_PORT")
    async with _shared(settings) as shared:
        chat = _server(chat_app(shared), process.drain_seconds)
        health = _server(health_app(shared), 1.0)

        def drain() -> None:
            shared.draining = True
            chat.should_exit = True

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, drain)
        logger.info(
            "serving",
            extra={
                "assistant": settings.configuration.name,
                "model": settings.configuration.model.name,
                "gateway": settings.configuration.gateway.base_url,
                "port": chat_socket.getsockname()[1],
                "metrics_port": health_socket.getsockname()[1],
            },
        )
        _spare_what_stays()
        probes = asyncio.create_task(health.serve(sockets=[health_socket]))
        await chat.serve(sockets=[chat_socket])
        # Probes are answered to the end, so that nobody takes a draining pod for a dead one.
        health.should_exit = True
        await probes
        logger.info("ended")


@asynccontextmanager
async def _shared(settings: Settings) -> AsyncGenerator[Deps, None]:
    """What all requests share, and what runs beside them."""
    configuration, key_file, metrics = settings.configuration, settings.api_key_file, Metrics()
    endpoints = Endpoints(configuration.namespace, settings.allowed_endpoints)
    credential = Credential(settings.api_key)
    tools = ToolServers(configuration.tools.mcp_servers, settings.header_values, endpoints)
    access = Access(settings, endpoints)
    otlp = configuration.observability.otlp_endpoint
    traces = tracing(otlp, (configuration.namespace, configuration.name), endpoints.reach(otlp or ""))
    async with AsyncExitStack() as open_until_the_end:
        store = await open_until_the_end.enter_async_context(opened(settings))
        gateway = await open_until_the_end.enter_async_context(
            GatewayClient(configuration.gateway, credential)
        )
        gateway.observe = metrics.exchanged
        accounting = Accounting(gateway, metrics)
        beside = [tools.keep, access.keep]
        if key_file is not None:
            beside.append(lambda: follow(key_file, credential, gateway))
        open_until_the_end.push_async_callback(_end, [asyncio.create_task(_kept_up(work)) for work in beside])
        open_until_the_end.push_async_callback(accounting.close)
        open_until_the_end.push_async_callback(traces.close)
        shared = Deps(
            settings=settings,
            access=access,
            store=store,
            faq=Faq(configuration.faq),
            rate_limiter=RateLimiter(configuration.rate_limit, store),
            # One without a completion is good for nothing, so as many as those are plenty.
            conversation_rate=RateLimiter(configuration.rate_limit, store, "conversations"),
            sign_in_rate=RateLimiter(_SIGN_INS, Memory(1), "sign-ins"),
            answers=AnswerCache(configuration, store),
            conversations=Conversations(store),
            unsaid=Unsaid(store),
            budget=Budget(configuration, store),
            queue=Queue(configuration.limits),
            credential=credential,
            gateway=gateway,
            tools=tools,
            accounting=accounting,
            tracing=traces,
            metrics=metrics,
        )
        shared.watch()
        yield shared


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Do it, and again after a defect, which is no reason to leave callers without answers."""
    while True:
        try:
            return await work()
        except Exception:
            logger.exception("something in the background failed by a defect")
        await asyncio.sleep(_AFTER_A_DEFECT_SECONDS)


def _spare_what_stays() -> None:
    """Let the garbage collector look at what requests make, and not at each module again: 5% of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _server(app: ASGIApp, drain_seconds: float) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            loop="none",
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Whose X-Forwarded-For is believed is decided in access/, of whom uvicorn knows nothing.
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
    )


def _listen(host: str, port: int, variable: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise StartError(
            Termination.ADDRESS_IN_USE if taken else Termination.CONFIGURATION_INVALID,
            f"{variable}: {host}:{port} cannot be listened on ({error.strerror}); "
            f"set HOST to an address of this machine and {variable} to a free port.",
        ) from None
