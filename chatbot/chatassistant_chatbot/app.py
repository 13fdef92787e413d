"""The application on the main port."""

from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from chatassistant_chatbot.access.guard import Guard
from chatassistant_chatbot.deps import Deps, deps
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.hang_up import HangUpError
from chatassistant_chatbot.middleware import Observed
from chatassistant_chatbot.routes import completions, conversations, document, models, page, sign_in

# nginx's number for a caller that went away; nobody sees it but the log and the metrics.
_CLIENT_CLOSED_REQUEST = 499
_ROUTERS = (completions.router, conversations.router, models.router, page.router, sign_in.router)


class _Api(FastAPI):
    """Describes what FastAPI cannot know, such as the body of a completion, which no handler takes as an argument."""

    def openapi(self) -> dict[str, Any]:
        """The document at /openapi.json, which is made once."""
        if self.openapi_schema is None:
            made = super().openapi()
            made["components"]["schemas"] |= completions.request_schemas()
            document.complete(made, self.state.deps.settings.configuration.access)
            self.openapi_schema = made
        return self.openapi_schema


def chat_app(shared: Deps) -> ASGIApp:
    """`/v1`, OpenAI-compatible; every error has OpenAI's shape."""
    app = _Api(
        title="ChatAssistant",
        version=version("chatassistant"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.deps = shared
    for router in _ROUTERS:
        app.include_router(router)
    app.add_exception_handler(CallerError, _caller_error)
    app.add_exception_handler(HangUpError, _hang_up)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)
    return Observed(Guard(_Direct(app), shared.settings), shared.metrics)


class _Direct:
    """Leads the one request that counts past FastAPI's layers, which cost it 70 us; all others go through them."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._route = next(each for each in completions.router.routes if isinstance(each, APIRoute))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, as the handlers of the application would."""
        is_ours = scope["type"] == "http" and scope["path"] == self._route.path and scope["method"] == "POST"
        if not is_ours:
            await self._app(scope, receive, send)
            return
        scope["app"], scope["route"] = self._app, self._route
        request = Request(scope, receive)
        try:
            response = await completions.create_chat_completion(request)
        except CallerError as error:
            deps(request).metrics.errors(error.code).inc()
            response = _told(error)
        except HangUpError as error:
            response = await _hang_up(request, error)
        except Exception as error:
            await (await _defect(request, error))(scope, receive, send)
            raise
        await response(scope, receive, send)


async def _caller_error(_: Request, error: Exception) -> Response:
    return _told(cast("CallerError", error))


async def _hang_up(request: Request, _: Exception) -> Response:
    deps(request).metrics.hang_ups.inc()
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _http_error(request: Request, error: Exception) -> Response:
    """404 and 405, which Starlette words in its own way."""
    error = cast("HTTPException", error)
    code = "method_not_allowed" if error.status_code == 405 else "unknown_url"  # noqa: PLR2004 (HTTP's own)
    message = f"{error.detail}: {request.method} {request.url.path} is not served here."
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _allowed(request)
    return _told(CallerError(error.status_code, code, message, headers=headers))


def _allowed(request: Request) -> str:
    """All methods of a path; Starlette names those of its first route only."""
    routes = (each for router in _ROUTERS for each in router.routes if isinstance(each, APIRoute))
    here = (each for each in routes if each.matches(request.scope)[0] is Match.PARTIAL)
    return ", ".join(sorted({method for each in here for method in each.methods or ()}))


async def _defect(_: Request, __: Exception) -> Response:
    """Something that nobody thought of: the log has it all, the caller a polite word."""
    return _told(CallerError(500, "internal_error", "The assistant made a mistake.", type="api_error"))


def _told(error: CallerError) -> Response:
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers())
