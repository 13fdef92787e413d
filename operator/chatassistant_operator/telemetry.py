"""What Prometheus and the kubelet read of the operator: metrics, and whether its caches are filled."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chatassistant_operator.api.v1alpha1 import Status
from chatassistant_operator.observed.gateway import KeyAccepted
from chatassistant_operator.ports import Key

_PREFIX: Final = "chatassistant_operator"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class State:
    """What is read at the moment of a scrape.

    Attributes:
        queue_depth: How many ChatAssistants could be worked on now.
        queue_age: For how many seconds the one that waits the longest has been due.
        watch_ages: Seconds since each watch was told something, by (resource, namespace).
        leading: Whether this operator writes.
        down: Whether each gateway is left alone because it is down, by its base URL.
        keys: What each accepted key has left, and the ChatAssistants that use it.
    """

    queue_depth: int
    queue_age: float
    watch_ages: Mapping[tuple[str, str], float]
    leading: bool
    down: Mapping[str, bool]
    keys: Iterable[tuple[KeyAccepted, frozenset[Key]]]


class Telemetry:
    """Counts what happens, and tells.

    Args:
        state: Gives what is read at the moment of a scrape; None before the caches are filled.
    """

    def __init__(self, state: Callable[[], State | None]) -> None:
        self._state = state
        self._registry = CollectorRegistry()
        self._conditions: dict[Key, tuple[tuple[str, str, str], ...]] = {}
        self.reconciles = Counter(
            f"{_PREFIX}_reconciles", "Reconciles by result.", ("result",), registry=self._registry
        )
        self.reconcile_seconds = Histogram(
            f"{_PREFIX}_reconcile_seconds",
            "How long a reconcile takes.",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._requests = Counter(
            f"{_PREFIX}_kubernetes_requests",
            "Requests to the API server by method, resource and HTTP status (0 for no answer).",
            ("method", "resource", "code"),
            registry=self._registry,
        )
        self._writes = Counter(
            f"{_PREFIX}_writes",
            "Writes to the API server by resource and result.",
            ("resource", "result"),
            registry=self._registry,
        )
        self._gateway_requests = Counter(
            f"{_PREFIX}_gateway_requests",
            "Requests to gateways by route and result, an HTTP status or unreachable.",
            ("route", "result"),
            registry=self._registry,
        )
        self._registry.register(_Gauges(state, self._conditions))

    def count_request(self, method: str, resource: str, code: int, _: float) -> None:
        """A request to the API server has ended."""
        self._requests.labels(method, resource, str(code)).inc()
        if method in _WRITES:
            result = "ok" if 200 <= code < 300 else "conflict" if code == 409 else "failed"  # noqa: PLR2004 (HTTP's own)
            self._writes.labels(resource, result).inc()

    def count_gateway_request(self, route: str, result: str) -> None:
        """A request to a gateway has ended."""
        self._gateway_requests.labels(route, result).inc()

    def tell_status(self, key: Key, status: Status) -> None:
        """A ChatAssistant has this status."""
        self._conditions[key] = tuple((each.type, each.status, each.reason) for each in status.conditions)

    def forget(self, key: Key) -> None:
        """A ChatAssistant is gone."""
        self._conditions.pop(key, None)

    async def serve(self, host: str, port: int) -> web.AppRunner:
        """Serve `/metrics` and `/readyz`; whoever calls this cleans the runner up."""
        application = web.Application()
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/readyz", self._readyz)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner

    async def _metrics(self, _: web.Request) -> web.Response:
        text = generate_latest(self._registry)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _readyz(self, _: web.Request) -> web.Response:
        """Whether the caches are filled: a standby is ready, too."""
        ready = self._state() is not None
        return web.json_response({"status": "ok" if ready else "starting"}, status=200 if ready else 503)


class _Gauges(Collector):
    """What is read, and not counted."""

    def __init__(
        self, state: Callable[[], State | None], conditions: Mapping[Key, tuple[tuple[str, str, str], ...]]
    ) -> None:
        self._state = state
        self._conditions = conditions

    def collect(self) -> Iterator[GaugeMetricFamily]:
        state = self._state()
        if state is None:
            return
        yield _gauge("queue_depth", "ChatAssistants that could be worked on now.", {(): state.queue_depth})
        yield _gauge(
            "queue_oldest_age_seconds", "How long the first of them has waited.", {(): state.queue_age}
        )
        yield _gauge("leading", "Whether this operator writes.", {(): float(state.leading)})
        yield _gauge(
            "watch_age_seconds",
            "Seconds since a watch was told something; a bookmark comes each minute.",
            state.watch_ages,
            ("resource", "namespace"),
        )
        down = {(base_url,): float(is_down) for base_url, is_down in state.down.items()}
        yield _gauge(
            "gateway_down", "Whether a gateway is left alone because it is down.", down, ("gateway",)
        )
        yield self._verdicts()
        yield from _keys(state.keys)

    def _verdicts(self) -> GaugeMetricFamily:
        counts: dict[tuple[str, str, str], float] = {}
        for conditions in list(self._conditions.values()):
            for condition in conditions:
                counts[condition] = counts.get(condition, 0) + 1
        labels = ("type", "status", "reason")
        return _gauge("conditions", "ChatAssistants by condition, status and reason.", counts, labels)


def _keys(keys: Iterable[tuple[KeyAccepted, frozenset[Key]]]) -> Iterator[GaugeMetricFamily]:
    left: dict[tuple[str, ...], float] = {}
    requests: dict[tuple[str, ...], float] = {}
    ends: dict[tuple[str, ...], float] = {}
    for accepted, assistants in keys:
        for key in assistants:
            if accepted.limit_remaining is not None:
                left[key] = float(accepted.limit_remaining)
            if accepted.free_requests_remaining is not None:
                requests[key] = accepted.free_requests_remaining
            if accepted.expires_at is not None:
                ends[key] = accepted.expires_at.timestamp()
    labels = ("namespace", "name")
    yield _gauge("key_credits_remaining_usd", "What the key's limit has left.", left, labels)
    yield _gauge("key_free_requests_remaining", "The account's free requests left today.", requests, labels)
    yield _gauge("key_expiry_timestamp_seconds", "When the key ends.", ends, labels)


def _gauge(
    name: str, meaning: str, samples: Mapping[Any, float], labels: tuple[str, ...] = ()
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", meaning, labels=labels)
    for values, sample in samples.items():
        family.add_metric(list(values), sample)
    return family
