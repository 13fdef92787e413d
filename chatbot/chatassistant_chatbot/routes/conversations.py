"""`/v1/conversations`: what the caller has said before, as OpenAI's API of the same name has it.

Beyond that, conversations have a `title` and `updated_at`, can be listed, and are read with their `messages`.
"""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatassistant_chatbot import store
from chatassistant_chatbot.deps import Deps, deps
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.requests import read_json_body
from chatassistant_chatbot.routes.document import errors

router = APIRouter(tags=["conversations"])

_MOST_LISTED: Final = 100
_USUALLY_LISTED: Final = 20


class Change(BaseModel):
    """What a caller may say of a conversation: everything may be left out, and what is unknown is ignored."""

    model_config = ConfigDict(strict=True)

    title: Annotated[str, Field(max_length=200)] | None = None
    metadata: (
        Annotated[
            dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
            Field(max_length=16),
        ]
        | None
    ) = None


class Conversation(BaseModel):
    """A conversation; times are seconds since 1970."""

    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    updated_at: int
    title: str
    metadata: dict[str, str]


class WholeConversation(Conversation):
    """With all that was said, as a completion's request and answer have it.

    Beyond that, an answer has `metadata`: its `model`, its `usage`, and the `seconds` that it took, as far as they are
    known. A caller may give its own messages some, too; no model is told of it.
    """

    messages: list[dict[str, Any]]


class Page(BaseModel):
    """Conversations, last touched first; `last_id` is the `after` of the next page."""

    object: Literal["list"] = "list"
    data: list[Conversation]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    """A conversation that is no more."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: Literal[True] = True


_BODY: Final = {
    "requestBody": {"content": {"application/json": {"schema": Change.model_json_schema()}}},
}
_PAGE_PARAMETERS: Final = {
    "parameters": [
        {
            "name": "limit",
            "in": "query",
            "schema": {
                "type": "integer",
                "minimum": 1,
                "maximum": _MOST_LISTED,
                "default": _USUALLY_LISTED,
            },
        },
        {"name": "after", "in": "query", "schema": {"type": "string"}},
    ]
}


@router.post("/v1/conversations", openapi_extra=_BODY, responses=errors(413, 415, 429))
async def create_conversation(request: Request) -> Conversation:
    """Begin a conversation."""
    shared, user_id = await _admitted(request)
    change = await _read(request)
    await shared.conversation_rate.take(user_id)
    return _told(await shared.conversations.create(user_id, change.title or "", change.metadata))


@router.get("/v1/conversations", openapi_extra=_PAGE_PARAMETERS, responses=errors(404))
async def list_conversations(request: Request) -> Page:
    """List the caller's conversations."""
    shared, user_id = await _admitted(request)
    after = request.query_params.get("after") or None
    page = await shared.conversations.page(user_id, _limit(request), after)
    data = [_told(each) for each in page.conversations]
    return Page(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=page.has_more,
    )


@router.get("/v1/conversations/{conversation_id}", responses=errors(404, 503))
async def get_conversation(request: Request, conversation_id: str) -> WholeConversation:
    """Read a conversation with its messages."""
    shared, user_id = await _admitted(request)
    conversation, messages = await shared.conversations.get(user_id, conversation_id)
    return WholeConversation(**conversation._asdict(), messages=messages)


@router.post("/v1/conversations/{conversation_id}", openapi_extra=_BODY, responses=errors(404, 413, 415, 503))
async def change_conversation(request: Request, conversation_id: str) -> Conversation:
    """Give a conversation another title or other metadata."""
    shared, user_id = await _admitted(request)
    change = await _read(request)
    return _told(await shared.conversations.change(user_id, conversation_id, change.title, change.metadata))


@router.delete("/v1/conversations/{conversation_id}", responses=errors(404, 503))
async def delete_conversation(request: Request, conversation_id: str) -> Deleted:
    """Forget a conversation."""
    shared, user_id = await _admitted(request)
    await shared.conversations.delete(user_id, conversation_id)
    return Deleted(id=conversation_id)


async def _admitted(request: Request) -> tuple[Deps, str]:
    shared = deps(request)
    user = await shared.access.admit(request)
    return shared, user.id


async def _read(request: Request) -> Change:
    """The body, which may be missing altogether.

    Raises:
        CallerError: as for every body; 400, naming the parameter, for what is none of ours.
    """
    if "Content-Type" not in request.headers and request.headers.get("Content-Length", "0") == "0":
        return Change()
    body = await read_json_body(request)
    try:
        return Change.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        param = str(first["loc"][0]) if first["loc"] else None
        message = f"{param}: {first['msg']}" if param else f"The body is no request: {first['msg']}"
        raise CallerError(400, "invalid_request", message, param=param) from None


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", str(_USUALLY_LISTED))
    if not given.isdecimal() or len(given) > len(str(_MOST_LISTED)) or not 1 <= int(given) <= _MOST_LISTED:
        message = f"limit must be a number from 1 to {_MOST_LISTED}."
        raise CallerError(400, "invalid_request", message, param="limit")
    return int(given)


def _told(conversation: store.Conversation) -> Conversation:
    return Conversation(**conversation._asdict())
