"""`GET /v1/models`: the names by which a request may call the assistant's models."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from chatassistant_chatbot.deps import deps
from chatassistant_chatbot.routes.document import errors
from chatassistant_chatbot.turn import offered

router = APIRouter()


class Model(BaseModel):
    """A name that a request may give as its `model`; nobody tells when models came to be."""

    id: str
    object: Literal["model"] = "model"
    created: Literal[0] = 0
    owned_by: Literal["chatassistant"] = "chatassistant"


class Models(BaseModel):
    """All names, the main model's first."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/v1/models", tags=["models"], responses=errors())
async def list_models(request: Request) -> Models:
    """List the models that a request may name."""
    await deps(request).access.admit(request)
    return Models(data=[Model(id=each) for each in offered(deps(request).settings.configuration.model)])
