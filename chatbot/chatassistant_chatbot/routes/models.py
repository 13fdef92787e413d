"""`GET /v1/models`: the names by which a request may call the assistant's model."""

from typing import Any

from fastapi import APIRouter, Request

from chatassistant_chatbot.deps import admit, deps
from chatassistant_chatbot.turn import DEFAULT_MODEL

router = APIRouter()


@router.get("/v1/models", tags=["models"])
async def list_models(request: Request) -> dict[str, Any]:
    """List the models that a request may name."""
    admit(request)
    name = deps(request).settings.configuration.model.name
    models = [
        {"id": each, "object": "model", "created": 0, "owned_by": "chatassistant"}
        for each in (name, DEFAULT_MODEL)
    ]
    return {"object": "list", "data": models}
