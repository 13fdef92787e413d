"""OpenRouter's errors as it words them."""

from typing import Any

from aiohttp import web


class Refusal(Exception):  # noqa: N818 (an answer, not a failure)
    """An answer in the form of OpenRouter's errors."""

    def __init__(self, status: int, message: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"error": {"message": message, "code": status}}
        if metadata:
            self.body["error"]["metadata"] = metadata

    def response(self) -> web.Response:
        """The HTTP response."""
        return web.json_response(self.body, status=self.status)


def no_key() -> Refusal:
    """No or an empty Authorization header (OpenRouter's schema, its example)."""
    return Refusal(401, "Missing Authentication header")


def foreign_key() -> Refusal:
    """A value that is no OpenRouter key (mims-harvard/Medea#1)."""
    return Refusal(401, "No cookie auth credentials found")


def unknown_key() -> Refusal:
    """A deleted, expired or unknown key (apurvsinghgautam/robin#103)."""
    return Refusal(401, "User not found.")


def management_only() -> Refusal:
    """`/credits` with an ordinary key (OpenRouter's guide on management keys)."""
    return Refusal(403, "Only management keys can perform this operation")


def no_credit() -> Refusal:
    """The account has no credit (OpenRouter's error documentation)."""
    return Refusal(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits")


def limit_reached() -> Refusal:
    """The key's own limit is used up (gptme/gptme#1449)."""
    return Refusal(
        403, "Key limit exceeded (monthly limit). Manage it using https://openrouter.ai/settings/keys"
    )


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
