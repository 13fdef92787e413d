"""What `/openapi.json` says beyond the handlers' own types: who may ask, which errors there are, and with which headers."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from chatassistant_chatbot.errors import ErrorBody
from chatassistant_chatbot.settings.configuration import Access

_JSON: Final = "application/json"
_EVERYWHERE: Final = (400, 403, 500)
_UNAUTHORIZED: Final = 401
_DESCRIPTIONS: Final = {
    400: "The request is none that can be answered, or asks for what the assistant decides.",
    401: "The access token is missing, or is not a good one.",
    403: "A page of another site asks, or by a name that is not the assistant's; or the content is refused.",
    404: "There is nothing of this name.",
    413: "The request is too large.",
    415: "The request's content type is another one than application/json.",
    429: "The rate limit or the budget is used up.",
    500: "The assistant has a defect.",
    502: "The gateway gave no answer that can be used.",
    503: "The assistant or its gateway cannot answer now.",
    504: "The gateway did not answer in time.",
}
_REQUEST_ID: Final = {
    "X-Request-Id": {
        "description": "The caller's, or one that was made; log lines have it too.",
        "required": True,
        "schema": {"type": "string"},
    }
}
_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "In seconds, when it is known.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_CHALLENGE: Final = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "401": _CHALLENGE,
    **dict.fromkeys(("429", "502", "503", "504"), _RETRY_AFTER),
}


class AnswerMessage(BaseModel):
    """What the model says; `tool_calls` are those of the caller's own tools."""

    model_config = ConfigDict(extra="allow")

    role: Literal["assistant"]
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class Choice(BaseModel):
    """The one answer."""

    model_config = ConfigDict(extra="allow")

    index: int
    message: AnswerMessage
    finish_reason: str | None


class Completion(BaseModel):
    """An answer, as the gateway gave it; `usage` is the sum over all rounds of tool calls."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: dict[str, Any] | None = None


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, with those that every route has."""
    return {
        status: {"model": ErrorBody, "description": _DESCRIPTIONS[status]}
        for status in sorted({*_EVERYWHERE, *statuses})
    }


def complete(document: dict[str, Any], access: Access) -> None:
    """Add what holds for every route."""
    schemas, scheme = document["components"]["schemas"], _scheme(access)
    # FastAPI's, for arguments of handlers: ours are texts, which any text is.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if scheme is not None:
        document["components"]["securitySchemes"] = {access.mode: scheme}
        document["security"] = [{access.mode: []}]
    refusals = {"Token": (_UNAUTHORIZED,), "OIDC": (_UNAUTHORIZED, 503)}.get(access.mode, ())
    for operation in (each for path in document["paths"].values() for each in path.values()):
        responses: dict[str, Any] = operation["responses"]
        responses.pop("422", None)
        for refusal in refusals:
            responses.setdefault(str(refusal), _error(refusal))
        for status, response in responses.items():
            response["headers"] = {**response.get("headers", {}), **_REQUEST_ID, **_HEADERS.get(status, {})}


def _error(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}
    return {"description": _DESCRIPTIONS[status], "content": {_JSON: {"schema": schema}}}


def _scheme(access: Access) -> dict[str, str] | None:
    """How a caller shows who it is."""
    if access.mode == "OIDC" and access.oidc is not None:
        where = f"{access.oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
        return {"type": "openIdConnect", "openIdConnectUrl": where}
    return {"type": "http", "scheme": "bearer"} if access.mode == "Token" else None
