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
    shared = deps(request)
    status = "draining" if shared.draining else "ok"
    return JSONResponse({"status": status, **shared.detail()}, status_code=503 if shared.draining else 200)


async def _metrics(request: Request) -> Response:
    shared = deps(request)
    shared.metrics.spent(await shared.budget.spent())
    return Response(shared.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


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
