"""What Prometheus reads."""

from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from chatassistant_chatbot.gateway.exchange import Exchange
from chatassistant_chatbot.limits.budget import Spent

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_PREFIX: Final = "chatassistant_chatbot_"


class Metrics:
    """The chatbot's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests by route and HTTP status.", "route", "status")
        self.first_byte = self._histogram(
            "first_byte_seconds", "Seconds from a completion's request to the first byte of its answer."
        )
        self.between_events = self._histogram(
            "between_events_seconds", "Mean seconds between two events of a stream, once for each stream."
        )
        self.running = Gauge(
            f"{_PREFIX}running_requests",
            "Completions that are being answered.",
            registry=self._registry,
        )
        self.gateway_errors = self._counter(
            "gateway_errors", "What the gateway did not answer, by the status that stands for it.", "status"
        )
        self.gateway_retries = Counter(
            f"{_PREFIX}gateway_retries",
            "Requests to the gateway that were made again after one that failed.",
            registry=self._registry,
        )
        self.hang_ups = Counter(
            f"{_PREFIX}hang_ups",
            "Callers that went away before the end of their answer.",
            registry=self._registry,
        )
        self.cache = self._counter(
            "cache_lookups", "Answers by where they came from: hit, miss, bypass, faq.", "result"
        )
        self.errors = self._counter(
            "errors", "Completions without an answer, by the code that the caller was told.", "code"
        )
        self.tokens = self._counter("tokens", "Tokens, as the gateway counts them.", "model", "kind")
        self.cost = self._counter("cost_usd", "What was spent, in USD, as the gateway says.", "model")
        self.saved = self._counter(
            "saved_usd", "What answers from the cache had cost when they were fresh, in USD.", "model"
        )
        self._today = Gauge(
            f"{_PREFIX}today_usd",
            "What the day (UTC) has cost so far, reservations of abandoned answers included; of all replicas, where "
            "they share a store.",
            ("model",),
            registry=self._registry,
        )
        self.tool_calls = self._counter(
            "tool_calls", "Calls of tools by what came of them.", "server", "result"
        )
        self.tool_seconds = self._histogram("tool_call_seconds", "Seconds that a tool took.", "server")

    def took(self, model: str, prompt_tokens: int, completion_tokens: int, cost: float | None) -> None:
        """Count what a turn took."""
        self.tokens(model, "prompt").inc(prompt_tokens)
        self.tokens(model, "completion").inc(completion_tokens)
        if cost:
            self.cost(model).inc(cost)

    def hit(self, model: str, cost: float) -> None:
        """Count an answer from the cache, and what it had cost when it was fresh, in USD."""
        self.cache("hit").inc()
        if cost:
            self.saved(model).inc(cost)

    def exchanged(self, exchange: Exchange) -> None:
        """Count a request to the gateway."""
        if exchange.retries:
            self.gateway_retries.inc()

    def spent(self, spent: Spent) -> None:
        """Show what the day has cost."""
        self._today.clear()
        for model, usage in spent.today.models.items():
            self._today.labels(model).set(usage.nanos / 1e9)

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """A gauge whose value is asked for when it is read."""
        gauge = Gauge(f"{_PREFIX}{name}", help_text, registry=self._registry)
        gauge.set_function(value)

    def render(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Callable[..., Counter]:
        """A counter for each set of labels; the library itself takes longer to find one than to count."""
        return cache(Counter(f"{_PREFIX}{name}", help_text, labels, registry=self._registry).labels)

    def _histogram(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}{name}", help_text, labels, registry=self._registry, buckets=_SECONDS)
