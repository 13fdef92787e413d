"""OpenRouter's errors as it words them; each names the page or the public report that its text is from.

The ones without arguments are in `NAMED`, and a fault can bring each of them about at any time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

_UNPAID_REQUESTS: Final = 50
"""What an account has a day that never bought 10 credits."""


class Refusal(Exception):  # noqa: N818 (an answer, not a failure)
    """An answer in the form of OpenRouter's errors."""

    def __init__(
        self,
        status: int,
        message: str,
        metadata: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"error": {"message": message, "code": status}}
        if metadata:
            self.body["error"]["metadata"] = dict(metadata)

    def response(self) -> web.Response:
        """The HTTP response."""
        return web.json_response(self.body, status=self.status, headers=self.headers)


def no_key() -> Refusal:
    """No or an empty Authorization header (the example in OpenRouter's schema, August 2026)."""
    return Refusal(401, "Missing Authentication header")


def foreign_key() -> Refusal:
    """A value that is no OpenRouter key (mims-harvard/Medea#1)."""
    return Refusal(401, "No cookie auth credentials found")


def unknown_key() -> Refusal:
    """A deleted, expired or unknown key (apurvsinghgautam/robin#103, OpenRouterTeam/docs#5).

    In the outage of 19 February 2026 valid keys got the same (anomalyco/opencode#14252).
    """
    return Refusal(401, "User not found.")


def management_only() -> Refusal:
    """`/credits` with an ordinary key (OpenRouter's guide on management keys)."""
    return Refusal(403, "Only management keys can perform this operation")


def no_credit() -> Refusal:
    """The account has no credit; free models answer so too (OpenRouter's limits page, August 2026)."""
    return Refusal(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits")


def too_many_tokens() -> Refusal:
    """Less credit than `max_tokens` may cost; without one the model's maximum counts (can1357/oh-my-pi#9569)."""
    return Refusal(
        402,
        "This request requires more credits, or fewer max_tokens. You requested up to 32768 tokens, but can only "
        "afford 512. To increase, visit https://openrouter.ai/settings/credits",
    )


def in_flight_budget() -> Refusal:
    """The only 402 that passes by itself: other requests hold the credit (OpenRouter's limits page, 2026)."""
    metadata = {"limit_source": "openrouter_in_flight_budget"}
    return Refusal(402, "Too many requests in flight for your credit", metadata, {"Retry-After": "1"})


def limit_reached(reset: str | None = "monthly") -> Refusal:
    """The key's own limit is used up; one that is never filled up is a total one (MCPJam/inspector#1287)."""
    return Refusal(
        403,
        f"Key limit exceeded ({reset or 'total'} limit). Manage it using https://openrouter.ai/settings/keys",
    )


def moderation() -> Refusal:
    """A provider's moderation flagged the input (OpenRouter's errors page, August 2026)."""
    metadata = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "Stand-in", "model_slug": "m"}
    return Refusal(403, "Your input was flagged by moderation", metadata)


def invalid_model(name: str) -> Refusal:
    """No such model (sipeed/picoclaw#1790)."""
    return Refusal(400, f"{name} is not a valid model ID")


def no_endpoints(name: str) -> Refusal:
    """A model that is gone (stepfun-ai/Step-3.5-Flash#45)."""
    return Refusal(404, f"No endpoints found for {name}.")


def free_variant_ended(paid: str) -> Refusal:
    """A free variant that is gone while the paid one lives (sepandhaghighi/mytext#111)."""
    return Refusal(
        404,
        "This model is unavailable for free. The paid version is available now - use this slug instead: "
        + paid,
    )


def no_tools() -> Refusal:
    """A model that cannot call tools (dnakov/anon-kode#2)."""
    return Refusal(
        404,
        "No endpoints found that support tool use. To learn more about provider routing, visit: "
        "https://openrouter.ai/docs/provider-routing",
    )


def no_tool_choice() -> Refusal:
    """No endpoint honours the request's `tool_choice` (zed-industries/zed#36094)."""
    return Refusal(
        404,
        "No endpoints found that support the provided 'tool_choice' value. To learn more about provider routing, "
        "visit: https://openrouter.ai/docs/provider-routing",
    )


def no_parameters() -> Refusal:
    """`require_parameters`, and no endpoint honours all of them (openstory-so/openstory#1302)."""
    return Refusal(
        404,
        "No endpoints found that can handle the requested parameters. To learn more about provider routing, "
        "visit: https://openrouter.ai/docs/guides/routing/provider-selection",
    )


def no_allowed_providers(available: list[str], requested: list[str]) -> Refusal:
    """The preferences `only` and `ignore` leave nobody (agent0ai/agent-zero#1255)."""
    return Refusal(
        404,
        "No allowed providers are available for the selected model.",
        {"available_providers": available, "requested_providers": requested},
    )


def data_policy() -> Refusal:
    """The account's guardrails or data policy leave no endpoint (truefoundry/models#826)."""
    return Refusal(
        404,
        "No endpoints available matching your guardrail restrictions and data policy. Configure: "
        "https://openrouter.ai/settings/privacy",
    )


def free_models_per_day(limit: int = _UNPAID_REQUESTS) -> Refusal:
    """The day's free requests are used up, until 00:00 UTC (OpenRouter's limits page; captures of 2026)."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return _free_models("free-models-per-day", "daily", limit, tomorrow)


def free_models_per_minute() -> Refusal:
    """The free tier's minute is used up (OpenRouter's limits page; captures of 2026)."""
    return _free_models("free-models-per-min", "minute", 20, datetime.now(UTC) + timedelta(minutes=1))


def _free_models(name: str, span: str, limit: int, reset: datetime) -> Refusal:
    """Usually with no Retry-After; the reset is told in epoch milliseconds, in headers and in the body."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(reset.timestamp() * 1000)),
    }
    buys = span == "daily" and limit == _UNPAID_REQUESTS
    advice = " Add 10 credits to unlock 1000 free model requests per day" if buys else ""
    metadata = {
        "headers": headers,
        "limit_source": f"openrouter_free_tier_{span}",
        "provider_name": None,
    }
    return Refusal(429, f"Rate limit exceeded: {name}.{advice}", metadata, headers)


def upstream_rate_limit() -> Refusal:
    """A provider's limit; what to tell is in `raw` (open-webui/computer#293)."""
    metadata = {
        "raw": "The model is temporarily rate-limited upstream. Please retry shortly.",
        "provider_name": "Stand-in",
        "limit_source": "upstream_provider_shared_pool",
    }
    return Refusal(429, "Provider returned error", metadata)


def _plain(status: int, message: str, error_type: str) -> Callable[[], Refusal]:
    """An error of OpenRouter's errors page of August 2026; only its status and type are sure."""
    return lambda: Refusal(status, message, {"error_type": error_type})


NAMED: Final[Mapping[str, Callable[[], Refusal]]] = {
    "unknown_key": unknown_key,
    "no_credit": no_credit,
    "too_many_tokens": too_many_tokens,
    "in_flight_budget": in_flight_budget,
    "limit_reached": limit_reached,
    "moderation": moderation,
    "no_tools": no_tools,
    "no_tool_choice": no_tool_choice,
    "no_parameters": no_parameters,
    "data_policy": data_policy,
    "timeout": _plain(408, "Request timed out", "timeout"),
    "too_large": _plain(413, "Request body too large", "payload_too_large"),
    "unprocessable": _plain(422, "Request cannot be processed", "unprocessable"),
    "free_models_per_day": free_models_per_day,
    "free_models_per_minute": free_models_per_minute,
    "upstream_rate_limit": upstream_rate_limit,
    "internal": _plain(500, "Internal Server Error", "server"),
    "bad_gateway": _plain(502, "Provider returned error", "provider_unavailable"),
    "unavailable": _plain(503, "No provider is available", "provider_overloaded"),
    "gateway_timeout": _plain(504, "Provider timed out", "timeout"),
    "edge_timeout": _plain(524, "A timeout occurred", "timeout"),
    "overloaded": _plain(529, "Provider is overloaded", "provider_overloaded"),
}


def for_status(status: int) -> Refusal:
    """The first of the named errors with that status, or a bare one."""
    named = (build() for build in NAMED.values())
    return next((error for error in named if error.status == status), Refusal(status, f"HTTP {status}"))
