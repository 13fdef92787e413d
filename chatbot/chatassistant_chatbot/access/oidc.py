"""Access by tokens of an OpenID Connect issuer: signed by one of its keys, for this assistant, and for now.

What a token says of itself is believed of nothing but which of the issuer's keys to check it with: keys and URLs in
its header (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.
"""

from typing import Any, Final

import jwt
from jwt import exceptions
from starlette.requests import HTTPConnection

from chatassistant_chatbot.access.bearer import bearer_token, refused
from chatassistant_chatbot.access.discovery import ALGORITHMS
from chatassistant_chatbot.access.keys import IssuerKeys
from chatassistant_chatbot.access.users import User, user_of
from chatassistant_chatbot.settings.configuration import Oidc

_LONGEST_TOKEN: Final = 8192
_CLOCK_SKEW_SECONDS: Final = 30
_REQUIRED: Final = ("exp", "iss", "aud", "sub")
# The first that fits; with none, it is no token at all.
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.ExpiredSignatureError, "has expired: get a new one"),
    (exceptions.ImmatureSignatureError, "is not valid yet: its nbf or iat is in the future"),
    (exceptions.InvalidSignatureError, "has a wrong signature"),
    (exceptions.InvalidIssuerError, "is of another issuer than this assistant's (iss)"),
    (exceptions.InvalidAudienceError, "is meant for somebody else: its aud does not name this assistant"),
    (exceptions.MissingRequiredClaimError, f"lacks a claim: {', '.join(_REQUIRED)} are required"),
    (exceptions.InvalidSubjectError, "has a sub that is no text"),
)


class OidcAccess:
    """Lets in who shows a valid token; a user is an issuer's subject."""

    def __init__(self, oidc: Oidc, keys: IssuerKeys) -> None:
        self._oidc = oidc
        self._keys = keys

    async def admit(self, connection: HTTPConnection) -> User:
        """The user whom the token names.

        Raises:
            CallerError: 401 for a token that does not do, 503 when it cannot be told because the issuer is silent.
        """
        token = bearer_token(connection)
        if len(token) > _LONGEST_TOKEN:
            raise refused(f"The access token has more than {_LONGEST_TOKEN} characters.")
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header)
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._oidc.audience,
                issuer=self._oidc.issuer,
                leeway=_CLOCK_SKEW_SECONDS,
                options={"require": list(_REQUIRED)},
            )
        except exceptions.PyJWTError as error:
            # Its own text can quote the token.
            raise refused(f"The access token {_reason(error)}.") from None
        if not claims["sub"]:
            raise refused("The access token has an empty sub.")
        return user_of("OIDC", self._oidc.issuer, claims["sub"])

    async def _key(self, header: dict[str, Any]) -> jwt.PyJWK:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise refused(
                "The access token is signed in a way that is not accepted: "
                f"its alg must be one of {', '.join(sorted(ALGORITHMS))}."
            )
        key = await self._keys.find(header.get("kid"), algorithm)
        if key is None:
            raise refused("The access token is signed with a key that its issuer does not list for its alg.")
        return key


def _reason(error: Exception) -> str:
    fitting = (reason for kind, reason in _REASONS if isinstance(error, kind))
    return next(fitting, "is no signed JSON Web Token (JWT)")
