"""What Prometheus reads."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The chatbot's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "chatassistant_chatbot_requests",
            "Requests by route and HTTP status.",
            ("route", "status"),
            registry=self._registry,
        )
        self.first_byte = Histogram(
            "chatassistant_chatbot_first_byte_seconds",
            "Seconds from a completion's request to the first byte of its answer.",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.running = Gauge(
            "chatassistant_chatbot_running_requests",
            "Completions that are being answered.",
            registry=self._registry,
        )
        self.gateway_errors = Counter(
            "chatassistant_chatbot_gateway_errors",
            "What the gateway did not answer, by the status that stands for it.",
            ("status",),
            registry=self._registry,
        )
        self.hang_ups = Counter(
            "chatassistant_chatbot_hang_ups",
            "Callers that went away before the end of their answer.",
            registry=self._registry,
        )

    def render(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
