"""The application on the main port."""

import logging
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chatassistant_chatbot.deps import Deps
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.middleware import Observed
from chatassistant_chatbot.routes import completions, models

logger = logging.getLogger(__name__)


def chat_app(shared: Deps) -> FastAPI:
    """`/v1`, OpenAI-compatible; every error has OpenAI's shape."""
    app = FastAPI(
        title="ChatAssistant",
        version=version("chatassistant"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.deps = shared
    app.include_router(completions.router)
    app.include_router(models.router)
    app.add_exception_handler(CallerError, _caller_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)
    app.add_middleware(Observed, metrics=shared.metrics)
    return app


async def _caller_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, CallerError):
        raise TypeError(error)
    headers = error.headers()
    if error.status == 401:  # noqa: PLR2004 (HTTP's own)
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """404 and 405, as OpenAI words them."""
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    told = CallerError(
        error.status_code,
        "invalid_request",
        f"{error.detail}: {request.method} {request.url.path} is not served here.",
    )
    return JSONResponse(told.body(), status_code=error.status_code, headers=error.headers)


async def _defect(_: Request, error: Exception) -> JSONResponse:
    """Something that nobody thought of: the log has it all, the caller a polite word."""
    logger.error("a request failed by a defect", exc_info=error)
    told = CallerError(500, "internal_error", "The assistant made a mistake.", type="api_error")
    return JSONResponse(told.body(), status_code=500)
