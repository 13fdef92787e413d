"""OpenTelemetry traces: a span for each turn, and below it one for each question to the gateway and each tool.

Names and attributes are those of the semantic conventions for generative AI. No word of a user's or of an answer is in
them. Without an `otlpEndpoint` nothing is imported and nothing is done.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp

from chatassistant_chatbot.addresses import Reach, guarded_connector

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

logger = logging.getLogger(__name__)

Value = str | int | float | bool | Sequence[str]
_SEND_SECONDS: Final = 10.0


class Span(Protocol):
    """A stretch of work."""

    def child(self, name: str, attributes: Mapping[str, Value]) -> "Span":
        """A stretch of work below this one, which begins now."""
        ...

    def end(self, attributes: Mapping[str, Value], error: str | None = None) -> None:
        """It is over; `error` is a fixed word for what went wrong."""
        ...


class NoSpan:
    """Of work that nobody traces."""

    def child(self, name: str, attributes: Mapping[str, Value]) -> Span:  # noqa: ARG002 (as the protocol has it)
        """The same again."""
        return self

    def end(self, attributes: Mapping[str, Value], error: str | None = None) -> None:
        """Nothing."""


class Tracing(Protocol):
    """Begins spans."""

    def begin(self, name: str, traceparent: str | None, attributes: Mapping[str, Value]) -> Span:
        """A span, below the caller's own when `traceparent` (W3C Trace Context) names one."""
        ...

    async def close(self) -> None:
        """Send what is left."""
        ...


class NoTracing:
    """Where nobody asked for traces."""

    def begin(self, name: str, traceparent: str | None, attributes: Mapping[str, Value]) -> Span:  # noqa: ARG002
        """Nothing."""
        return NO_SPAN

    async def close(self) -> None:
        """Nothing."""


NO_SPAN: Final = NoSpan()


def tracing(endpoint: str | None, assistant: tuple[str, str], reach: Reach) -> Tracing:
    """Traces of an assistant (namespace, name), sent to an OTLP endpoint over HTTP, none when there is none."""
    return NoTracing() if endpoint is None else _Otlp(endpoint, assistant, reach)


class _Otlp:
    """Spans are kept in batches and sent by a thread of the SDK's, which hands them to the event loop."""

    def __init__(self, endpoint: str, assistant: tuple[str, str], reach: Reach) -> None:
        # 25 MB and a tenth of a second, for those who ask for it.
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        namespace, name = assistant
        resource = Resource.create(
            {
                "service.name": name,
                "service.namespace": namespace,
                "service.version": version("chatassistant"),
            }
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._exporter = _exporter(f"{endpoint.rstrip('/')}/v1/traces", reach)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("chatassistant_chatbot", version("chatassistant"))

    def begin(self, name: str, traceparent: str | None, attributes: Mapping[str, Value]) -> Span:
        """A span, below the caller's own when there is one."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        carrier = {"traceparent": traceparent} if traceparent else {}
        context = TraceContextTextMapPropagator().extract(carrier)
        span = self._tracer.start_span(name, context, SpanKind.SERVER, dict(attributes))
        return _Recorded(self._tracer, span)

    async def close(self) -> None:
        """Send what is left."""
        await asyncio.to_thread(self._provider.shutdown)
        await self._exporter.close()


class _Recorded:
    """A span of the SDK's."""

    def __init__(self, tracer: Any, span: Any) -> None:
        self._tracer = tracer
        self._span = span

    def child(self, name: str, attributes: Mapping[str, Value]) -> Span:
        """A span below this one."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        context = set_span_in_context(self._span)
        return _Recorded(
            self._tracer, self._tracer.start_span(name, context, SpanKind.CLIENT, dict(attributes))
        )

    def end(self, attributes: Mapping[str, Value], error: str | None = None) -> None:
        """It is over."""
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        self._span.set_attributes(dict(attributes))
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _exporter(url: str, reach: Reach) -> Any:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult  # noqa: PLC0415

    class Exporter(SpanExporter):
        """Sends spans with our own client, which judges the address that the author of the spec chose."""

        def __init__(self) -> None:
            self._loop = asyncio.get_running_loop()
            self._session = aiohttp.ClientSession(
                connector=guarded_connector(reach),
                timeout=aiohttp.ClientTimeout(total=_SEND_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )

        def export(self, spans: Sequence["ReadableSpan"]) -> SpanExportResult:
            """Send them; called by the SDK's thread."""
            content = encode_spans(spans).SerializeToString()
            sending = asyncio.run_coroutine_threadsafe(self._send(content), self._loop)
            try:
                sent = sending.result(_SEND_SECONDS + 1)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                logger.warning("traces were not sent (%s)", type(error).__name__)
                return SpanExportResult.FAILURE
            return SpanExportResult.SUCCESS if sent else SpanExportResult.FAILURE

        async def close(self) -> None:
            """Close the connections."""
            await self._session.close()

        async def _send(self, content: bytes) -> bool:
            headers = {"Content-Type": "application/x-protobuf"}
            async with self._session.post(
                url, data=content, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status >= 300:  # noqa: PLR2004 (HTTP's own)
                    logger.warning("traces were not taken (%s)", answer.status)
                return answer.status < 300  # noqa: PLR2004

    return Exporter()
