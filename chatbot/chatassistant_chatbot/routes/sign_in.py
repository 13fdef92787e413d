"""`/page/sign-in.json` and `/page/token`: by which the page signs its user in with the assistant's issuer."""

import logging
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from chatassistant_chatbot.access.clients import origin_of
from chatassistant_chatbot.deps import deps
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.requests import read_json_body

if TYPE_CHECKING:
    from chatassistant_chatbot.access.discovery import IssuerError
    from chatassistant_chatbot.access.sign_in import SignIn

logger = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_RETRY_SECONDS: Final = 10


@router.get("/page/sign-in.json")
async def where_to_sign_in(request: Request) -> Response:
    """Where the issuer wants to see the user."""
    from chatassistant_chatbot.access.discovery import IssuerError  # noqa: PLC0415 (as in access.admission)

    try:
        told = await _sign_in(request).authorization()
    except IssuerError as error:
        raise _unavailable(error) from None
    return Response(told.model_dump_json(), media_type="application/json", headers=_NOT_KEPT)


@router.post("/page/token")
async def tokens(request: Request) -> Response:
    """The tokens for the code that the issuer gave the user, or for a refresh token; so many a minute and address."""
    from chatassistant_chatbot.access.discovery import IssuerError  # noqa: PLC0415 (as in access.admission)
    from chatassistant_chatbot.access.sign_in import Grant, RefusedGrantError  # noqa: PLC0415 (the same)

    sign_in, shared = _sign_in(request), deps(request)
    try:
        grant = Grant.model_validate_json(await read_json_body(request))
    except ValidationError:
        raise CallerError(400, "invalid_request", "The body must be a code or a refresh token.") from None
    await shared.sign_in_rate.take(origin_of(request, shared.settings.configuration.trusted_proxies))
    try:
        told = await sign_in.redeem(grant)
    except RefusedGrantError:
        raise CallerError(400, "invalid_grant", "The issuer gives no token: sign in again.") from None
    except IssuerError as error:
        raise _unavailable(error) from None
    content = told.model_dump_json(exclude_none=True)
    return Response(content, media_type="application/json", headers=_NOT_KEPT)


def _sign_in(request: Request) -> "SignIn":
    sign_in = deps(request).access.sign_in
    if sign_in is None:
        raise CallerError(404, "unknown_url", "Nobody signs in here: access.mode is not OIDC.")
    return sign_in


def _unavailable(error: "IssuerError") -> CallerError:
    logger.warning("a user cannot sign in: of the issuer, %s", error)
    return CallerError(
        503,
        "access_unavailable",
        "The issuer cannot be asked to sign anybody in now.",
        type="api_error",
        retry_after=_RETRY_SECONDS,
    )
