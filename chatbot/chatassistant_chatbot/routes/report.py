"""`GET /report` on the second port: what the operator reads of each pod.

Fixed words and names of tools, and figures of a day that is over: reports are compared, and an equal one is no news.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chatassistant_chatbot.deps import deps


async def report(request: Request) -> Response:
    """What is known of the gateway, the key, the issuer and the tools, and of what was used; see where each part comes from."""
    shared = deps(request)
    credential = shared.credential
    return JSONResponse(
        {
            "gateway": {"problem": credential.standing.problem},
            "credentials": {"newKeyRefused": credential.new_key_refused},
            "access": shared.access.report(),
            "tools": shared.tools.report(),
            "usage": await shared.budget.report(),
        }
    )
