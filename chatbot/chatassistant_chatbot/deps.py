"""What every request shares: made once, at the start."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection

from chatassistant_chatbot.access import Access
from chatassistant_chatbot.accounting import Accounting
from chatassistant_chatbot.cache.answers import AnswerCache
from chatassistant_chatbot.cache.faq import Faq
from chatassistant_chatbot.conversations import Conversations
from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.hang_up import Callers
from chatassistant_chatbot.limits.budget import Budget
from chatassistant_chatbot.limits.queue import Queue
from chatassistant_chatbot.limits.rate import RateLimiter
from chatassistant_chatbot.metrics import Metrics
from chatassistant_chatbot.settings import Settings
from chatassistant_chatbot.store import Store
from chatassistant_chatbot.tools.servers import ToolServers
from chatassistant_chatbot.tracing import Tracing
from chatassistant_chatbot.unsaid import Unsaid


@dataclass
class Deps:
    """All that a request goes through, and whether the process is about to end."""

    settings: Settings
    access: Access
    store: Store
    faq: Faq
    rate_limiter: RateLimiter
    conversation_rate: RateLimiter
    sign_in_rate: RateLimiter
    answers: AnswerCache
    conversations: Conversations
    unsaid: Unsaid
    budget: Budget
    queue: Queue
    credential: Credential
    gateway: GatewayClient
    tools: ToolServers
    accounting: Accounting
    tracing: Tracing
    metrics: Metrics
    callers: Callers = field(default_factory=Callers)
    draining: bool = False

    def watch(self) -> None:
        """Let the metrics show what is asked for only when somebody reads them."""
        watch = self.metrics.watch
        watch("queue_running", "Requests that are with the gateway.", lambda: self.queue.running)
        watch("queue_waiting", "Requests that wait for their turn.", lambda: self.queue.waiting)
        watch(
            "breaker_open", "Whether the gateway is left alone: 1 or 0.", lambda: self.gateway.breaker.is_open
        )
        watch(
            "store_degraded",
            "Whether limits are this process's own although they should be shared: 1 or 0.",
            lambda: self.store.state != "ok",
        )

    def detail(self) -> dict[str, str]:
        """How the parts are on which requests depend, and without which they go on."""
        return {"store": self.store.state, "gateway": "open" if self.gateway.breaker.is_open else "ok"}


def deps(connection: HTTPConnection) -> Deps:
    """What the application was made with."""
    return cast("Deps", connection.app.state.deps)
