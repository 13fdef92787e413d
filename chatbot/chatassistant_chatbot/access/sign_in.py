"""What the page needs to sign its user in: where the issuer wants to see them, and the tokens for their code.

The page is a public client of the issuer's (RFC 6749, section 2.1), whose codes are worth nothing without its verifier
(RFC 7636). It could ask the issuer itself; that it asks here keeps its Content-Security-Policy closed, and asks no
issuer to allow other origins.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

import jwt
import orjson
from jwt.exceptions import PyJWTError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatassistant_chatbot.access.discovery import Issuer, IssuerError
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings.configuration import Oidc

# Each holds a connection to the issuer, which has other clients too.
_MOST_EXCHANGES: Final = 16
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


class SignIn:
    """The issuer, as the page's server asks it for users."""

    def __init__(self, oidc: Oidc, issuer: Issuer) -> None:
        self._audience = oidc.audience
        self._issuer = issuer
        self._exchanging = 0

    async def authorization(self) -> Authorization:
        """Where the user signs in.

        Raises:
            IssuerError: when the issuer does not say.
        """
        endpoint = (await self._issuer.configuration()).authorization_endpoint
        if endpoint is None or urlsplit(endpoint).scheme not in {"https", "http"}:
            raise IssuerError("it names no authorization_endpoint on the web, at which users could sign in")
        return Authorization(authorization_endpoint=endpoint, client_id=self._audience)

    async def redeem(self, grant: Grant) -> Tokens:
        """The tokens for a grant.

        Raises:
            CallerError: 429 while as many exchanges as may be are under way.
            RefusedGrantError: when the issuer gives none.
            IssuerError: when it cannot be asked, or gives tokens that are for somebody else.
        """
        endpoint = (await self._issuer.configuration()).token_endpoint
        if endpoint is None:
            raise IssuerError("it names no token_endpoint, so that users cannot sign in")
        form = {"grant_type": grant.grant_type, "client_id": self._audience}
        answer = await self._exchanged(endpoint, form | grant.model_dump(exclude_none=True))
        token = next(self._fitting(answer), None)
        if token is None:
            raise IssuerError(f"it gave no token for the audience {self._audience}")
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
            if audience == self._audience or (isinstance(audience, list) and self._audience in audience):
                yield str(token)

    async def _exchanged(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """What the issuer answers a grant."""
        if self._exchanging >= _MOST_EXCHANGES:
            raise CallerError(
                429,
                "rate_limit_exceeded",
                "Too many users sign in at this moment: try again in a second.",
                type="rate_limit_error",
                retry_after=1,
            )
        self._exchanging += 1
        try:
            status, content = await self._issuer.post(url, form)
        finally:
            self._exchanging -= 1
        if status in {400, 401, 403}:
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
