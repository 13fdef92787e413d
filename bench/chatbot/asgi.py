"""The floor: what a proxy in Python cannot do without. Bytes in, bytes out, by ASGI and aiohttp alone."""

import os
from typing import Any

import aiohttp
import uvicorn

UPSTREAM = f"{os.environ['UPSTREAM']}/chat/completions"
_KEY = {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": "application/json"}


class Proxy:
    """Passes each body on and each answer back, unread."""

    session: aiohttp.ClientSession

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await receive()
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.session.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["method"] == "GET":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        async with self.session.post(UPSTREAM, data=body, headers=_KEY) as answer:
            kind = answer.headers["Content-Type"].encode()
            start = {"type": "http.response.start", "status": answer.status}
            await send({**start, "headers": [(b"content-type", kind)]})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})


if __name__ == "__main__":
    uvicorn.run(Proxy(), port=int(os.environ["PORT"]), loop="uvloop", http="httptools", log_level="warning")
