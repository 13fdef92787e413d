"""A chatbot as tutorials write it, with FastAPI and httpx; `CLIENT` says whether requests share a client."""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

UPSTREAM = f"{os.environ['UPSTREAM']}/chat/completions"
_KEY = {"Authorization": f"Bearer {os.environ['KEY']}"}
_SHARED = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=None))
app = FastAPI()


class Question(BaseModel):
    """What is asked."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool = False


@asynccontextmanager
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    """The shared client, or one of the request's own."""
    if os.environ["CLIENT"] == "shared":
        yield _SHARED
        return
    async with httpx.AsyncClient(timeout=30) as own:
        yield own


@app.get("/")
async def ready() -> None:
    """Answer a probe."""


@app.post("/v1/chat/completions")
async def complete(question: Question) -> Any:
    """Answer in one piece, or as the answer comes."""
    if question.stream:
        return StreamingResponse(_stream(question), media_type="text/event-stream")
    async with client() as http:
        answer = await http.post(UPSTREAM, headers=_KEY, json=question.model_dump())
        return answer.json()


async def _stream(question: Question) -> AsyncIterator[bytes]:
    async with (
        client() as http,
        http.stream("POST", UPSTREAM, headers=_KEY, json=question.model_dump()) as answer,
    ):
        async for chunk in answer.aiter_bytes():
            yield chunk


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False, log_level="warning")
