"""The second port: probes, metrics and the report."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chatassistant_chatbot.deps import Deps, deps
from chatassistant_chatbot.routes.report import report


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _readyz(request: Request) -> Response:
    draining = deps(request).draining
    return JSONResponse({"status": "draining" if draining else "ok"}, status_code=503 if draining else 200)


async def _metrics(request: Request) -> Response:
    return Response(deps(request).metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def health_app(shared: Deps) -> Starlette:
    """`/healthz`, `/readyz`, `/metrics` and `/report`."""
    routes = [
        Route("/healthz", _healthz),
        Route("/readyz", _readyz),
        Route("/metrics", _metrics),
        Route("/report", report),
    ]
    app = Starlette(routes=routes)
    app.state.deps = shared
    return app
