"""`GET /v1/models`: the names by which a request may call the assistant's models."""

from typing import Any

from fastapi import APIRouter, Request

from chatassistant_chatbot.deps import deps
from chatassistant_chatbot.turn import offered

router = APIRouter()


@router.get("/v1/models", tags=["models"])
async def list_models(request: Request) -> dict[str, Any]:
    """List the models that a request may name."""
    await deps(request).access.admit(request)
    models = [
        {"id": each, "object": "model", "created": 0, "owned_by": "chatassistant"}
        for each in offered(deps(request).settings.configuration.model)
    ]
    return {"object": "list", "data": models}
