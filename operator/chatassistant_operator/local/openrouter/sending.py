"""How an answer of the stand-in goes out: in one piece or as a stream, and spoilt as a fault says."""

import asyncio
import json
from typing import Any, Final

from aiohttp import web

from chatassistant_operator.local.openrouter import errors
from chatassistant_operator.local.openrouter.completions import Completion
from chatassistant_operator.local.openrouter.faults import Fault

_COMMENT: Final = b": OPENROUTER PROCESSING\n\n"
_DONE: Final = b"data: [DONE]\n\n"


async def instead(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """The answer that a fault puts in the place of the right one, if it does."""
    await asyncio.sleep(fault.delay_seconds)
    if fault.black_hole:
        await asyncio.Event().wait()
    if fault.hang_up:
        return _cut(request, web.Response())
    if isinstance(fault.body, str):
        status = fault.status or 200
        return web.Response(text=fault.body, status=status, headers=fault.headers, content_type="text/html")
    if fault.body is not None:
        return web.json_response(fault.body, status=fault.status or 200, headers=fault.headers)
    if fault.error is not None or fault.status is not None:
        error = errors.NAMED[fault.error]() if fault.error else errors.for_status(fault.status or 500)
        headers = {**error.headers, **fault.headers}
        return web.json_response(error.body, status=fault.status or error.status, headers=headers)
    return None


def whole(content: dict[str, Any], fault: Fault) -> web.Response:
    """A JSON answer."""
    text = "\n\n\n" * fault.leading_newlines + json.dumps(content, ensure_ascii=False)
    return web.Response(text=text, headers=fault.headers, content_type="application/json")


async def stream(request: web.Request, completion: Completion, fault: Fault) -> web.StreamResponse:
    """Server-sent events: comments while it works, the pieces with the usage last, `[DONE]`."""
    response = web.StreamResponse(
        headers={"X-Generation-Id": completion.id, "Cache-Control": "no-cache", **fault.headers}
    )
    response.content_type = "text/event-stream"
    await response.prepare(request)
    await response.write(_COMMENT)
    for number, chunk in enumerate(completion.as_chunks(usage_in_delta=fault.usage_in_delta)):
        if fault.token_seconds:
            await response.write(_COMMENT)
            await asyncio.sleep(fault.token_seconds)
        if number == fault.cut_after:
            return _cut(request, response)
        if number == fault.error_after:
            await response.write(_event(completion.error_chunk(fault.error_code)))
            if fault.done_after_error:
                await response.write(_DONE)
            return response
        event = _event(chunk)
        size = 1 if fault.split_bytes else len(event)
        for start in range(0, len(event), size):
            await response.write(event[start : start + size])
            # Let each piece leave before the next one.
            await asyncio.sleep(0)
    await response.write(_DONE)
    return response


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection; what is left of the response goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return response
