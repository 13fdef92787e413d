"""A proxy that serves another server below a path, as an ingress does that takes the path away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web

_HOP_BY_HOP: Final = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


@asynccontextmanager
async def below(prefix: str, url: str) -> AsyncIterator[str]:
    """The address of the server at `url` below `prefix`; anything else at that address is a 404."""

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        target = url + request.rel_url.raw_path_qs.removeprefix(prefix)
        body = await request.read()
        async with session.request(request.method, target, headers=headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response

    app = web.Application()
    app.router.add_route("*", prefix + "/{path:.*}", handle)
    runner = web.AppRunner(app)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}{prefix}"
        finally:
            await runner.cleanup()
