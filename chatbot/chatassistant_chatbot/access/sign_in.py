"""What the page needs to sign its user in: where the issuer wants to see them, and the tokens for their code.

The page is a public client of the issuer's (RFC 6749, section 2.1), whose codes are worth nothing without its verifier
(RFC 7636). It could ask the issuer itself; that it asks here keeps its Content-Security-Policy closed, and asks no
issuer to allow other origins.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

import aiohttp
import jwt
import orjson
from jwt.exceptions import PyJWTError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatassistant_chatbot.access.discovery import IssuerError
from chatassistant_chatbot.addresses import Endpoints, Reach, guarded_connector
from chatassistant_chatbot.settings.configuration import Oidc

_SECONDS: Final = 10.0
_LARGEST_ANSWER: Final = 512 * 1024
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_SCOPE: Final = "openid"


class RefusedGrantError(Exception):
    """The issuer gives no tokens for a code or a refresh token."""


class Authorization(BaseModel):
    """Where a user signs in, and as whose client the page sends them there."""

    authorization_endpoint: str
    client_id: str
    scope: str = _SCOPE


class Grant(BaseModel):
    """What the page has got: a code with what belongs to it, or a refresh token."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    code: str | None = Field(None, max_length=4096)
    code_verifier: str | None = Field(None, max_length=128)
    redirect_uri: str | None = Field(None, max_length=2048)
    refresh_token: str | None = Field(None, max_length=8192)

    @property
    def grant_type(self) -> Literal["authorization_code", "refresh_token"]:
        """RFC 6749's name for it."""
        return "refresh_token" if self.refresh_token else "authorization_code"


class Tokens(BaseModel):
    """What the page shows from then on; `expires_in` is in seconds."""

    token: str
    refresh_token: str | None = None
    expires_in: int | None = None


class _Configuration(BaseModel):
    """OpenID Connect Discovery 1.0, section 3: what is used of it here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str


class SignIn:
    """The issuer, as the page's server asks it; its URLs lead no further than `endpoints` lets them."""

    def __init__(self, oidc: Oidc, endpoints: Endpoints) -> None:
        self._oidc = oidc
        self._reach = endpoints.reach(oidc.issuer)

    async def authorization(self) -> Authorization:
        """Where the user signs in.

        Raises:
            IssuerError: when the issuer does not say.
        """
        endpoint = (await self._configuration()).authorization_endpoint
        if urlsplit(endpoint).scheme not in {"https", "http"}:
            raise IssuerError("its authorization_endpoint is no web address")
        return Authorization(authorization_endpoint=endpoint, client_id=self._oidc.audience)

    async def redeem(self, grant: Grant) -> Tokens:
        """The tokens for a grant.

        Raises:
            RefusedGrantError: when the issuer gives none.
            IssuerError: when it cannot be asked, or gives tokens that are for somebody else.
        """
        endpoint = (await self._configuration()).token_endpoint
        form = {"grant_type": grant.grant_type, "client_id": self._oidc.audience}
        answer = await self._asked(endpoint, form | grant.model_dump(exclude_none=True))
        token = next(self._fitting(answer), None)
        if token is None:
            raise IssuerError(f"it gave no token for the audience {self._oidc.audience}")
        try:
            return Tokens.model_validate({**answer, "token": token})
        except ValidationError:
            raise IssuerError("it answered with no tokens as RFC 6749 has them") from None

    def _fitting(self, answer: Mapping[str, Any]) -> Iterator[str]:
        """The access token when it is one for us, else the identity token; whoever gets it checks it for good."""
        for token in (answer.get("access_token"), answer.get("id_token")):
            try:
                claims = jwt.decode(str(token), options={"verify_signature": False})
            except PyJWTError:
                continue
            audience: object = claims.get("aud")
            if audience == self._oidc.audience or (
                isinstance(audience, list) and self._oidc.audience in audience
            ):
                yield str(token)

    async def _configuration(self) -> _Configuration:
        answer = await self._asked(f"{self._oidc.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            configuration = _Configuration.model_validate(answer)
        except ValidationError:
            raise IssuerError("it answered with no openid-configuration by which users can sign in") from None
        if configuration.issuer != self._oidc.issuer:
            raise IssuerError("its openid-configuration names another issuer")
        return configuration

    async def _asked(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object from the issuer."""
        reach = self._reach if _origin(url) == _origin(self._oidc.issuer) else Reach.PUBLIC
        if not url.startswith("https://") and reach == Reach.PUBLIC:
            raise IssuerError("one of its URLs is not https, which only a Service or a listed URL may be")
        try:
            async with asyncio.timeout(_SECONDS):
                status, content = await _exchanged(url, reach, form)
        except TimeoutError:
            raise IssuerError(f"it gave no answer within {_SECONDS:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise IssuerError(f"the connection failed ({type(error).__name__})") from None
        if form is not None and status in {400, 401, 403}:
            raise RefusedGrantError
        if status != 200:  # noqa: PLR2004 (HTTP's own)
            raise IssuerError(f"it answered {status}")
        try:
            answer: object = orjson.loads(content)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise IssuerError("it answered with no JSON object")
        return cast("dict[str, Any]", answer)


async def _exchanged(url: str, reach: Reach, form: Mapping[str, str] | None) -> tuple[int, bytes]:
    """A request's status and content; no redirect is followed, and nobody's cookie is kept."""
    method = "GET" if form is None else "POST"
    async with (
        aiohttp.ClientSession(
            connector=guarded_connector(reach), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session,
        session.request(method, url, data=form, allow_redirects=False, headers=_HEADERS) as response,
    ):
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > _LARGEST_ANSWER:
                raise ValueError("too large")
        return response.status, bytes(content)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
